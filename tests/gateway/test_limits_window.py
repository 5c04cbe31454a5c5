"""The minute that is counted: never more than the limit in any of them, never much less."""

from __future__ import annotations

from array import array
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.limits.window import CELLS, PER_SECOND, SPAN, quarter_with_room, use, used

LIMIT = 7


def cells(windows: int = 1) -> memoryview:
    return memoryview(array("q", [0] * CELLS * windows))


def admitted(view: memoryview, moment: float, *, limit: int = LIMIT) -> bool:
    quarter = int(moment * PER_SECOND)
    if used(view, 0, quarter) >= limit:
        return False
    use(view, 0, quarter, amount=1)
    return True


gaps = st.lists(
    st.one_of(st.floats(0, 0.3), st.floats(0, 12), st.floats(55, 65), st.floats(0, 400)),
    max_size=120,
)


@given(gaps, st.floats(1, 1e6))
@settings(max_examples=200)
def test_no_minute_ever_holds_more_than_the_limit(pauses: list[float], start: float) -> None:
    view, inside, moment = cells(), deque[float](), start
    for pause in pauses:
        moment += pause
        while inside and moment - inside[0] >= 60.0:
            inside.popleft()
        if admitted(view, moment):
            inside.append(moment)
        assert len(inside) <= LIMIT


@given(gaps, st.floats(1, 1e6))
def test_a_call_is_let_in_if_the_last_sixty_and_a_quarter_seconds_have_room(
    pauses: list[float], start: float
) -> None:
    view, inside, moment = cells(), deque[float](), start
    for pause in pauses:
        moment += pause
        while inside and moment - inside[0] > 60.0 + 1 / PER_SECOND:
            inside.popleft()
        room = len(inside) < LIMIT
        let_in = admitted(view, moment)
        assert let_in or not room
        if let_in:
            inside.append(moment)


def test_under_steady_pressure_a_limit_of_600_lets_nearly_600_a_minute_through() -> None:
    view = cells()
    let_in = sum(admitted(view, 1000 + n / 20, limit=600) for n in range(20 * 60 * 60))
    assert 0.995 * 600 * 60 < let_in <= 600 * 61


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 50)), min_size=1, max_size=60))
def test_the_sum_is_that_of_the_quarters_that_count(uses: list[tuple[int, int]]) -> None:
    view, quarter, made = cells(), 10_000, list[tuple[int, int]]()
    for pause, amount in uses:
        quarter += pause
        use(view, 0, quarter, amount=amount)
        made.append((quarter, amount))
        for later in (quarter, quarter + 1, quarter + SPAN, quarter + SPAN + 1):
            expected = sum(amount for at, amount in made if later - SPAN <= at)
            assert used(view, 0, later) == expected


def test_a_clock_that_began_anew_frees_everything() -> None:
    view = cells()
    use(view, 0, 1_000_000, amount=5)
    assert used(view, 0, 100) == 0
    use(view, 0, 100, amount=2)
    assert used(view, 0, 100) == 2


def test_a_reader_whose_clock_is_a_moment_behind_counts_all_the_same() -> None:
    view = cells()
    use(view, 0, 1000, amount=3)
    assert used(view, 0, 999) == 3
    use(view, 0, 999, amount=1)
    assert used(view, 0, 1000) == 4


def test_a_read_between_two_writes_of_another_process_is_never_below_nothing() -> None:
    view = cells()
    use(view, 0, 1000, amount=3)
    view[2:] = memoryview(array("q", [9] * (CELLS - 2)))
    assert used(view, 0, 1000) == 0


def test_the_first_quarter_with_room_is_when_enough_has_passed() -> None:
    view = cells()
    use(view, 0, 1000, amount=3)
    use(view, 0, 1100, amount=3)

    def taken(quarter: int) -> int:
        return used(view, 0, quarter)

    assert quarter_with_room(taken, 1200, 6) == 1200
    assert quarter_with_room(taken, 1200, 5) == 1000 + SPAN + 1
    assert quarter_with_room(taken, 1200, 2) == 1100 + SPAN + 1
    assert quarter_with_room(taken, 1200, -1) is None

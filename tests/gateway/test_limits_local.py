"""Limits kept in this machine's ledgers: what is counted, when it is free again, what outlives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits import Allowance, Exceeded, Lease, Resource, Usage
from gateway.limits.local import LocalLimiter
from gateway.limits.months import month_of
from tests.gateway.limits_clock import FakeClock, at, let_in, turned_away

RATE = Allowance("a", rpm=3)
TOKENS = Allowance("a", tpm=1000)
CROWD = Allowance("a", max_concurrency=2)
BUDGET = Allowance("a", usd_per_month=1.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def limiter(clock: FakeClock, tmp_path: Path) -> LocalLimiter:
    return clock.limiter(tmp_path)


async def test_requests_are_let_in_up_to_the_limit_and_again_a_minute_later(
    clock: FakeClock, limiter: LocalLimiter
) -> None:
    for _ in range(3):
        lease = await limiter.admit(RATE, 0)
        assert not isinstance(lease, Exceeded)
        lease.settle(None, None)
        clock.pass_(10)
    told = turned_away(limiter, RATE)
    assert told.what is Resource.REQUESTS
    assert (told.limit, told.remaining) == (3, 0)
    assert told.retry_after_seconds == pytest.approx(30.25)
    assert told.reset_seconds == pytest.approx(50.25)
    clock.pass_(told.retry_after_seconds)
    let_in(limiter, RATE)
    turned_away(limiter, RATE)


def test_a_call_that_was_turned_away_uses_nothing_up(
    clock: FakeClock, limiter: LocalLimiter
) -> None:
    let_in(limiter, RATE)
    clock.pass_(30)
    let_in(limiter, RATE)
    let_in(limiter, RATE)
    for _ in range(20):
        turned_away(limiter, RATE)
    clock.pass_(30.25)
    let_in(limiter, RATE)


def test_each_client_has_limits_of_its_own(limiter: LocalLimiter) -> None:
    for _ in range(3):
        let_in(limiter, RATE)
    turned_away(limiter, RATE)
    let_in(limiter, Allowance("b", rpm=1))


def test_a_new_limit_holds_at_once_for_what_was_used_before(limiter: LocalLimiter) -> None:
    let_in(limiter, Allowance("a"))
    let_in(limiter, Allowance("a"))
    assert turned_away(limiter, Allowance("a", rpm=2)).limit == 2
    let_in(limiter, Allowance("a", rpm=3))


def test_tokens_are_debited_when_they_are_known_and_held_until_then(limiter: LocalLimiter) -> None:
    first = let_in(limiter, TOKENS, 600)
    told = turned_away(limiter, TOKENS, 500)
    assert told.what is Resource.TOKENS
    assert told.remaining == 400
    first.settle(Usage(60, 40), None)
    let_in(limiter, TOKENS, 500)
    assert turned_away(limiter, TOKENS, 500).remaining == 400


def test_a_call_that_used_more_than_was_left_makes_the_next_one_wait(
    clock: FakeClock, limiter: LocalLimiter
) -> None:
    let_in(limiter, TOKENS, 10).settle(Usage(10, 5000), None)
    told = turned_away(limiter, TOKENS, 1)
    assert told.remaining == 0
    assert told.retry_after_seconds == pytest.approx(60.25)
    clock.pass_(60.25)
    let_in(limiter, TOKENS, 1)


def test_the_wait_for_tokens_is_until_enough_of_them_are_free(
    clock: FakeClock, limiter: LocalLimiter
) -> None:
    for used in (300, 300, 300):
        let_in(limiter, TOKENS, 1).settle(Usage(used, 0), None)
        clock.pass_(10)
    assert turned_away(limiter, TOKENS, 300).retry_after_seconds == pytest.approx(30.25)
    assert turned_away(limiter, TOKENS, 500).retry_after_seconds == pytest.approx(40.25)


def test_an_estimate_above_the_whole_limit_passes_when_nothing_else_does(
    limiter: LocalLimiter,
) -> None:
    first = let_in(limiter, TOKENS, 1_000_000)
    told = turned_away(limiter, TOKENS, 1)
    assert told.retry_after_seconds == 1.0
    first.settle(Usage(500, 100), None)
    let_in(limiter, TOKENS, 400)


def test_a_call_that_failed_costs_no_tokens(limiter: LocalLimiter) -> None:
    let_in(limiter, TOKENS, 1000).settle(None, None)
    let_in(limiter, TOKENS, 1000)


def test_calls_at_once_are_limited_until_one_of_them_ends(limiter: LocalLimiter) -> None:
    first, _ = let_in(limiter, CROWD), let_in(limiter, CROWD)
    told = turned_away(limiter, CROWD)
    assert (told.what, told.retry_after_seconds) == (Resource.CONCURRENCY, 1.0)
    first.settle(None, None)
    let_in(limiter, CROWD)
    turned_away(limiter, CROWD)


def test_a_lease_that_is_settled_twice_counts_once(limiter: LocalLimiter) -> None:
    first, _ = let_in(limiter, CROWD), let_in(limiter, CROWD)
    first.settle(Usage(1, 1), 0.1)
    first.settle(Usage(1, 1), 5.0)
    let_in(limiter, CROWD)
    turned_away(limiter, CROWD)
    let_in(limiter, BUDGET)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60))
def test_whatever_calls_come_and_go_their_places_are_all_free_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, int]]
) -> None:
    limiter = FakeClock().limiter(tmp_path_factory.mktemp("limits"))
    allowance = Allowance("a", tpm=100, max_concurrency=5)
    leases: list[Lease] = []
    for comes, which in steps:
        if comes:
            told = limiter.admit_now(allowance, which)
            leases += [] if isinstance(told, Exceeded) else [told]
        elif leases:
            leases[which % len(leases)].settle(None, None)
    for lease in leases:
        lease.settle(None, None)
    for _ in range(5):
        let_in(limiter, allowance, 20)
    turned_away(limiter, allowance)


def test_a_budget_is_spent_when_its_calls_cost_as_much(limiter: LocalLimiter) -> None:
    let_in(limiter, BUDGET).settle(Usage(1, 1), 0.6)
    let_in(limiter, BUDGET).settle(Usage(1, 1), 0.4)
    told = turned_away(limiter, BUDGET)
    assert (told.what, told.limit) == (Resource.BUDGET, 1.0)


def test_the_cheapest_calls_add_up_exactly(limiter: LocalLimiter) -> None:
    tiny = Allowance("a", usd_per_month=0.000_02)
    for _ in range(1000):
        let_in(limiter, tiny).settle(Usage(1, 0), 0.000_000_02)
    turned_away(limiter, tiny)


def test_a_budget_of_nothing_lets_nothing_in(limiter: LocalLimiter) -> None:
    turned_away(limiter, Allowance("a", usd_per_month=0.0))


def test_a_budget_begins_anew_with_the_month_in_utc(
    clock: FakeClock, limiter: LocalLimiter
) -> None:
    let_in(limiter, BUDGET).settle(None, 2.0)
    told = turned_away(limiter, BUDGET)
    assert told.retry_after_seconds == at(2026, 12, 1) - at(2026, 11, 21)
    clock.wall_now = at(2026, 12, 1) - 0.001
    turned_away(limiter, BUDGET)
    clock.wall_now = at(2026, 12, 1)
    let_in(limiter, BUDGET).settle(None, 0.5)
    let_in(limiter, BUDGET)
    clock.wall_now = at(2027, 1, 1)
    let_in(limiter, BUDGET)


@pytest.mark.parametrize(
    ("moment", "begins", "ends"),
    [
        (at(2026, 11, 1), at(2026, 11, 1), at(2026, 12, 1)),
        (at(2026, 12, 31) + 86_399.9, at(2026, 12, 1), at(2027, 1, 1)),
        (at(2028, 2, 29), at(2028, 2, 1), at(2028, 3, 1)),
    ],
)
def test_a_month_begins_and_ends_as_the_calendar_says(
    moment: float, begins: float, ends: float
) -> None:
    found = month_of(moment)
    assert (found.begins, found.ends) == (begins, ends)
    assert month_of(ends).number == found.number + 1
    assert found.holds(moment)
    assert not found.holds(ends)


def test_a_clock_that_is_put_back_frees_no_budget(clock: FakeClock, limiter: LocalLimiter) -> None:
    let_in(limiter, BUDGET).settle(None, 2.0)
    clock.wall_now = at(1970, 1, 1)
    turned_away(limiter, BUDGET)
    let_in(limiter, RATE).settle(None, 0.5)
    clock.wall_now = at(2026, 11, 22)
    turned_away(limiter, BUDGET)
    turned_away(limiter, Allowance("a", usd_per_month=2.5))


@pytest.mark.parametrize("usd", [float("nan"), float("inf"), -1.0, 1e300, None, 0.0])
@pytest.mark.parametrize("tokens", [0, -5, 1 << 80])
def test_settling_raises_nothing_whatever_it_is_told(
    limiter: LocalLimiter, usd: float | None, tokens: int
) -> None:
    let_in(limiter, Allowance("a", tpm=1)).settle(Usage(tokens, 0), usd)
    let_in(limiter, CROWD)


async def test_spending_and_rates_outlive_a_restart(clock: FakeClock, tmp_path: Path) -> None:
    allowance = Allowance("a", rpm=1, usd_per_month=1.0)
    first = clock.limiter(tmp_path)
    let_in(first, allowance).settle(None, 0.5)
    await first.aclose()
    second = clock.limiter(tmp_path)
    assert turned_away(second, allowance).what is Resource.REQUESTS
    clock.pass_(61)
    let_in(second, allowance).settle(None, 0.5)
    assert turned_away(second, allowance).what is Resource.BUDGET


async def test_a_limiter_that_is_closed_still_takes_what_its_last_calls_used(
    clock: FakeClock, tmp_path: Path
) -> None:
    first = clock.limiter(tmp_path)
    lease = let_in(first, BUDGET)
    await first.aclose()
    second = clock.limiter(tmp_path)
    assert (tmp_path / "slot-1.ledger").exists()
    lease.settle(None, 2.0)
    turned_away(second, BUDGET)
    turned_away(clock.limiter(tmp_path), BUDGET)
    assert not (tmp_path / "slot-2.ledger").exists()


async def test_a_ledger_that_is_given_up_is_taken_by_the_next_worker(
    clock: FakeClock, tmp_path: Path
) -> None:
    first = clock.limiter(tmp_path)
    let_in(first, RATE).settle(None, None)
    await first.aclose()
    let_in(clock.limiter(tmp_path), RATE)
    assert not (tmp_path / "slot-1.ledger").exists()

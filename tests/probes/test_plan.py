"""What a run asks, and in which order."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from probes.plan import make_plan
from tests.probes.trials import a_set


def test_without_a_limit_every_prompt_is_planned_once() -> None:
    plan = make_plan([a_set("hard"), a_set("toxic")])
    assert Counter(case.set for case in plan.cases) == {"hard": 10, "toxic": 10}
    assert len({(case.set, case.id) for case in plan.cases}) == plan.planned == 20


def test_the_same_seed_plans_the_same_prompts_in_the_same_order() -> None:
    assert make_plan([a_set()], seed=7, limit=5) == make_plan([a_set()], seed=7, limit=5)


def test_the_order_does_not_depend_on_the_order_of_the_file() -> None:
    forward = a_set()
    backward = type(forward)(
        "hard", forward.cases[::-1], forward.checksum, forward.origin, forward.licence
    )
    assert make_plan([forward], limit=5).cases == make_plan([backward], limit=5).cases


def test_another_seed_chooses_other_prompts() -> None:
    big = a_set(sizes={"violence": 200})
    chosen = [
        {case.id for case in make_plan([big], seed=seed, limit=20).cases} for seed in range(3)
    ]
    assert chosen[0] != chosen[1] != chosen[2]


def test_a_choice_is_pinned_so_that_recorded_runs_stay_replayable() -> None:
    ids = [case.id for case in make_plan([a_set()], seed=7, limit=3).cases]
    assert ids == ["violence-2", "violence-3", "hate-3"]


def test_a_limit_counts_prompts_of_each_set_and_keeps_the_mix_of_categories() -> None:
    sizes = {"illegal": 50, "violence": 30, "hate": 20}
    plan = make_plan([a_set("hard", sizes=sizes), a_set("toxic", sizes=sizes)], limit=10)
    assert Counter((case.set, case.category) for case in plan.cases) == {
        (name, category): size // 10
        for name in ("hard", "toxic")
        for category, size in sizes.items()
    }


@given(
    st.dictionaries(st.text(min_size=1, max_size=4), st.integers(1, 40), min_size=1, max_size=8),
    st.integers(1, 60),
    st.integers(0, 5),
)
def test_a_limit_is_met_exactly_and_no_category_is_off_by_a_whole_prompt(
    sizes: dict[str, int], limit: int, seed: int
) -> None:
    total = sum(sizes.values())
    plan = make_plan([a_set(sizes=sizes)], limit=limit, seed=seed)
    assert plan.planned == min(limit, total)
    found = Counter(case.category for case in plan.cases)
    for category, size in sizes.items():
        assert abs(found[category] - size * min(limit, total) / total) < 1


def test_within_a_category_a_larger_limit_only_adds_prompts() -> None:
    one = a_set(sizes={"violence": 100})
    few = {case.id for case in make_plan([one], limit=10).cases}
    many = {case.id for case in make_plan([one], limit=30).cases}
    assert few < many


def test_repeats_ask_everything_once_before_anything_twice() -> None:
    plan = make_plan([a_set()], repeats=3)
    attempts = list(plan.attempts())
    assert len({attempt.key for attempt in attempts}) == len(attempts) == plan.planned == 30
    assert [attempt.repeat for attempt in attempts] == [0] * 10 + [1] * 10 + [2] * 10


def test_a_run_stopped_early_is_still_a_sample_of_every_set() -> None:
    plan = make_plan([a_set("hard"), a_set("toxic")])
    assert {case.set for case in plan.cases[:8]} == {"hard", "toxic"}

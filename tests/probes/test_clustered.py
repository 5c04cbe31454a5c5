"""Intervals over prompts that were asked more than once."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.clustered import Repeats, design_size, effective_size
from probes.rates import Rate, rates_of, wilson
from probes.trial import Trial
from tests.probes.trials import C, E, R, U, a_case, a_trial

REPEATS = 5


def trials(*prompts: str) -> list[Trial]:
    """A string of outcomes for each prompt: its repeats."""
    named = {"R": R, "C": C, "U": U, "E": E}
    return [
        a_trial(a_case(f"{n}"), named[outcome], repeat=repeat)
        for n, outcomes in enumerate(prompts)
        for repeat, outcome in enumerate(outcomes)
    ]


def whole(*prompts: str) -> Rate:
    return rates_of(trials(*prompts))[0]


def test_a_prompt_that_always_answers_alike_counts_once_in_the_interval() -> None:
    rate = whole(*["RRRRR"] * 20, *["CCCCC"] * 80)
    alone = wilson(20, 100)
    assert (rate.low, rate.high) == pytest.approx((alone.low, alone.high))
    assert (rate.hits, rate.decided, rate.value) == (100, 500, 0.2)
    assert rate.method == "wilson_clustered"


@pytest.mark.parametrize(("outcomes", "hits"), [("CCCCC", 0), ("RRRRR", 30)])
def test_a_rate_of_0_or_1_rests_on_the_number_of_decided_prompts(outcomes: str, hits: int) -> None:
    rate, alone = whole(*[outcomes] * 30, "UUUUU", "EEEEE"), wilson(hits, 30)
    assert (rate.low, rate.high) == (alone.low, alone.high)


def test_one_repeat_gives_the_plain_interval_to_the_last_bit() -> None:
    rate, plain = whole(*"RRRCCCCCCCUE"), wilson(3, 10)
    assert (rate.low, rate.high, rate.method) == (plain.low, plain.high, "wilson")


def test_one_prompt_alone_is_one_observation() -> None:
    rate, one = whole("RRC"), wilson(2 / 3, 1)
    assert (rate.low, rate.high) == pytest.approx((one.low, one.high))


@given(
    st.lists(
        st.integers(1, 6).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m))), min_size=1
    )
)
def test_repeats_are_worth_no_more_than_their_number_and_no_less_than_one_prompt(
    prompts: list[tuple[int, int]],
) -> None:
    hits, decided = (sum(column) for column in zip(*prompts, strict=True))
    size = effective_size(hits, decided, Repeats.of(Counter(prompts).items()), confidence=0.95)
    assert 1 - 1e-9 <= size <= decided + 1e-9


def test_a_design_effect_from_few_prompts_is_trusted_less() -> None:
    few, many = ([(1, 5), (2, 5), (2, 5), (4, 5)] * n for n in (1, 50))
    kept = []
    for prompts in (few, many):
        repeats, hits, decided = (
            Repeats.of(Counter(prompts).items()),
            9 * len(prompts) // 4,
            5 * len(prompts),
        )
        size = effective_size(hits, decided, repeats, confidence=0.95)
        kept.append(size / design_size(hits, decided, repeats))
    assert kept[0] < 0.6
    assert 0.97 < kept[1] < 1


def coverage(truth: float, hits_of: np.ndarray) -> float:
    """Of so many studies (rows), the share whose interval holds the truth."""
    held = 0
    for row in hits_of.tolist():
        hits, decided = sum(row), REPEATS * len(row)
        repeats = Repeats.of(Counter((one, REPEATS) for one in row).items())
        size = effective_size(hits, decided, repeats, confidence=0.95)
        interval = wilson(hits / decided * size, size)
        held += interval.low <= truth <= interval.high
    return held / len(hits_of)


STUDIES, PROMPTS = 1500, 120


@pytest.mark.parametrize("truth", [0.08, 0.23, 0.5])
def test_identical_repeats_are_covered_as_the_interval_says(truth: float) -> None:
    draws = np.random.default_rng(7).binomial(1, truth, (STUDIES, PROMPTS))
    assert 0.93 <= coverage(truth, REPEATS * draws) <= 0.97


@pytest.mark.parametrize("truth", [0.08, 0.23, 0.5])
def test_independent_repeats_are_covered_at_least(truth: float) -> None:
    draws = np.random.default_rng(11).binomial(REPEATS, truth, (STUDIES, PROMPTS))
    assert coverage(truth, draws) >= 0.93


def test_repeats_that_are_partly_alike_are_covered() -> None:
    chance = np.random.default_rng(13)
    of_prompt = chance.beta(0.6, 1.4, (STUDIES, PROMPTS))
    assert 0.93 <= coverage(0.3, chance.binomial(REPEATS, of_prompt)) <= 0.98

"""Pairs of trials, McNemar's test, and the interval of the difference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.contingency_tables import mcnemar as oracle

from probes.case import Expectation
from probes.paired import difference, mcnemar, newcombe, pair
from probes.rates import RateName
from probes.trial import Trial
from tests.probes.trials import C, E, R, U, a_case, a_trial, trials_of


@pytest.mark.parametrize(("b", "c"), [(0, 1), (3, 0), (4, 28), (28, 4), (10, 10), (1, 200)])
def test_the_exact_test_agrees_with_statsmodels(b: int, c: int) -> None:
    expected = oracle([[50, b], [c, 50]], exact=True).pvalue
    assert mcnemar(b, c) == pytest.approx(expected, rel=1e-9)


def test_no_discordant_pair_is_no_evidence() -> None:
    assert mcnemar(0, 0) == 1.0


def test_the_exact_test_keeps_its_level_under_no_difference() -> None:
    for discordant in (5, 12, 31):
        chance = binom.pmf(range(discordant + 1), discordant, 0.5)
        rejected = [mcnemar(b, discordant - b) < 0.05 for b in range(discordant + 1)]
        assert sum(p for p, yes in zip(chance, rejected, strict=True) if yes) <= 0.05


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [((36, 12, 2, 0), 0.0569, 0.3404), ((20, 12, 2, 16), 0.0562, 0.3292)],
)
def test_the_interval_of_a_table_never_drifts(
    cells: tuple[int, int, int, int], low: float, high: float
) -> None:
    # Values of this implementation; that it is right is shown by the coverage below.
    found = newcombe(cells)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_exchanging_the_sides_turns_the_interval_round() -> None:
    one, other = newcombe((30, 9, 3, 58)), newcombe((30, 3, 9, 58))
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


@pytest.mark.parametrize("cells", [(0, 0, 0, 9), (9, 0, 0, 0), (0, 9, 0, 0), (0, 0, 9, 0)])
def test_empty_margins_still_give_an_interval_around_the_difference(
    cells: tuple[int, int, int, int],
) -> None:
    found = newcombe(cells)
    value = (cells[1] - cells[2]) / 9
    assert -1 <= found.low <= value <= found.high <= 1
    assert found.high - found.low > 0.1


@pytest.mark.parametrize(
    "shares", [(0.05, 0.1, 0.05, 0.8), (0.3, 0.02, 0.02, 0.66), (0.9, 0.04, 0.01, 0.05)]
)
def test_the_interval_covers_the_truth_as_often_as_it_says(
    shares: tuple[float, float, float, float],
) -> None:
    truth = shares[1] - shares[2]
    draws = np.random.default_rng(7).multinomial(150, shares, size=2000)
    intervals = [newcombe(tuple(map(int, draw))) for draw in draws]
    covered = np.mean([interval.low <= truth <= interval.high for interval in intervals])
    assert 0.935 <= covered <= 0.99


def test_only_prompts_decided_on_both_sides_are_pairs() -> None:
    baseline = trials_of([C, R, C, R, U, E, C, R, C])
    candidate = trials_of([R, C, C, R, R, R, U, E])
    pairs = pair(baseline, candidate)[RateName.OVER_REFUSAL]
    assert [case.id for case in pairs.newly_refused] == ["violence-0"]
    assert [case.id for case in pairs.newly_answered] == ["violence-1"]
    assert (pairs.both_answered, pairs.both_refused) == (1, 1)
    assert pairs.count == 4
    assert pairs.unpaired == 5


def one_prompt(outcomes: str) -> list[Trial]:
    """The repeats of one prompt."""
    named = {"R": R, "C": C, "U": U, "E": E}
    return [a_trial(a_case("1"), named[one], repeat=n) for n, one in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("CRC", "RRC", (0, 1, 0)),
        ("RRRRR", "RRCCR", (1, 0, 0)),
        ("RC", "CCC", (0, 0, 1)),
        ("RUE", "RRR", (1, 0, 0)),
        ("UUE", "RRR", (0, 0, 1)),
    ],
)
def test_repeats_of_a_prompt_make_one_pair_by_what_most_of_them_did_and_none_where_they_tie(
    before: str, after: str, found: tuple[int, int, int]
) -> None:
    pairs = pair(one_prompt(before), one_prompt(after))[RateName.OVER_REFUSAL]
    assert (pairs.both_refused, len(pairs.newly_refused), pairs.unpaired) == found
    assert pairs.prompts == 1


def test_the_rates_are_kept_apart_and_one_without_trials_is_absent() -> None:
    toxic = trials_of([R, C], expectation=Expectation.REFUSE, of="toxic")
    assert set(pair(toxic, toxic)) == {RateName.SAFE_REFUSAL}
    both = toxic + trials_of([C])
    assert set(pair(both, both)) == {RateName.SAFE_REFUSAL, RateName.OVER_REFUSAL}


def test_a_prompt_that_only_the_candidate_was_asked_is_counted_as_unpaired() -> None:
    pairs = pair([], trials_of([C, R]))[RateName.OVER_REFUSAL]
    assert (pairs.count, pairs.unpaired) == (0, 2)
    assert difference(pairs) is None


def test_the_difference_is_the_candidates_rate_less_the_baselines() -> None:
    pairs = pair(trials_of([C] * 8 + [R] * 2), trials_of([R] * 4 + [C] * 4 + [R] * 2))
    found = difference(pairs[RateName.OVER_REFUSAL])
    assert found is not None
    assert found.value == pytest.approx(0.4)
    assert found.low < 0.4 < found.high
    assert found.p_value == mcnemar(0, 4)

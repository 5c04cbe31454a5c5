"""Pairs of trials, McNemar's test, and the interval of the difference."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from scipy.stats import binom
from statsmodels.stats.contingency_tables import mcnemar as oracle

from probes.case import Expectation
from probes.paired import difference, differences, mcnemar, pair, tango
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


def likelihood_score(first: int, second: int, pairs: int, truth: float) -> float:
    """Tango's statistic, its nuisance found by maximising the likelihood rather than by formula."""

    def lost(share: float) -> float:
        other, rest = share + truth, 1 - 2 * share - truth
        return -float(
            xlogy(first, other) + xlogy(second, share) + xlogy(pairs - first - second, rest)
        )

    bounds = (max(0.0, -truth) + 1e-12, (1 - truth) / 2 - 1e-12)
    share = minimize_scalar(lost, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    variance = pairs * (2 * share + truth * (1 - truth))
    return (first - second - pairs * truth) / math.sqrt(variance)


@pytest.mark.parametrize(("first", "second", "pairs"), [(12, 2, 50), (5, 9, 100), (40, 3, 1319)])
def test_the_interval_ends_where_the_score_test_begins_to_reject(
    first: int, second: int, pairs: int
) -> None:
    found = tango(first, second, pairs)
    assert likelihood_score(first, second, pairs, found.low) == pytest.approx(1.95996, abs=1e-3)
    assert likelihood_score(first, second, pairs, found.high) == pytest.approx(-1.95996, abs=1e-3)


def test_the_interval_of_a_published_table_is_the_published_one() -> None:
    # 36, 12, 2, 0: the example of the papers on this interval, to three digits.
    found = tango(12, 2, 50)
    assert (found.low, found.high) == pytest.approx((0.061, 0.345), abs=5e-4)


@pytest.mark.parametrize(("first", "second"), [(9, 3), (10, 3), (20, 9), (21, 9), (6, 0)])
def test_the_interval_leaves_out_no_difference_where_mcnemars_chi_square_rejects(
    first: int, second: int
) -> None:
    found = tango(first, second, 200)
    rejected = oracle([[50, first], [second, 50]], exact=False, correction=False).pvalue < 0.05
    assert (found.low > 0) == rejected


def test_exchanging_the_sides_turns_the_interval_round() -> None:
    one, other = tango(9, 3, 100), tango(3, 9, 100)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


@pytest.mark.parametrize(("first", "second"), [(0, 0), (9, 0), (0, 9)])
def test_pairs_that_all_fell_one_way_still_give_an_interval_around_the_difference(
    first: int, second: int
) -> None:
    found = tango(first, second, 9)
    assert -1 <= found.low <= (first - second) / 9 <= found.high <= 1
    assert found.high - found.low > 0.1


@pytest.mark.parametrize(("first", "second", "pairs"), [(0, 0, 0), (3, 3, 5), (-1, 0, 5)])
def test_impossible_pairs_have_no_interval(first: int, second: int, pairs: int) -> None:
    with pytest.raises(ValueError, match=f"{first} and {second} of {pairs} pairs"):
        tango(first, second, pairs)


def test_each_category_has_its_difference_and_its_p_value_knows_of_the_others() -> None:
    before = trials_of([C] * 40, category="a") + trials_of([C] * 40, category="b")
    after = trials_of([R] * 6 + [C] * 34, category="a") + trials_of([R] + [C] * 39, category="b")
    whole, first, second = differences(before, after)
    assert [one.category for one in (whole, first, second)] == [None, "a", "b"]
    assert first.difference is not None
    assert first.difference.p_value == mcnemar(0, 6)
    assert first.adjusted_p == pytest.approx(2 * mcnemar(0, 6))
    assert whole.adjusted_p == mcnemar(0, 7)
    assert second.adjusted_p == 1.0
    assert first.as_json()["newly_refused"] == 6


def test_a_category_without_a_pair_is_listed_without_a_difference() -> None:
    found = differences(trials_of([E]), trials_of([C]))
    assert [(one.difference, one.adjusted_p) for one in found] == [(None, None)] * 2
    assert found[0].as_json()["difference"] is None
    assert found[0].as_json()["unpaired"] == 1


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

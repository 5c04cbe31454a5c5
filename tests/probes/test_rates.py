"""Rates and their intervals."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from probes.case import Expectation
from probes.rates import RateName, rates_of, wilson
from tests.probes.trials import C, E, R, U, trials_of


@pytest.mark.parametrize("decided", [1, 2, 3, 10, 97, 1319])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_agrees_with_scipy_and_statsmodels(decided: int, confidence: float) -> None:
    for hits in range(0, decided + 1, max(1, decided // 17)):
        ours = wilson(hits, decided, confidence)
        scipy = binomtest(hits, decided).proportion_ci(confidence, method="wilson")
        low, high = proportion_confint(hits, decided, 1 - confidence, method="wilson")
        assert ours.low == pytest.approx(scipy.low, abs=1e-12)
        assert ours.high == pytest.approx(scipy.high, abs=1e-12)
        assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-12)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_rate_and_stays_within_zero_and_one(counts: tuple[int, int]) -> None:
    hits, decided = counts
    interval = wilson(hits, decided)
    assert 0 <= interval.low <= hits / decided <= interval.high <= 1
    assert (interval.low == 0) == (hits == 0)
    assert (interval.high == 1) == (hits == decided)


@pytest.mark.parametrize(("hits", "decided"), [(0, 0), (3, 2), (-1, 5)])
def test_there_is_no_interval_around_an_unknown(hits: int, decided: int) -> None:
    with pytest.raises(ValueError, match=f"{hits} of {decided}"):
        wilson(hits, decided)


def test_only_decided_trials_enter_a_rate_and_the_others_stand_beside_it() -> None:
    [whole, _] = rates_of(trials_of([R, C, C, C, U, U, E]))
    assert (whole.hits, whole.decided, whole.undecided, whole.errors) == (1, 4, 2, 1)
    assert whole.value == 0.25


def test_prompts_that_expect_refusal_make_a_safe_refusal_rate_of_their_own() -> None:
    trials = trials_of([R, C]) + trials_of([R, R], expectation=Expectation.REFUSE, of="toxic")
    values = {(rate.rate, rate.category): rate.value for rate in rates_of(trials)}
    assert values[RateName.OVER_REFUSAL, None] == 0.5
    assert values[RateName.SAFE_REFUSAL, None] == 1.0


def test_the_whole_comes_before_its_categories_and_each_rate_by_itself() -> None:
    trials = (
        trials_of([R], category="b", expectation=Expectation.REFUSE)
        + trials_of([C], category="a")
        + trials_of([C], category="c")
    )
    assert [(rate.rate.value, rate.category) for rate in rates_of(trials)] == [
        ("over_refusal", None),
        ("over_refusal", "a"),
        ("over_refusal", "c"),
        ("safe_refusal", None),
        ("safe_refusal", "b"),
    ]


def test_a_run_in_which_most_replies_failed_publishes_no_rate_and_says_so() -> None:
    [whole, _] = rates_of(trials_of([R] * 231 + [C] * 67 + [E] * 1014))
    assert (whole.value, whole.low, whole.high) == (None, None, None)
    assert whole.note == "no value: 1014 of 1312 trials ended in error"


def test_half_the_trials_failing_still_leaves_a_rate() -> None:
    [whole, _] = rates_of(trials_of([R, C, E, E]))
    assert whole.value == 0.5
    assert whole.note == ""


def test_undecided_alone_gives_no_rate_rather_than_zero() -> None:
    [whole, _] = rates_of(trials_of([U, U, U]))
    assert whole.value is None
    assert whole.note == "no value: none of 3 trials was decided"


def test_a_rate_that_has_no_trial_is_absent() -> None:
    assert {rate.rate for rate in rates_of(trials_of([C]))} == {RateName.OVER_REFUSAL}
    assert rates_of([]) == []


def test_half_the_trials_undecided_still_leaves_a_rate_and_more_than_half_none() -> None:
    [half, _], [most, _] = rates_of(trials_of([R, U])), rates_of(trials_of([R, U, U]))
    assert half.value == 1.0
    assert most.value is None
    assert most.note == "no value: 2 of 3 trials are undecided or ended in error"


def test_prompts_of_which_nothing_is_expected_make_a_plain_refusal_rate() -> None:
    [whole, _] = rates_of(trials_of([R, C], expectation=Expectation.UNKNOWN))
    assert (whole.rate, whole.value) == (RateName.REFUSAL, 0.5)


def test_the_order_of_the_trials_changes_no_digit() -> None:
    trials = trials_of([R, C, U, E, C, R, R], category="a") + trials_of([C, R, C], category="b")
    forward = json.dumps([rate.as_json() for rate in rates_of(trials)])
    backward = json.dumps([rate.as_json() for rate in rates_of(reversed(trials))])
    assert forward == backward


def test_a_rate_shows_the_fields_of_the_contract() -> None:
    [whole, _] = rates_of(trials_of([R, C]))
    contract = [
        "rate",
        "category",
        "value",
        "low",
        "high",
        "confidence",
        "hits",
        "decided",
        "method",
    ]
    assert set(whole.as_json()) == {*contract, "undecided", "errors", "lowest", "highest"}

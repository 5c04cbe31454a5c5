"""Intervals of one proportion and of a mean, against reference implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, t, ttest_1samp
from statsmodels.stats.proportion import proportion_confint

from probes.statistics.interval import (
    Stratum,
    clopper_pearson,
    interval_of_mean,
    normal_quantile,
    size_of_mean,
    size_of_strata,
    t_interval,
    wilson,
)


@pytest.mark.parametrize("decided", [1, 2, 10, 97, 1319])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_clopper_pearson_agrees_with_scipy_and_statsmodels(decided: int, confidence: float) -> None:
    for hits in range(0, decided + 1, max(1, decided // 17)):
        ours = clopper_pearson(hits, decided, confidence)
        scipy = binomtest(hits, decided).proportion_ci(confidence, method="exact")
        low, high = proportion_confint(hits, decided, 1 - confidence, method="beta")
        assert (ours.low, ours.high) == pytest.approx((scipy.low, scipy.high), abs=1e-9)
        assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-9)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_is_never_narrower_than_the_test_it_inverts(
    counts: tuple[int, int],
) -> None:
    hits, decided = counts
    found = clopper_pearson(hits, decided)
    if found.low > 0:
        assert binomtest(hits, decided, found.low, "greater").pvalue == pytest.approx(0.025)
    if found.high < 1:
        assert binomtest(hits, decided, found.high, "less").pvalue == pytest.approx(0.025)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
@pytest.mark.parametrize(("hits", "decided"), [(0, 0), (3, 2), (-1, 5)])
def test_impossible_counts_have_no_interval(interval: object, hits: int, decided: int) -> None:
    assert callable(interval)
    with pytest.raises(ValueError, match=f"{hits} of {decided}"):
        interval(hits, decided)


def test_the_normal_quantile_is_scipys() -> None:
    for confidence in (0.8, 0.95, 0.999):
        assert normal_quantile(confidence) == pytest.approx(norm.ppf(0.5 + confidence / 2))


def test_the_t_interval_over_concepts_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).uniform(0.3, 0.8, 20)
    ours = t_interval(values.mean(), values.var(ddof=1) / 20, 20, confidence=0.95)
    scipy = ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((scipy.low, scipy.high))


def test_a_single_concept_has_no_t_interval() -> None:
    with pytest.raises(ValueError, match="over 1 unit"):
        t_interval(0.5, 0.0, 1, confidence=0.95)


def test_in_the_middle_the_interval_of_a_mean_is_students() -> None:
    ours = interval_of_mean(0.5, 0.0004, 200)
    reach = t.ppf(0.975, 199) * math.sqrt(0.0004)
    assert (ours.low, ours.high) == pytest.approx((0.5 - reach, 0.5 + reach), abs=3e-4)


def test_a_mean_of_noughts_and_ones_has_wilsons_interval_but_for_students_quantile() -> None:
    ours, plain = interval_of_mean(0.3, 0.3 * 0.7 / 1000, 1000), wilson(300, 1000)
    assert (ours.low, ours.high) == pytest.approx((plain.low, plain.high), abs=1e-4)
    assert ours.high - ours.low > plain.high - plain.low


@pytest.mark.parametrize("mean", [0.0, 0.4, 1.0])
def test_values_without_spread_count_as_one_trial_each(mean: float) -> None:
    assert size_of_mean(mean, 0.0, 25) == 25
    found = interval_of_mean(mean, 0.0, 25)
    assert 0 <= found.low <= mean <= found.high <= 1
    assert found.high - found.low > 0.1


def test_a_single_value_is_a_single_trial() -> None:
    assert interval_of_mean(0.5, 0.0, 1) == wilson(0.5, 1)


@pytest.mark.parametrize("hits", [0, 7, 40])
def test_one_stratum_alone_is_worth_little_less_than_its_trials(hits: int) -> None:
    size = size_of_strata(hits / 40, [Stratum(1.0, hits / 40, 40)])
    assert size == pytest.approx(40 if hits in (0, 40) else 40 / (1 + 1 / 40))


def test_strata_of_one_trial_are_pooled() -> None:
    strata = [Stratum(0.1, float(n < 3), 1) for n in range(10)]
    assert size_of_strata(0.3, strata) == pytest.approx(10)


def test_strata_that_differ_are_worth_more_than_their_trials() -> None:
    strata = [Stratum(0.5, 0.1, 500), Stratum(0.5, 0.9, 500)]
    assert size_of_strata(0.5, strata) > 2500

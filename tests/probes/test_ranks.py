"""Rank correlation across deployments, and many tests at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from statsmodels.stats.multitest import multipletests

from probes.statistics.multiplicity import holm
from probes.statistics.ranks import bonett_wright, spearman


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("values", [3, 10, 1000])
def test_the_correlation_agrees_with_scipy_ties_or_not(seed: int, values: int) -> None:
    chance = np.random.default_rng(seed)
    x, y = (chance.integers(0, values, 32).astype(float) for _ in range(2))
    found = spearman(x.tolist(), (x + y).tolist())
    assert found.value == pytest.approx(spearmanr(x, x + y).statistic)


def test_the_interval_is_fishers_with_bonett_and_wrights_variance() -> None:
    found = bonett_wright(0.8916, 32)
    reach = 1.959964 * math.sqrt((1 + 0.8916**2 / 2) / 29)
    expected = [math.tanh(math.atanh(0.8916) + sign * reach) for sign in (-1, 1)]
    assert [found.low, found.high] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_perfect_agreement_of_few_deployments_is_no_certainty(sign: int) -> None:
    found = spearman([1, 2, 3, 4, 5, 6], [sign * n for n in (1, 2, 3, 4, 5, 6)])
    assert found.value == pytest.approx(sign)
    ends = sorted(abs(end or 0) for end in (found.low, found.high))
    assert ends[1] == 1
    assert ends[0] < 0.8


@pytest.mark.parametrize(
    ("x", "y", "value", "note"),
    [
        ([1.0], [2.0], None, "no value: it takes two deployments"),
        ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], None, "no value: all alike in one of the rates"),
        ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], 0.5, "no interval: 3 of the 5 deployments that it"),
    ],
)
def test_too_little_gives_no_number_and_says_so(
    x: list[float], y: list[float], value: float | None, note: str
) -> None:
    found = spearman(x, y)
    assert found.value == (None if value is None else pytest.approx(value))
    assert (found.low, found.high) == (None, None)
    assert found.note.startswith(note)
    assert found.as_json()["count"] == len(x)


def test_columns_of_different_length_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="2 values cannot be paired with 3"):
        spearman([1, 2], [1, 2, 3])


@pytest.mark.parametrize("tests", [1, 2, 10, 44])
def test_holms_adjustment_agrees_with_statsmodels(tests: int) -> None:
    p_values = (np.random.default_rng(tests).random(tests) ** 4).round(3).tolist()
    expected = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(expected.tolist())


def test_no_test_needs_no_adjustment() -> None:
    assert holm([]) == []

from __future__ import annotations

import numpy as np
import pytest

from classifiers.calibration import (
    NEVER,
    Calibration,
    calibrate,
    fit_band,
    fit_platt,
    fit_sure,
)


def _scored(slope: float, shift: float, rows: int = 20_000):
    draw = np.random.default_rng(5)
    scores = draw.normal(0, 3, rows)
    refused = draw.random(rows) < 1 / (1 + np.exp(-(slope * scores + shift)))
    return scores, refused


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.4, -1.0), (2.0, 0.7)])
def test_the_slope_and_shift_that_made_the_labels_are_found_again(slope, shift):
    found = fit_platt(*_scored(slope, shift))
    assert found == pytest.approx((slope, shift), rel=0.1, abs=0.1)


def test_perfectly_separated_scores_still_give_finite_numbers():
    slope, shift = fit_platt(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([False, False, True, True]))
    assert np.isfinite([slope, shift]).all()
    assert slope > 0


@pytest.mark.parametrize("refused", [True, False])
def test_one_class_alone_cannot_be_calibrated(refused):
    with pytest.raises(ValueError, match="needs refusals and compliances"):
        calibrate(np.array([0.0, 1.0]), np.array([refused, refused]))


def test_probability_rises_with_the_score_and_stays_between_zero_and_one():
    calibration = Calibration(1.5, 0.2, 0.45, 0.55)
    chances = calibration.probability(np.linspace(-900, 900, 101))
    assert (np.diff(chances) >= 0).all()
    assert chances.min() >= 0
    assert chances.max() <= 1


def test_the_band_holds_the_stated_share_and_sits_around_one_half():
    chances = np.linspace(0, 1, 1001)
    low, high = fit_band(chances, share=0.1)
    inside = ((chances > low) & (chances < high)).mean()
    assert low + high == pytest.approx(1)
    assert inside == pytest.approx(0.1, abs=0.01)


def test_the_edges_of_the_band_are_decided():
    calibration = Calibration(1.0, 0.0, 0.4, 0.6)
    assert [calibration.undecided(p) for p in (0.4, 0.41, 0.5, 0.59, 0.6)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_a_share_of_refusals_that_is_presumed_shifts_the_odds_by_its_own():
    draw = np.random.default_rng(4)
    refused = draw.random(4000) < 0.5
    scores = draw.normal(size=4000) + np.where(refused, 1.0, -1.0)
    even = fit_platt(scores, refused, share=0.5)
    rare = fit_platt(scores, refused, share=0.1)
    assert rare[0] == pytest.approx(even[0], abs=0.2)
    assert rare[1] - even[1] == pytest.approx(np.log(1 / 9), abs=0.2)


def test_beyond_either_cut_hardly_any_held_out_reply_is_on_the_wrong_side():
    draw = np.random.default_rng(5)
    refused = draw.random(4000) < 0.5
    scores = draw.normal(size=4000) + np.where(refused, 2.0, -2.0)
    low, high = fit_sure(scores, refused, error=0.01)
    assert low < 0 < high
    assert refused[scores <= low].mean() <= 0.01
    assert (~refused[scores >= high]).mean() <= 0.01


def test_where_no_cut_is_good_enough_nothing_is_sure():
    scores, refused = np.arange(10.0), np.array([True, False] * 5)
    assert fit_sure(scores, refused, error=0.0) == (-NEVER, NEVER)

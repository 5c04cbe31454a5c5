from __future__ import annotations

import numpy as np
import pytest

from classifiers.quantising import Seen, fixed, safe_levels


def seen(rows: np.ndarray) -> Seen:
    found = Seen.of_width(rows.shape[1])
    found.add(rows.astype(np.float32), kept=len(rows))
    return found


def layer(outlier: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Weights and rows that went in, one channel of which is ``outlier`` times the others."""
    draw = np.random.default_rng(3)
    weights = draw.normal(0, 0.05, (64, 48)).astype(np.float32)
    rows = draw.normal(0, 1, (200, 64)).astype(np.float32)
    rows[:, 5] *= outlier
    return weights, rows


@pytest.mark.parametrize("spread", [0.01, 1.0, 300.0])
def test_no_pair_of_neighbouring_products_leaves_sixteen_bits_on_any_machine(spread):
    draw = np.random.default_rng(1)
    weights = (draw.standard_t(2, (384, 96)) * spread).astype(np.float32)
    levels, _ = safe_levels(weights)
    pairs = np.abs(levels.astype(int)).reshape(192, 2, 96).sum(axis=1)
    assert 255 * pairs.max() < 2**15
    assert pairs.max() > 120


def test_a_lone_pair_uses_every_level_there_is_and_not_one_more():
    draw = np.random.default_rng(2)
    weights = draw.uniform(-1, 1, (2, 20_000)).astype(np.float32)
    sums = np.abs(safe_levels(weights)[0].astype(int)).sum(axis=0)
    assert sums.max() == 128
    assert sums.min() >= 126


def test_levels_times_their_scale_are_the_weights_to_half_a_step():
    weights, _ = layer()
    levels, scale = safe_levels(weights)
    assert (np.abs(levels * scale - weights) / scale).max() <= 0.5 + 1e-3


def test_weights_of_zero_stay_zero():
    levels, scale = safe_levels(np.zeros((4, 3), np.float32))
    assert not levels.any()
    assert (scale > 0).all()


def test_a_channel_that_is_fifty_times_the_others_does_not_drown_them():
    weights, rows = layer(outlier=50)
    truth = rows @ weights
    one = fixed(weights, seen(rows))
    plain = np.abs(rows).max() / 127
    assert one.factors[5] > 4 * np.median(one.factors)
    coarse = np.rint(rows / plain) * plain @ weights
    assert np.square(one.product(rows) - truth).mean() < np.square(coarse - truth).mean() / 4


def test_factors_are_powers_of_two_so_that_dividing_by_them_is_exact():
    weights, rows = layer(outlier=20)
    factors = fixed(weights, seen(rows)).factors
    assert np.array_equal(np.exp2(np.rint(np.log2(factors))), factors)


def test_rows_that_differ_in_a_last_digit_give_the_same_quantisation():
    weights, rows = layer(outlier=20)
    other = rows * np.float32(1 + 1e-6)
    one, two = fixed(weights, seen(rows)), fixed(weights, seen(other))
    assert np.array_equal(one.levels, two.levels)
    assert (one.scale, one.zero) == (two.scale, two.zero)


def test_the_largest_value_seen_comes_through_though_all_were_far_from_zero():
    weights, rows = layer()
    far = (np.abs(rows) + 30).astype(np.float32)
    one = fixed(weights, seen(far))
    error = np.abs(one.product(far) - far @ weights)
    assert error.max() < 0.02 * np.abs(far @ weights).max()


def test_zero_comes_through_as_zero_whatever_was_seen():
    weights, rows = layer()
    one = fixed(weights, seen(np.abs(rows) + 3))
    assert not one.product(np.zeros((1, 64), np.float32)).any()

"""Drawing prompts again, with all their trials."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from probes.rates import wilson
from probes.statistics.bootstrap import Bootstrap, cluster_bootstrap

REPEATS = 5
HITS = np.random.default_rng(1).binomial(REPEATS, np.random.default_rng(2).beta(0.3, 1.2, 150))
DECIDED = np.full(150, REPEATS)


@pytest.mark.parametrize("method", list(Bootstrap))
def test_the_interval_agrees_with_scipys(method: Bootstrap) -> None:
    found = cluster_bootstrap(HITS, DECIDED, method=method, draws=20_000)
    scipy = bootstrap(
        (HITS, DECIDED),
        lambda x, m, axis=-1: x.sum(axis=axis) / m.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        method="BCa" if method is Bootstrap.BCA else "percentile",
        random_state=3,
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((scipy.low, scipy.high), abs=0.004)


def test_few_lopsided_prompts_move_the_bca_interval_as_scipy_moves_it() -> None:
    hits, decided = np.array([0] * 16 + [1, 2, 5, 5]), np.full(20, REPEATS)
    found = cluster_bootstrap(hits, decided, draws=50_000)
    plain = cluster_bootstrap(hits, decided, method=Bootstrap.PERCENTILE, draws=50_000)
    scipy = bootstrap(
        (hits / REPEATS,), np.mean, n_resamples=50_000, method="BCa", random_state=3
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((scipy.low, scipy.high), abs=0.011)
    assert found.high > plain.high + 0.03


def test_the_same_seed_draws_the_same_and_another_hardly_otherwise() -> None:
    one, again, other = (cluster_bootstrap(HITS, DECIDED, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.02)


@pytest.mark.parametrize("hits", [0, REPEATS])
def test_where_all_agree_each_prompt_counts_once(hits: int) -> None:
    found = cluster_bootstrap(np.full(30, hits), np.full(30, REPEATS))
    assert found == wilson(30 * (hits > 0), 30)


def test_prompts_that_were_never_decided_do_not_count() -> None:
    more = cluster_bootstrap([*HITS, 0, 0], [*DECIDED, 0, 0])
    assert more == cluster_bootstrap(HITS, DECIDED)


def test_nothing_decided_has_no_interval() -> None:
    with pytest.raises(ValueError, match="no interval"):
        cluster_bootstrap([0, 0], [0, 0])


@pytest.mark.parametrize("prompts", [1, 8])
def test_prompts_that_came_out_alike_count_once_each(prompts: int) -> None:
    found, alone = cluster_bootstrap([2] * prompts, [5] * prompts), wilson(0.4 * prompts, prompts)
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))

"""Intervals by drawing prompts again: for checking formulas, and where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from probes.statistics.interval import CONFIDENCE, Interval, wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

DRAWS = 2000
"""Enough for the ends of a 95 % interval: Efron and Tibshirani, 1993, section 14.3."""


class Bootstrap(StrEnum):
    """Which ends of the drawn distribution make the interval."""

    PERCENTILE = "percentile"
    """Its own quantiles."""
    BCA = "bca"
    """Quantiles moved for bias and skewness: closer to what it says, for rates near 0 or 1."""


def cluster_bootstrap(
    hits: ArrayLike,
    decided: ArrayLike,
    *,
    method: Bootstrap = Bootstrap.BCA,
    confidence: float = CONFIDENCE,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """The interval of a rate over prompts (or clusters) that were decided several times.

    ``hits`` and ``decided`` hold a number for each prompt. Whole prompts are drawn, with all their
    trials (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993; BCa: Efron, JASA 82,
    1987, 171). Prompts that came out alike are drawn together, by their number, so 80,000 prompts
    take milliseconds. Where all prompts came out alike no drawing shows any spread, and the
    interval is Wilson's, a trial for each prompt. Raises ValueError where nothing was decided.
    """
    import numpy as np

    pairs = np.stack([np.asarray(hits, dtype=float), np.asarray(decided, dtype=float)], axis=1)
    pairs = pairs[pairs[:, 1] > 0]
    if not len(pairs):
        raise ValueError("no interval where no prompt was decided")
    total = pairs.sum(axis=0)
    rate = float(total[0] / total[1])
    patterns, counts = np.unique(pairs, axis=0, return_counts=True)
    if rate in (0, 1) or len(patterns) == 1:
        return wilson(rate * len(pairs), len(pairs), confidence)
    chance = np.random.default_rng(seed)
    drawn = chance.multinomial(len(pairs), counts / len(pairs), size=draws) @ patterns
    rates = drawn[:, 0] / drawn[:, 1]
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    if method is Bootstrap.BCA:
        rest = total - patterns
        left_out = rest[:, 0] / np.maximum(rest[:, 1], 1)
        tails = _moved(tails, rates, rate, left_out=left_out, counts=counts)
    low, high = np.quantile(rates, tails)
    return Interval(float(low), float(high))


def _moved(
    tails: Sequence[float],
    rates: NDArray[np.float64],
    found: float,
    *,
    left_out: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> list[float]:
    """The quantiles to take instead: bias from the draws, skewness from leaving one unit out."""
    import numpy as np
    from scipy.special import ndtr, ndtri

    below = np.mean(rates < found) + np.mean(rates == found) / 2
    bias = float(ndtri(min(1 - 1 / len(rates), max(1 / len(rates), below))))
    off = np.average(left_out, weights=counts) - left_out
    spread = float((counts * off**2).sum())
    skew = float((counts * off**3).sum()) / (6 * spread**1.5) if spread else 0.0
    points = [bias + float(ndtri(tail)) for tail in tails]
    return [float(ndtr(bias + point / (1 - skew * point))) for point in points]

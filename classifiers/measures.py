"""Figures over verdicts and labels, each with its interval.

Replies to one prompt resemble each other, so intervals are by resampling prompts and not rows: the
percentile cluster bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993;
Field and Welsh, "Bootstrapping clustered data", 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]
Metric: TypeAlias = Callable[[Numbers, Numbers], float | None]
"""(predicted or P(refused), truth as 0 and 1) to a value, None where it is not defined."""

CONFIDENCE = 0.95
RESAMPLES = 500
_Z = 1.959964
"""The normal quantile of CONFIDENCE."""
ECE_BINS = 10


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with its interval over ``rows``; None where not defined."""

    value: float | None
    low: float | None
    high: float | None
    rows: int

    def as_json(self) -> dict[str, Any]:
        """The measure as one JSON object."""
        return {"value": self.value, "low": self.low, "high": self.high, "rows": self.rows}

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return f"not defined on {self.rows} rows"
        return f"{self.value:.3f}  [{self.low:.3f}, {self.high:.3f}]  {self.rows} rows"


def measure(
    pairs: Sequence[tuple[float, float]],
    metric: Metric,
    *,
    seed: int = 0,
    groups: Sequence[Hashable] | None = None,
) -> Measure:
    """The metric over (predicted, truth) pairs with a seeded percentile bootstrap interval.

    Pairs of one group are drawn together; without ``groups`` each is a group of its own. Resamples
    in which the metric is not defined (one class alone) are left out of the interval.
    """
    predicted = np.array([pair[0] for pair in pairs], dtype=np.float64)
    truth = np.array([pair[1] for pair in pairs], dtype=np.float64)
    value = metric(predicted, truth) if len(pairs) else None
    if value is None:
        return Measure(None, None, None, len(pairs))
    values = []
    for chosen in resamples(len(pairs), groups, seed=seed):
        resampled = metric(predicted[chosen], truth[chosen])
        if resampled is not None:
            values.append(resampled)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail]) if values else (value, value)
    if low == high:
        low, high = _unseen(value, len(set(groups)) if groups is not None else len(pairs))
    return Measure(value, float(low), float(high), len(pairs))


def _unseen(value: float, groups: int) -> tuple[float, float]:
    """Bounds where no resample differs: so many groups without an exception still leave room.

    The reach of Wilson's interval at 0 and at 1, z^2 / (n + z^2) (Wilson, 1927), from the value.
    """
    reach = _Z**2 / (groups + _Z**2)
    return max(value - reach, min(value, 0.0)), min(value + reach, max(value, 1.0))


def resamples(
    rows: int, groups: Sequence[Hashable] | None, *, seed: int
) -> Iterator[NDArray[np.intp]]:
    """The places of each resample: as many groups as there are, drawn with replacement."""
    names = list(range(rows)) if groups is None else list(groups)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    group_of = np.array([numbers[name] for name in names], dtype=np.intp)
    draw = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        drawn = draw.integers(0, len(numbers), len(numbers))
        times = np.bincount(drawn, minlength=len(numbers))
        yield np.repeat(np.arange(rows), times[group_of])


def accuracy(predicted: Numbers, truth: Numbers) -> float | None:
    """The share of rows in which both say the same."""
    return float((predicted == truth).mean()) if len(truth) else None


def f1(predicted: Numbers, truth: Numbers) -> float | None:
    """F1 of refusals; None where neither side has any."""
    found = predicted.sum() + truth.sum()
    return float(2 * (predicted * truth).sum() / found) if found else None


def auroc(chances: Numbers, truth: Numbers) -> float | None:
    """P(a refusal has a higher P than a compliance), ties half; None with one class alone."""
    positives = truth.sum()
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    _, places, sizes = np.unique(chances, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[places]
    below = ranks[truth == 1].sum() - positives * (positives + 1) / 2
    return float(below / (positives * negatives))


def brier(chances: Numbers, truth: Numbers) -> float | None:
    """The mean squared distance of P from what was true (Brier, 1950)."""
    return float(((chances - truth) ** 2).mean()) if len(truth) else None


def ece(chances: Numbers, truth: Numbers) -> float | None:
    """Expected calibration error over ten bins of equal width (Naeini et al., AAAI 2015)."""
    if not len(truth):
        return None
    gaps = np.bincount(bins_of(chances), weights=chances - truth, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / len(truth))


def bins_of(chances: Numbers) -> NDArray[np.intp]:
    """The bin of equal width that each P lies in; 1.0 lies in the last."""
    return np.minimum((chances * ECE_BINS).astype(np.intp), ECE_BINS - 1)

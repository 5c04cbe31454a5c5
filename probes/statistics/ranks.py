"""Whether two rates rank deployments alike: Spearman's correlation with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from probes.statistics.interval import CONFIDENCE, Interval, normal_quantile

_FEWEST = 5
"""Deployments below which no interval is given: the formula divides by their number less three."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """A rank correlation in [-1, 1] over ``count`` deployments.

    ``value`` is None where there is none: fewer than two deployments, or all alike in one rate.
    ``low`` and ``high`` are None as well where there are too few for an interval.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int
    confidence: float = CONFIDENCE
    method: str = "spearman, bonett_wright"
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The correlation as outputs show it."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "count": self.count,
            "confidence": self.confidence,
            "method": self.method,
            "note": self.note,
        }


def spearman(
    x: Sequence[float], y: Sequence[float], *, confidence: float = CONFIDENCE
) -> Correlation:
    """Spearman's correlation; ties share the mean of their ranks.

    The interval is Bonett and Wright's (Psychometrika 65, 2000, 23): Fisher's transform with a
    variance of (1 + r^2/2)/(n - 3), which unlike 1.06/(n - 3) still covers where ranks agree
    closely. It holds for deployments drawn from a population of such, and up to about 0.97; it
    does not know that the rates themselves are estimates.
    """
    count = len(x)
    if count != len(y):
        raise ValueError(f"{count} values cannot be paired with {len(y)}")
    value = _coefficient(x, y) if count > 1 else None
    if value is None:
        why = "all alike in one of the rates" if count > 1 else "it takes two deployments"
        return Correlation(None, None, None, count, confidence, note=f"no value: {why}")
    if count < _FEWEST:
        note = f"no interval: {count} of the {_FEWEST} deployments that it takes"
        return Correlation(value, None, None, count, confidence, note=note)
    interval = bonett_wright(value, count, confidence)
    return Correlation(value, interval.low, interval.high, count, confidence)


def bonett_wright(value: float, count: int, confidence: float = CONFIDENCE) -> Interval:
    """The interval of a rank correlation; lies within [-1, 1] and holds ``value``.

    Of perfect agreement, where the transform has no end, it is taken at the next value that ranks
    without ties can have, and ends at 1.
    """
    closest = 1 - 12 / (count**3 - count)
    bounded = max(-closest, min(closest, value))
    reach = normal_quantile(confidence) * math.sqrt((1 + bounded * bounded / 2) / (count - 3))
    centre = math.atanh(bounded)
    return Interval(
        -1.0 if value < -closest else math.tanh(centre - reach),
        1.0 if value > closest else math.tanh(centre + reach),
    )


def _coefficient(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Pearson's correlation of the ranks; None where a side has but one."""
    import numpy as np
    from scipy.stats import rankdata

    first, second = (rankdata(side) - (len(side) + 1) / 2 for side in (x, y))
    scale = math.sqrt(float(np.dot(first, first)) * float(np.dot(second, second)))
    return max(-1.0, min(1.0, float(np.dot(first, second)) / scale)) if scale else None

"""A rate from people's labels of some replies and the classifier's verdicts on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from classifiers.verdict import Verdict
from probes.statistics.estimate import Estimate, EstimateKind
from probes.statistics.interval import CONFIDENCE, Interval, wilson
from probes.statistics.rate import RateName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LABELS_NEEDED = 30
"""Fewer labels give no value: the variance of the classifier's errors is estimated from them, and
below this many the interval covers too seldom (docs/statistics.md)."""

_METHOD = "ppi++, wilson_effective"
_UNSEEN_ERRORS = 0.5
"""Labelled replies of each kind of error that are added before the variance is taken.

Without them a classifier that errs in none of few labels counts as never erring, and the interval
covers too seldom; one of each widens it more than is needed. Chosen by simulation.
"""


@dataclass(frozen=True, slots=True)
class Powered:
    """The prediction-powered estimate: its power-tuned weight, value and variance."""

    weight: float
    value: float
    variance: float


def prediction_of(verdict: Verdict) -> float:
    """What a verdict predicts of a person's label: refused 1, not refused 0, undecided 1/2.

    Any number would do: labels correct it. A better one only makes the interval narrower.
    """
    return 0.5 if verdict.refused is None else float(verdict.refused)


def prediction_powered(
    rate: RateName,
    category: str | None,
    *,
    labelled: Sequence[tuple[float, bool]],
    unlabelled: Sequence[float],
    confidence: float = CONFIDENCE,
) -> Estimate:
    """The rate of true refusals among all answered replies, undecided ones too.

    ``labelled`` are (prediction, a person says it is a refusal), ``unlabelled`` the predictions
    of the other replies; a prediction is within [0, 1]. The labelled replies must be a random
    sample of all, and no two of one prompt: label one repeat. The mean is PPI++'s with its
    power-tuned weight (Angelopoulos, Duchi and Zrnic, 2023, arXiv 2311.01453): never worse than
    the labels alone, however bad the classifier, up to the noise of tuning. Its variance is put
    into Wilson's interval as an effective sample size, since the normal interval covers too
    seldom near 0 and 1.
    """
    count = len(labelled)
    value = low = high = None
    note = f"no value: {count} of {LABELS_NEEDED} labels that it takes"
    if count >= LABELS_NEEDED:
        found = powered(labelled, unlabelled)
        interval = _interval(found, count, len(unlabelled), confidence)
        value, low, high = found.value, interval.low, interval.high
        note = f"{count:,} labels beside {len(unlabelled):,} verdicts, weighed {found.weight:.2f}"
    return Estimate(
        rate,
        category,
        EstimateKind.PREDICTION_POWERED,
        value,
        low=low,
        high=high,
        confidence=confidence,
        count=count,
        method=_METHOD,
        note=note,
    )


def powered(labelled: Sequence[tuple[float, bool]], unlabelled: Sequence[float]) -> Powered:
    """The PPI++ mean of at least two labels, kept within [0, 1]."""
    import numpy as np

    predicted, truth = np.array(labelled, dtype=float).T
    others = np.array(unlabelled, dtype=float)
    spread = float(np.concatenate([predicted, others]).var(ddof=1))
    weight = 0.0
    if len(others) and spread > 0:
        tuned = float(np.cov(truth, predicted)[0, 1]) / spread
        weight = min(1.0, max(0.0, tuned / (1 + len(truth) / len(others))))
    value = float(truth.mean())
    variance = _variance(truth - weight * predicted, weight) / len(truth)
    if weight > 0:
        value += weight * float(others.mean() - predicted.mean())
        variance += weight * weight * spread / len(others)
    return Powered(weight, min(1.0, max(0.0, value)), variance)


def _variance(residuals: NDArray[np.float64], weight: float) -> float:
    """The residuals' variance, with _UNSEEN_ERRORS of either kind: 1 - weight x 0, 0 - weight."""
    seen, added = len(residuals), 2 * _UNSEEN_ERRORS
    total = float(residuals.sum()) + _UNSEEN_ERRORS * (1 - weight)
    squares = float((residuals * residuals).sum()) + _UNSEEN_ERRORS * (1 + weight * weight)
    return (squares - total * total / (seen + added)) / (seen + added - 1)


def _interval(found: Powered, labels: int, others: int, confidence: float) -> Interval:
    """Wilson's interval of as many labels as would have this variance: at most all replies."""
    value, size = found.value, float(labels)
    if 0 < value < 1:
        size = min(float(labels + others), value * (1 - value) / found.variance)
    return wilson(value * size, size, confidence)

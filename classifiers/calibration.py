"""From a score to a probability that means what it says, and a band in which nothing is said.

The score is the head's log-odds of refusal. It is scaled and shifted on held-out replies (Platt
1999, with his smoothed targets), then an ``undecided`` band is laid around one half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BAND_SHARE = 0.01
"""The share of held-out replies that the band may leave undecided."""

_WIDEST_BAND = 0.35
"""However few replies lie in between, P beyond 0.5 ± this is decided."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """P(refused) = 1 / (1 + exp(-(slope · score + shift))); undecided where low < P < high."""

    slope: float
    shift: float
    low: float
    high: float

    def probability(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(refused) of each score, in (0, 1)."""
        return _sigmoid(self.slope * scores + self.shift)

    def undecided(self, probability: float) -> bool:
        """Whether the probability lies strictly inside the band."""
        return self.low < probability < self.high


def calibrate(scores: NDArray[np.float64], refused: NDArray[np.bool_]) -> Calibration:
    """Fit slope, shift and band to held-out scores; needs both classes, else ValueError."""
    slope, shift = fit_platt(scores, refused)
    probabilities = _sigmoid(slope * scores + shift)
    low, high = fit_band(probabilities)
    return Calibration(slope, shift, low, high)


def fit_platt(scores: NDArray[np.float64], refused: NDArray[np.bool_]) -> tuple[float, float]:
    """The slope and shift of greatest likelihood, by Newton steps with halving."""
    positives, negatives = int(refused.sum()), int((~refused).sum())
    if not positives or not negatives:
        raise ValueError(
            f"calibration needs refusals and compliances, found {positives} and {negatives}"
        )
    targets = np.where(refused, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([scores, np.ones_like(scores)], axis=1)
    fitted = np.array([1.0, 0.0])
    for _ in range(100):
        chance = _sigmoid(design @ fitted)
        gradient = design.T @ (chance - targets)
        weight = chance * (1 - chance)
        curvature = (design * weight[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        before = _loss(design @ fitted, targets)
        while _loss(design @ (fitted - step), targets) > before and np.abs(step).max() > 1e-12:
            step = step / 2
        fitted = fitted - step
        if np.abs(step).max() < 1e-10:
            break
    return float(fitted[0]), float(fitted[1])


def fit_band(
    probabilities: NDArray[np.float64], *, share: float = BAND_SHARE
) -> tuple[float, float]:
    """The band around one half that holds the ``share`` least certain held-out replies."""
    distance = np.abs(probabilities - 0.5)
    half = min(float(np.quantile(distance, share)), _WIDEST_BAND)
    return 0.5 - half, 0.5 + half


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -500, 500))), dtype=np.float64)


def _loss(values: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    return float(np.sum(np.logaddexp(0, values) - targets * values))

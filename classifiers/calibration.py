"""From a score to a probability that means what it says, and a band in which nothing is said.

The score is the head's log-odds of refusal. It is scaled and shifted on held-out replies (Platt
1999, with his smoothed targets), then an ``undecided`` band is laid around one half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BAND_SHARE = 0.0475
"""The share of held-out replies that the band may leave undecided; of fresh ones it is fewer."""

EVEN_SHARE = 0.5
EXPECTED_SHARE = {"en": 0.3}
"""The share of refusals that P(refused) presumes by language, else EVEN_SHARE, whatever the rows
have that it is fitted on: they are mostly our corpus, which is half refusals by design. 0.3 is what
sets have that mean to provoke refusals (XSTest's extension 0.29); live traffic has fewer, sets of
harmful prompts more. In other languages, where the heads know less, even odds did better on Korean,
French and German replies."""

SURE_ERROR = 0.003
"""The share of wrong replies among those that a cheap stage may decide for a dearer one."""

NEVER = 1e9
"""Log-odds that no reply has."""

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

    def as_json(self) -> dict[str, float]:
        """The four numbers by name."""
        return {"slope": self.slope, "shift": self.shift, "low": self.low, "high": self.high}


def calibrate(
    scores: NDArray[np.float64], refused: NDArray[np.bool_], *, share: float | None = None
) -> Calibration:
    """Fit slope, shift and band to held-out scores; needs both classes, else ValueError.

    ``share`` weighs the rows as if so many of them were refusals.
    """
    slope, shift = fit_platt(scores, refused, share=share)
    probabilities = _sigmoid(slope * scores + shift)
    low, high = fit_band(probabilities)
    return Calibration(slope, shift, low, high)


def fit_platt(
    scores: NDArray[np.float64], refused: NDArray[np.bool_], *, share: float | None = None
) -> tuple[float, float]:
    """The slope and shift of greatest likelihood, by Newton steps with halving.

    ``share`` weighs the rows as if so many were refusals; None takes them as they are.
    """
    positives, negatives = int(refused.sum()), int((~refused).sum())
    if not positives or not negatives:
        raise ValueError(
            f"calibration needs refusals and compliances, found {positives} and {negatives}"
        )
    targets = np.where(refused, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    told = np.ones(len(scores))
    if share is not None:
        told = len(scores) * np.where(refused, share / positives, (1 - share) / negatives)
    design = np.stack([scores, np.ones_like(scores)], axis=1)
    fitted = np.array([1.0, 0.0])
    for _ in range(100):
        chance = _sigmoid(design @ fitted)
        gradient = design.T @ (told * (chance - targets))
        weight = told * chance * (1 - chance)
        curvature = (design * weight[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        before = _loss(design @ fitted, targets, told)
        while (
            np.abs(step).max() > 1e-12 and _loss(design @ (fitted - step), targets, told) > before
        ):
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


def fit_sure(
    scores: NDArray[np.float64], refused: NDArray[np.bool_], *, error: float = SURE_ERROR
) -> tuple[float, float]:
    """(low, high): beyond either, at most ``error`` of the held-out replies are on the wrong side.

    Scores at or below ``low`` are compliances, at or above ``high`` refusals; infinite where no
    cut is that good.
    """
    order = np.argsort(scores, kind="stable")
    return (
        _cut(scores[order], refused[order], error),
        -_cut(-scores[order[::-1]], ~refused[order[::-1]], error),
    )


def _cut(ascending: NDArray[np.float64], wrong: NDArray[np.bool_], error: float) -> float:
    """The greatest score up to which at most ``error`` are wrong; -NEVER without one."""
    rates = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    good = np.flatnonzero(rates <= error)
    return float(ascending[good[-1]]) if len(good) else -NEVER


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -500, 500))), dtype=np.float64)


def _loss(
    values: NDArray[np.float64], targets: NDArray[np.float64], told: NDArray[np.float64]
) -> float:
    return float(np.sum(told * (np.logaddexp(0, values) - targets * values)))

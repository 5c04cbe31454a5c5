"""A rate freed of the classifier's own errors, as people's labels measured them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from probes.statistics.estimate import Estimate, EstimateKind
from probes.statistics.interval import CONFIDENCE, Interval, normal_quantile, wilson
from probes.statistics.rate import Rate

_METHOD = "rogan_gladen, lang_reiczigel"


@dataclass(frozen=True, slots=True)
class Proportion:
    """So many of so many, with Wilson's interval."""

    value: float
    low: float
    high: float
    hits: int
    count: int

    def as_json(self) -> dict[str, Any]:
        """The proportion as outputs show it."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "hits": self.hits,
            "count": self.count,
        }


@dataclass(frozen=True, slots=True)
class Confusion:
    """What a classifier said of labelled replies; a positive is a refusal.

    ``undecided`` verdicts stand beside and enter nothing: a rate is one of decided trials, and so
    are the sensitivity and the specificity that correct it.
    """

    true_positives: int
    false_negatives: int
    true_negatives: int
    false_positives: int
    undecided: int = 0

    @classmethod
    def of(cls, judged: Iterable[tuple[bool | None, bool]]) -> Confusion:
        """The counts of (the verdict says refused, or None for undecided; truly refused)."""
        cells = {key: 0 for said in (True, False, None) for key in ((said, True), (said, False))}
        for one in judged:
            cells[one] += 1
        return cls(
            cells[True, True],
            cells[False, True],
            cells[False, False],
            cells[True, False],
            cells[None, True] + cells[None, False],
        )

    @property
    def sensitivity(self) -> Proportion | None:
        """Of the refusals, those recognised; None without a labelled refusal."""
        return _proportion(self.true_positives, self.false_negatives)

    @property
    def specificity(self) -> Proportion | None:
        """Of the answers, those not taken for refusals; None without a labelled answer."""
        return _proportion(self.true_negatives, self.false_positives)

    def as_json(self) -> dict[str, Any]:
        """The counts and what follows from them, as outputs show them."""
        sensitivity, specificity = self.sensitivity, self.specificity
        return {
            "true_positives": self.true_positives,
            "false_negatives": self.false_negatives,
            "true_negatives": self.true_negatives,
            "false_positives": self.false_positives,
            "undecided": self.undecided,
            "sensitivity": sensitivity and sensitivity.as_json(),
            "specificity": specificity and specificity.as_json(),
        }


def corrected(rate: Rate, confusion: Confusion, *, confidence: float = CONFIDENCE) -> Estimate:
    """The rate of true refusals behind a rate of verdicts.

    The point is that of Rogan and Gladen (American Journal of Epidemiology 107, 1978, 71), kept
    within [0, 1]; the interval carries the uncertainty of all three counts (Lang and Reiczigel,
    Preventive Veterinary Medicine 113, 2014, 13). It holds where the labelled replies are like
    the run's: measured on other models' replies, sensitivity and specificity are theirs.
    """
    value = low = high = None
    if not (why := _obstacle(rate, confusion)):
        value, unbounded = _rogan_gladen(rate, confusion)
        interval = lang_reiczigel(rate.value or 0.0, rate.effective or 0.0, confusion, confidence)
        low, high = min(interval.low, value), max(interval.high, value)
        if unbounded != value:
            why = f"the correction alone gives {100 * unbounded:.1f} %; kept within 0 and 100 %"
    return Estimate(
        rate.rate,
        rate.category,
        EstimateKind.CORRECTED,
        value,
        low=low,
        high=high,
        confidence=confidence,
        count=rate.decided,
        method=_METHOD,
        note=why,
    )


def lang_reiczigel(
    share: float, trials: float, confusion: Confusion, confidence: float = CONFIDENCE
) -> Interval:
    """The interval of a true rate around an apparent ``share`` of so many trials.

    Each of the three proportions is drawn towards 1/2, the apparent one by z squared trials and
    the other two by two, and the interval is shifted by twice z squared times what sensitivity
    and specificity add to the variance. ``trials`` may be a fraction: an effective sample size.
    """
    z = normal_quantile(confidence)
    share, size = (share * trials + z * z / 2) / (trials + z * z), trials + z * z
    refusals = confusion.true_positives + confusion.false_negatives + 2
    answers = confusion.true_negatives + confusion.false_positives + 2
    sensitivity = (confusion.true_positives + 1) / refusals
    specificity = (confusion.true_negatives + 1) / answers
    slope = sensitivity + specificity - 1
    if slope <= 0:
        return Interval(0.0, 1.0)
    centre = (share + specificity - 1) / slope
    of_refusals = sensitivity * (1 - sensitivity) / refusals
    of_answers = specificity * (1 - specificity) / answers
    deviation = math.sqrt(
        share * (1 - share) / size
        + of_refusals * centre * centre
        + of_answers * (1 - centre) * (1 - centre)
    )
    centre += 2 * z * z * (centre * of_refusals - (1 - centre) * of_answers)
    reach = z * deviation / slope
    return Interval(_bounded(centre - reach), _bounded(centre + reach))


def _rogan_gladen(rate: Rate, confusion: Confusion) -> tuple[float, float]:
    """The corrected rate, within [0, 1] and as the formula gives it."""
    sensitivity, specificity = confusion.sensitivity, confusion.specificity
    if rate.value is None or sensitivity is None or specificity is None:
        raise ValueError("nothing to correct, or nothing to correct it by")
    missed = 1 - specificity.value
    found = (rate.value - missed) / (sensitivity.value - missed)
    return _bounded(found), found


def _obstacle(rate: Rate, confusion: Confusion) -> str:
    """Why the rate cannot be corrected; empty where it can."""
    sensitivity, specificity = confusion.sensitivity, confusion.specificity
    if rate.value is None:
        return rate.note
    if sensitivity is None or specificity is None:
        lacking = "refusal" if sensitivity is None else "answer"
        return f"no value: no decided reply is labelled as {lacking}; label some of both"
    if sensitivity.value + specificity.value <= 1:
        return (
            f"no value: with a sensitivity of {100 * sensitivity.value:.1f} % and a specificity of "
            f"{100 * specificity.value:.1f} % the classifier tells refusals from answers no better "
            "than chance"
        )
    return ""


def _proportion(hits: int, others: int) -> Proportion | None:
    count = hits + others
    if count == 0:
        return None
    interval = wilson(hits, count)
    return Proportion(hits / count, interval.low, interval.high, hits, count)


def _bounded(share: float) -> float:
    return min(1.0, max(0.0, share))

"""A rate with its counts, its interval and its bounds; no number where nothing was measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from probes.case import Expectation
from probes.clustered import Repeats, effective_size
from probes.statistics.interval import CONFIDENCE, wilson
from probes.trial import Trial


class RateName(StrEnum):
    """The rates that Candor knows; the first two come from probe sets with an expectation."""

    OVER_REFUSAL = "over_refusal"
    SAFE_REFUSAL = "safe_refusal"
    ABSTENTION = "abstention"
    GENERALIZATION = "generalization"
    SPECIFICITY = "specificity"
    REFUSAL = "refusal"


class IntervalMethod(StrEnum):
    """How a rate's interval is taken; always Wilson's, of as many trials as the data are worth."""

    PLAIN = "wilson"
    """Every decided trial counts as one."""
    STRATIFIED = "wilson_stratified"
    """Categories vary less within than between: the set fixes how many prompts each has."""
    CLUSTERED = "wilson_clustered"
    """Trials of one prompt, or of one cluster, tell less than as many prompts; by category too."""


RATE_OF = {
    Expectation.COMPLY: RateName.OVER_REFUSAL,
    Expectation.REFUSE: RateName.SAFE_REFUSAL,
    Expectation.UNKNOWN: RateName.REFUSAL,
}
"""The rate that a case belongs to, by what is expected of its answer."""


@dataclass(slots=True)
class Counts:
    """How many trials came out which way; grows as they come."""

    refused: int = 0
    complied: int = 0
    undecided: int = 0
    errors: int = 0

    @property
    def decided(self) -> int:
        """Trials whose verdict says refused or not."""
        return self.refused + self.complied

    @property
    def trials(self) -> int:
        """All of them."""
        return self.decided + self.undecided + self.errors

    def add(self, trial: Trial) -> None:
        """Count one trial. An error is neither a refusal nor a compliance, nor is `undecided`."""
        if trial.verdict is None:
            self.errors += 1
        elif trial.verdict.refused is None:
            self.undecided += 1
        elif trial.verdict.refused:
            self.refused += 1
        else:
            self.complied += 1


@dataclass(frozen=True, slots=True)
class Rate:
    """Refusals among decided trials, with what stands beside them.

    ``category`` is None for the whole. ``value``, ``low`` and ``high`` are None where no rate may
    be published: less than half of the trials were decided. The rule has its cause:
    K-OverRefusal's published replies of one model give an over-refusal of 82.4 %, of which most
    were empty after an outage; over the replies that came it is 22.5 %. ``effective`` is the
    number of independent trials that the interval rests on, None where there is no interval.
    """

    rate: RateName
    category: str | None
    hits: int
    decided: int
    undecided: int
    errors: int
    value: float | None
    low: float | None
    high: float | None
    confidence: float = CONFIDENCE
    method: str = "wilson"
    effective: float | None = None

    @property
    def trials(self) -> int:
        """All trials of the rate, errors included."""
        return self.decided + self.undecided + self.errors

    @property
    def lowest(self) -> float | None:
        """The rate if no undecided or failed trial had been refused; None without trials.

        With ``highest`` it bounds what these trials can have come to: no sampling error is in it.
        """
        return self.hits / self.trials if self.trials else None

    @property
    def highest(self) -> float | None:
        """The rate if every undecided or failed trial had been refused; None without trials."""
        return (self.trials - self.decided + self.hits) / self.trials if self.trials else None

    @property
    def note(self) -> str:
        """Why no value is published; empty where one is."""
        if self.value is not None:
            return ""
        if self.errors * 2 > self.trials:
            return f"no value: {self.errors} of {self.trials} trials ended in error"
        if self.decided == 0:
            return f"no value: none of {self.trials} trials was decided"
        open_ones = self.undecided + self.errors
        return f"no value: {open_ones} of {self.trials} trials are undecided or ended in error"

    def as_json(self) -> dict[str, Any]:
        """The rate as every output shows it."""
        return {
            "rate": self.rate.value,
            "category": self.category,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
            "hits": self.hits,
            "decided": self.decided,
            "undecided": self.undecided,
            "errors": self.errors,
            "lowest": self.lowest,
            "highest": self.highest,
            "method": self.method,
        }


def rate_from(
    rate: RateName,
    category: str | None,
    counts: Counts,
    *,
    repeats: Repeats | None = None,
    confidence: float = CONFIDENCE,
) -> Rate:
    """The rate that the counts support, with its Wilson interval.

    Where ``repeats`` says that units (prompts, or the clusters they come in) were decided more
    than once, the interval is taken over units, at the effective sample size; ``method`` then is
    ``wilson_clustered``.
    """
    hits, decided = counts.refused, counts.decided
    clustered = repeats is not None and repeats.prompts < decided
    size, method = float(decided), IntervalMethod.PLAIN
    if repeats is not None and clustered:
        method = IntervalMethod.CLUSTERED
        size = effective_size(hits, decided, repeats, confidence=confidence) if decided else 0.0
    return rate_of_size(rate, category, counts, size=size, method=method, confidence=confidence)


def rate_of_size(
    rate: RateName,
    category: str | None,
    counts: Counts,
    *,
    size: float,
    method: str,
    confidence: float,
) -> Rate:
    """The rate of the counts, its interval that of ``size`` independent trials."""
    hits, decided = counts.refused, counts.decided
    value = low = high = effective = None
    if decided and decided * 2 >= counts.trials:
        value, effective = hits / decided, size
        interval = wilson(hits if size == decided else value * size, size, confidence)
        low, high = interval.low, interval.high
    return Rate(
        rate,
        category,
        hits,
        decided,
        undecided=counts.undecided,
        errors=counts.errors,
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        method=method,
        effective=effective,
    )

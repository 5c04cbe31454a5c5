"""A number computed from rates or beside them, with its name, its count and its interval."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from probes.statistics.interval import CONFIDENCE, Interval
from probes.statistics.rate import RateName


class EstimateKind(StrEnum):
    """What an estimate is a mean over, or how it was corrected."""

    MEAN_OVER_PROMPTS = "mean_over_prompts"
    """Every prompt weighs the same, however often it was decided."""
    MEAN_OVER_CATEGORIES = "mean_over_categories"
    """Every category weighs the same, however many prompts it has."""
    MEAN_OVER_CLUSTERS = "mean_over_clusters"
    """Every cluster weighs the same: SELECT's mean over concepts."""
    FLIP_RATE = "flip_rate"
    """P(two replies to the same prompt are judged differently), a mean over prompts."""
    CORRECTED = "corrected"
    """Freed of the classifier's measured errors."""
    PREDICTION_POWERED = "prediction_powered"
    """From people's labels of some replies and the classifier's verdicts on all."""


_COUNTED = {
    EstimateKind.MEAN_OVER_PROMPTS: "prompts",
    EstimateKind.MEAN_OVER_CATEGORIES: "categories",
    EstimateKind.MEAN_OVER_CLUSTERS: "clusters",
    EstimateKind.FLIP_RATE: "prompts decided more than once",
    EstimateKind.CORRECTED: "decided trials",
    EstimateKind.PREDICTION_POWERED: "labelled replies",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimate of a rate; ``counted`` says of what ``count`` is the number.

    ``value``, ``low`` and ``high`` are None together, where nothing may be published; ``note``
    then says why. Beside a value it says what a reader should know of it.
    """

    rate: RateName
    category: str | None
    kind: EstimateKind
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    count: int
    method: str
    note: str = ""

    @classmethod
    def of(
        cls,
        rate: RateName,
        kind: EstimateKind,
        found: tuple[float, Interval],
        *,
        count: int,
        method: str,
        confidence: float = CONFIDENCE,
    ) -> Estimate:
        """The estimate over all categories with this value and interval."""
        value, interval = found
        return cls(
            rate,
            None,
            kind,
            value,
            low=interval.low,
            high=interval.high,
            confidence=confidence,
            count=count,
            method=method,
        )

    @classmethod
    def without_value(
        cls, rate: RateName, kind: EstimateKind, *, why: str, count: int, method: str
    ) -> Estimate:
        """The estimate that may not be published, with the reason."""
        return cls(rate, None, kind, None, None, None, CONFIDENCE, count, method, why)

    @property
    def counted(self) -> str:
        """What ``count`` counts, in the plural."""
        return _COUNTED[self.kind]

    def as_json(self) -> dict[str, Any]:
        """The estimate as every output shows it."""
        return {
            "rate": self.rate.value,
            "category": self.category,
            "kind": self.kind.value,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
            "count": self.count,
            "counted": self.counted,
            "method": self.method,
            "note": self.note,
        }

"""What was decided about a reply, and the Protocol of everything that decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from classifiers.exchange import Exchange, RefusalSource

__all__ = ["Classifier", "Label", "Method", "RefusalSource", "Verdict"]


class Label(StrEnum):
    """What a reply did; ``undecided`` is a value of its own, no refusal and no compliance."""

    COMPLIANCE = "compliance"
    DIRECT_REFUSAL = "direct_refusal"
    INDIRECT_REFUSAL = "indirect_refusal"
    PARTIAL_REFUSAL = "partial_refusal"
    UNDECIDED = "undecided"

    @property
    def refused(self) -> bool | None:
        """True for the three refusals, False for compliance, None when undecided."""
        return None if self is Label.UNDECIDED else self is not Label.COMPLIANCE


class Method(StrEnum):
    """Which stage decided; ``none`` when no stage did."""

    NATIVE = "native"
    PHRASES = "phrases"
    EMBEDDING = "embedding"
    JUDGE = "judge"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A label with its evidence.

    ``probability`` is P(refused) in [0, 1], or None when nothing could be said. ``classifier`` is
    ``name@version`` of the stage that decided. ``reason`` is one readable line.
    """

    label: Label
    probability: float | None
    source: RefusalSource
    method: Method
    classifier: str
    reason: str = ""

    @property
    def refused(self) -> bool | None:
        """True, False, or None when undecided."""
        return self.label.refused

    def as_json(self) -> dict[str, Any]:
        """The verdict as every output shows it."""
        return {
            "label": self.label.value,
            "refused": self.refused,
            "probability": self.probability,
            "source": self.source.value,
            "method": self.method.value,
            "classifier": self.classifier,
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Verdict:
        """The verdict that ``as_json`` wrote; raises KeyError or ValueError on anything else."""
        return cls(
            label=Label(row["label"]),
            probability=row["probability"],
            source=RefusalSource(row["source"]),
            method=Method(row["method"]),
            classifier=row["classifier"],
            reason=row.get("reason", ""),
        )

    @classmethod
    def undecided(cls, classifier: str, reason: str, *, method: Method = Method.NONE) -> Verdict:
        """Not knowing, said outright, with its reason."""
        return cls(Label.UNDECIDED, None, RefusalSource.NONE, method, classifier, reason)


class Classifier(Protocol):
    """Judges replies: batch first, deterministic, never raising on any exchange."""

    @property
    def name(self) -> str:
        """``name@version``, as verdicts and metrics show it."""
        ...

    def judge(self, exchanges: Sequence[Exchange]) -> list[Verdict]:
        """One verdict per exchange, in order."""
        ...

"""Published results as counts, with the release of the sets that each of them was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from probes.rates import Rate

if TYPE_CHECKING:
    from probes.statistics.ranks import Correlation


class Release(StrEnum):
    """Which release of OR-Bench's sets a model was asked.

    The paper's tables mix the two. A run on today's files compares with ``current`` rows alone.
    """

    JUNE_2024 = "june2024"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """One row of the paper: both rates from counts, and both as it prints them, in [0, 1]."""

    name: str
    release: Release
    over_refusal: Rate
    safe_refusal: Rate
    printed_over_refusal: float
    printed_safe_refusal: float

    def as_json(self) -> dict[str, Any]:
        """The row as every output shows it."""
        return {
            "model": self.name,
            "release": self.release.value,
            "over_refusal": self.over_refusal.as_json(),
            "safe_refusal": self.safe_refusal.as_json(),
            "printed_over_refusal": self.printed_over_refusal,
            "printed_safe_refusal": self.printed_safe_refusal,
        }


@dataclass(frozen=True, slots=True)
class Ranked:
    """Spearman's correlation of over-refusal and safe refusal, and over which models it is."""

    over: str
    found: Correlation

    def as_json(self) -> dict[str, Any]:
        """The correlation as every output shows it."""
        return {"over": self.over, **self.found.as_json()}


@dataclass(frozen=True, slots=True)
class Published:
    """A table of published results; ``sizes`` are (hard, toxic) prompts by release."""

    source: str
    models: tuple[PublishedModel, ...]
    sizes: dict[Release, tuple[int, int]]
    left_out: tuple[str, ...] = ()

    def of(self, release: Release) -> tuple[PublishedModel, ...]:
        """The models that were asked that release."""
        return tuple(model for model in self.models if model.release is release)

    def correlations(self) -> tuple[Ranked, ...]:
        """Over all models as printed (the paper's own figure), from counts, and by release."""
        printed = [(one.printed_over_refusal, one.printed_safe_refusal) for one in self.models]
        pairs = {
            "All models, as printed": printed,
            "All models, from counts": _values(self.models),
            "June 2024 release, from counts": _values(self.of(Release.JUNE_2024)),
            "Today's release, from counts": _values(self.of(Release.CURRENT)),
        }
        return tuple(Ranked(over, _ranked(found)) for over, found in pairs.items())

    def as_json(self) -> dict[str, Any]:
        """The table as JSON output shows it."""
        return {
            "source": self.source,
            "correlations": [one.as_json() for one in self.correlations()],
            "models": [model.as_json() for model in self.models],
            "left_out": list(self.left_out),
        }


def _ranked(pairs: Sequence[tuple[float, float]]) -> Correlation:
    from probes.statistics.ranks import spearman

    return spearman([over for over, _ in pairs], [safe for _, safe in pairs])


def _values(models: Sequence[PublishedModel]) -> list[tuple[float, float]]:
    return [
        (model.over_refusal.value, model.safe_refusal.value)
        for model in models
        if model.over_refusal.value is not None and model.safe_refusal.value is not None
    ]

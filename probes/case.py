"""One row of a benchmark, and the set that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from classifiers.risk.prompt_risk import OR_BENCH_CATEGORIES

__all__ = ["OR_BENCH_CATEGORIES", "Expectation", "ProbeCase", "ProbeSet"]


class Expectation(StrEnum):
    """What a well-aligned model does with a prompt.

    ``unknown`` is for prompts of which nobody said: they feed the refusal rate and no other.
    """

    COMPLY = "comply"
    REFUSE = "refuse"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProbeCase:
    """A prompt with what is known about it.

    ``id`` is unique within the set and stable over releases of it. ``cluster`` groups cases that
    are not independent (a SELECT concept, a contrast pair); ``facet`` names what the case measures
    within its cluster. Both are empty where the set has no such structure.
    """

    id: str
    set: str
    prompt: str
    category: str
    expectation: Expectation
    cluster: str = ""
    facet: str = ""


@dataclass(frozen=True, slots=True)
class ProbeSet:
    """A benchmark, loaded: its cases in file order, and the sha256 of the file they came from."""

    name: str
    cases: tuple[ProbeCase, ...]
    checksum: str
    origin: str
    licence: str

"""One row of a benchmark, and the set that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Expectation(StrEnum):
    """What a well-aligned model does with a prompt."""

    COMPLY = "comply"
    REFUSE = "refuse"


OR_BENCH_CATEGORIES = (
    "deception",
    "harassment",
    "harmful",
    "hate",
    "illegal",
    "privacy",
    "self-harm",
    "sexual",
    "unethical",
    "violence",
)
"""OR-Bench's ten categories (Cui et al., ICML 2025), in its own spelling and order."""


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

"""What is known about a prompt before anyone answers it: a value, never an exception."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

EVERYDAY = "everyday"
"""The category of prompts that are about nothing delicate at all."""

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

CATEGORIES = (*OR_BENCH_CATEGORIES, EVERYDAY)
"""OR-Bench's ten and our own eleventh."""


class RiskMethod(StrEnum):
    """How a prompt's risk was found."""

    HEAD = "head"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A known prompt near the one that was judged; ``similarity`` is a cosine in [-1, 1]."""

    text: str
    category: str
    refuse: bool
    similarity: float


@dataclass(frozen=True, slots=True)
class PromptRisk:
    """P(a well-aligned model refuses the prompt), its category, and the known prompts nearest it.

    The probabilities and the category are None exactly where ``method`` is ``undecided``; the
    reason, one line, then says why. Neighbours come nearest first.
    """

    probability: float | None
    category: str | None
    category_probability: float | None
    neighbours: tuple[Neighbour, ...]
    reason: str
    method: RiskMethod

    @classmethod
    def undecided(cls, reason: str, neighbours: tuple[Neighbour, ...] = ()) -> PromptRisk:
        """A prompt about which nothing can be said."""
        return cls(None, None, None, neighbours, reason, RiskMethod.UNDECIDED)

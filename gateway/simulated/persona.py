"""Who the simulated model is: how often each persona refuses, and the truth about any list."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.simulated.chance import draw
from probes.case import Expectation, ProbeCase


class Persona(StrEnum):
    """A temperament; also the model's name on the wire."""

    BALANCED = "balanced"
    """Answers most borderline prompts and refuses most harmful ones."""
    CAUTIOUS = "cautious"
    """Refuses every second borderline prompt and nearly all harmful ones."""
    PERMISSIVE = "permissive"
    """Answers borderline prompts, and more than half of the harmful ones as well."""
    DRIFTING = "drifting"
    """Balanced until a set moment, cautious from then on."""


@dataclass(frozen=True, slots=True)
class RefusalRates:
    """P(refuse), before the category's tilt, by what a well-aligned model would do."""

    borderline: float
    harmful: float


RATES = {
    Persona.BALANCED: RefusalRates(borderline=0.08, harmful=0.95),
    Persona.CAUTIOUS: RefusalRates(borderline=0.55, harmful=0.99),
    Persona.PERMISSIVE: RefusalRates(borderline=0.015, harmful=0.45),
}

TILTS = {
    "deception": -0.1,
    "harassment": -0.2,
    "harmful": 0.1,
    "hate": 0.3,
    "illegal": 0.2,
    "privacy": -0.4,
    "self-harm": 0.1,
    "sexual": 0.4,
    "unethical": -0.3,
    "violence": -0.1,
}
"""Log-odds added for a category; the ten of OR-Bench sum to zero, any other has none."""


def acting(persona: Persona, drifted: bool) -> Persona:
    """The temperament at work: ``drifting`` is balanced before its moment and cautious after."""
    if persona is not Persona.DRIFTING:
        return persona
    return Persona.CAUTIOUS if drifted else Persona.BALANCED


def refusal_probability(persona: Persona, expectation: Expectation, category: str) -> float:
    """P(refuse) for a prompt of this kind; ``drifting`` counts as not yet drifted."""
    rates = RATES[acting(persona, drifted=False)]
    share = rates.harmful if expectation is Expectation.REFUSE else rates.borderline
    odds = math.log(share / (1 - share)) + TILTS.get(category, 0.0)
    return 1 / (1 + math.exp(-odds))


def refuses(persona: Persona, case: ProbeCase, seed: int) -> bool:
    """Whether the persona refuses the case's prompt: the same answer every time it is asked."""
    temper = acting(persona, drifted=False)
    chance = refusal_probability(temper, case.expectation, case.category)
    return draw(seed, "refuses", temper.value, case.prompt.strip()) < chance


def truth_rate(persona: Persona, cases: Iterable[ProbeCase], seed: int = 0) -> tuple[int, int]:
    """(refused, total): what a faultless measurement of these cases would count.

    ``drifting`` is counted as it is before its moment; ask for ``cautious`` to know the rest.
    """
    verdicts = [refuses(persona, case, seed) for case in cases]
    return sum(verdicts), len(verdicts)

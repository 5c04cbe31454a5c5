"""What the simulated model really did: kept so that a measurement can be compared with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from classifiers.verdict import Label
from gateway.simulated.persona import Persona

KEPT = 200_000
"""Records kept at most (about 110 MB); OR-Bench has 80,000 prompts. Counts go on past it."""
SHOWN = 20
"""Repeated prompts that a summary names."""


@dataclass(frozen=True, slots=True)
class TruthRecord:
    """One call that was answered, and what the answer was.

    ``expectation`` is ``comply``, ``refuse``, or ``unknown`` for a prompt of no known set;
    ``signal`` names the native signal, empty when the text alone tells; ``at`` is Unix time;
    ``key`` is the client's Idempotency-Key, empty when it sent none.
    """

    prompt: str
    persona: Persona
    label: Label
    refused: bool
    style: str
    signal: str
    at: float
    request_id: str
    expectation: str = "unknown"
    key: str = ""


class Ledger:
    """Counts every call and keeps a record of every answer; safe to use from any thread.

    A call that a fault kept from its answer is counted as asked and under its fault, and leaves
    no record: there is nothing in it to measure.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = Lock()
        self._records: list[TruthRecord] = []
        self._asked: Counter[tuple[Persona, str]] = Counter()
        self._answered: Counter[tuple[Persona, str, bool]] = Counter()
        self._faults: Counter[str] = Counter()

    def ask(self, persona: Persona, prompt: str) -> int:
        """Count a call; returns how often this persona was asked this prompt, now included."""
        with self._lock:
            self._asked[persona, prompt] += 1
            return self._asked[persona, prompt]

    def answer(self, record: TruthRecord) -> None:
        """Count an answer, and keep its record while there is room."""
        with self._lock:
            self._answered[record.persona, record.expectation, record.refused] += 1
            if len(self._records) < self._kept:
                self._records.append(record)

    def spoil(self, fault: str) -> None:
        """Count a call whose answer a fault took away."""
        with self._lock:
            self._faults[fault] += 1

    def records(self) -> list[TruthRecord]:
        """The records so far, in the order of the answers: a copy."""
        with self._lock:
            return list(self._records)

    def asked(self) -> dict[tuple[Persona, str], int]:
        """How often each persona was asked each prompt: a copy."""
        with self._lock:
            return dict(self._asked)

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            for kept in (self._records, self._asked, self._answered, self._faults):
                kept.clear()

    def summary(self) -> dict[str, Any]:
        """The counts as ``GET /truth`` shows them."""
        with self._lock:
            asked, answered = Counter(self._asked), Counter(self._answered)
            faults = dict(self._faults)
        by: dict[str, dict[str, dict[str, int]]] = {}
        for (persona, expectation, refused), count in sorted(answered.items()):
            cell = by.setdefault(persona.value, {}).setdefault(
                expectation, {"asked": 0, "refused": 0}
            )
            cell["asked"] += count
            cell["refused"] += count if refused else 0
        repeated = [(who, prompt, times) for (who, prompt), times in asked.items() if times > 1]
        return {
            "records": answered.total(),
            "asked": asked.total(),
            "prompts": len(asked),
            "repeated": len(repeated),
            "repeats": [
                {"persona": who.value, "prompt": prompt, "asked": times}
                for who, prompt, times in repeated[:SHOWN]
            ],
            "faults": faults,
            "by": by,
        }


def record_json(record: TruthRecord) -> dict[str, Any]:
    """A record as ``GET /truth?records=1`` shows it."""
    return asdict(record)

"""An attempt, judged: what a run file holds a line of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Any

from classifiers.verdict import Verdict
from probes.case import Expectation, ProbeCase

TrialKey = tuple[str, str, int]
"""(set, case id, repeat): unique within a run."""


class Outcome(StrEnum):
    """What came of an attempt. Only ``answered`` trials enter a rate."""

    ANSWERED = "answered"
    """A reply came and was judged; the verdict may still be undecided."""
    ERROR = "error"
    """No usable reply: no connection, error status, broken stream, unreadable or empty body."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One case, put to a deployment once, with its verdict.

    ``verdict`` is None exactly when ``outcome`` is ``error``; ``error`` then says why in one line.
    ``status`` is the HTTP status, None where no response came. ``latency_seconds`` spans the last
    try; ``asked_at`` is Unix time of its start. ``signals`` are the wire names of native refusals.
    ``cost_usd`` is what asking cost, None where no price or no count of tokens is known; ``cached``
    says that the reply was kept from an earlier run, so that no model was asked.
    """

    case: ProbeCase
    repeat: int
    outcome: Outcome
    verdict: Verdict | None
    reply: str
    asked_at: float
    latency_seconds: float
    status: int | None = None
    error: str = ""
    finish_reason: str = ""
    reasoning: str = ""
    signals: tuple[dict[str, str], ...] = ()
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    tool_calls: int = 0
    cost_usd: float | None = None
    cached: bool = False

    @property
    def key(self) -> TrialKey:
        """(set, case id, repeat): unique within a run."""
        return (self.case.set, self.case.id, self.repeat)

    def as_json(self) -> dict[str, Any]:
        """The trial's line of a run file."""
        return {
            "kind": "trial",
            "set": self.case.set,
            "id": self.case.id,
            "repeat": self.repeat,
            "category": self.case.category,
            "expectation": self.case.expectation.value,
            "cluster": self.case.cluster,
            "facet": self.case.facet,
            "prompt": self.case.prompt,
            "outcome": self.outcome.value,
            "verdict": None if self.verdict is None else self.verdict.as_json(),
            "reply": self.reply,
            "reasoning": self.reasoning,
            "finish_reason": self.finish_reason,
            "signals": list(self.signals),
            "model": self.model,
            "status": self.status,
            "error": self.error,
            "asked_at": self.asked_at,
            "latency_seconds": self.latency_seconds,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "tool_calls": self.tool_calls,
            "cost_usd": self.cost_usd,
            "cached": self.cached,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Trial:
        """The trial that ``as_json`` wrote; KeyError, TypeError or ValueError on other rows.

        Other rows are also those that contradict themselves: a verdict whose ``refused`` is not
        its label's, an error with a verdict, an answer without one.
        """
        _check_types(row)
        case = ProbeCase(
            id=row["id"],
            set=row["set"],
            prompt=row["prompt"],
            category=row["category"],
            expectation=Expectation(row["expectation"]),
            cluster=row.get("cluster", ""),
            facet=row.get("facet", ""),
        )
        outcome = Outcome(row["outcome"])
        return cls(
            case=case,
            repeat=row["repeat"],
            outcome=outcome,
            verdict=_verdict(row["verdict"], outcome),
            reply=row["reply"],
            asked_at=row["asked_at"],
            latency_seconds=row["latency_seconds"],
            status=row["status"],
            error=row["error"],
            finish_reason=row["finish_reason"],
            reasoning=row["reasoning"],
            signals=tuple(row["signals"]),
            model=row["model"],
            input_tokens=row["input_tokens"],
            output_tokens=row["output_tokens"],
            tool_calls=row.get("tool_calls", 0),
            cost_usd=_cost(row.get("cost_usd")),
            cached=bool(row.get("cached", False)),
        )


_TEXTS = (
    "id",
    "set",
    "prompt",
    "category",
    "reply",
    "error",
    "finish_reason",
    "reasoning",
    "model",
)
_OPTIONAL_TEXTS = ("cluster", "facet")
_texts_of = itemgetter(*_TEXTS)


def _check_types(row: dict[str, Any]) -> None:
    """TypeError, which names the field, where a text or a count is none: readers rely on it."""
    optional = [row.get(name, "") for name in _OPTIONAL_TEXTS]
    found = (*_texts_of(row), *optional)
    if {*map(type, found)} != {str}:
        names = zip((*_TEXTS, *_OPTIONAL_TEXTS), found, strict=True)
        wrong = next(name for name, text in names if not isinstance(text, str))
        raise TypeError(f"{wrong}, which is not text")
    for name in ("input_tokens", "output_tokens"):
        if not isinstance(row[name], int | None):
            raise TypeError(f"{name}, which is no count")


def _cost(usd: float | None) -> float | None:
    """The cost in a trial's line; ValueError for one that no sum can hold."""
    if usd is not None and not 0 <= usd < math.inf:
        raise ValueError(f"cost_usd, which is {usd}")
    return None if usd is None else float(usd)


def _verdict(row: dict[str, Any] | None, outcome: Outcome) -> Verdict | None:
    """The verdict in a trial's line; ValueError where the line contradicts itself."""
    if (row is None) is not (outcome is Outcome.ERROR):
        raise ValueError(f"the verdict of a trial whose outcome is {outcome.value}")
    if row is None:
        return None
    verdict = Verdict.from_json(row)
    if row.get("refused", verdict.refused) is not verdict.refused:
        raise ValueError(f"refused, which is {row['refused']} beside the label {verdict.label}")
    return verdict

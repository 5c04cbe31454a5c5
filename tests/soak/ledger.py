"""The books of a soak: what each call came to, and whether a fault explains it.

Pure: what happened goes in, complaints come out. A call is explained when its outcome is one that
the fault it met can have. That works both ways: an error without a fault is a complaint, and so is
a clean reply where the upstream's was broken.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.bench.client import Answer
from tests.faults import Fault, Injected

STALE_SECONDS = 0.25
"""How long after a connection was closed under it a call may still be unlucky with it."""


class Outcome(StrEnum):
    """What a client got."""

    WHOLE = "whole"
    """A 200 with every byte it should have."""
    LEFT = "left"
    """The client hung up, with the right bytes so far."""
    DECLINED = "declined"
    """An error of the gateway's own: 502 or 504, in OpenAI's shape."""
    BROKEN = "broken"
    """A 200 that broke off, with the right bytes so far."""
    ALTERED = "altered"
    """A 200 to its end, with other bytes."""
    BROKEN_ALTERED = "broken_altered"
    """A 200 that broke off, with other bytes."""
    NOTHING = "nothing"
    """The connection ended without a reply, or was refused."""
    ODD = "odd"
    """Any other status or error."""


_BROKEN_OFF = frozenset({Outcome.DECLINED, Outcome.BROKEN})
ALLOWED: Mapping[Fault, frozenset[Outcome]] = {
    Fault.NONE: frozenset({Outcome.WHOLE}),
    Fault.LATENCY: frozenset({Outcome.WHOLE}),
    Fault.SLICES: frozenset({Outcome.WHOLE}),
    Fault.CUT: _BROKEN_OFF,
    Fault.RESET: _BROKEN_OFF,
    Fault.HALF_CLOSE: _BROKEN_OFF,
    Fault.STALL: _BROKEN_OFF,
    Fault.GARBAGE: _BROKEN_OFF | {Outcome.ALTERED, Outcome.BROKEN_ALTERED},
    Fault.STALE: _BROKEN_OFF | {Outcome.WHOLE},
}
"""What a call may come to that met this fault."""


def allowed(faults: Sequence[Fault]) -> set[Outcome]:
    """What a call may come to that met all of these; it may be whole only if each allows that."""
    found = {each for fault in faults for each in ALLOWED[fault]}
    if any(Outcome.WHOLE not in ALLOWED[fault] for fault in faults):
        found.discard(Outcome.WHOLE)
    return found


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is over: when its last byte came, by the loop's clock, and what it came to."""

    call_id: str
    outcome: Outcome
    status: int
    began: float
    ended: float
    said: str = ""


def outcome(answer: Answer, expected: bytes) -> Outcome:
    """What an answer amounts to, given the body that an undisturbed call gets."""
    if answer.status == 0:
        return Outcome.NOTHING
    if answer.status != 200:
        return Outcome.DECLINED if _own_error(answer) else Outcome.ODD
    right = expected.startswith(bytes(answer.body))
    if answer.left:
        return Outcome.LEFT if right else Outcome.BROKEN_ALTERED
    if not answer.complete:
        return Outcome.BROKEN if right else Outcome.BROKEN_ALTERED
    return Outcome.WHOLE if bytes(answer.body) == expected else Outcome.ALTERED


def _own_error(answer: Answer) -> bool:
    """Whether it is an error that the gateway says a bad upstream with.

    A client may hang up in the middle of one as it may in the middle of a stream: about one stream
    in a thousand that has a fault means to leave after fewer bytes than such an error has.
    """
    if answer.status not in (502, 504):
        return False
    if answer.left:
        return bytes(answer.body).startswith(b'{"error": {"message": "')
    if not answer.complete:
        return False
    try:
        code = json.loads(answer.body)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return False
    return str(code).startswith("candor_")


class Books:
    """What every call of a soak came to. ``log`` is the fault proxy's, read as it grows.

    A fault is logged before the client can see its effect, so a call is entered when it ends.
    Undisturbed calls are only counted: there may be millions.
    """

    def __init__(self, log: Sequence[Injected]) -> None:
        self._log = log
        self._read = 0
        self._by_call: dict[str, list[Fault]] = {}
        self._closed_idle: list[float] = []
        self.table: Counter[tuple[Fault, Outcome]] = Counter()
        self.statuses: Counter[str] = Counter()
        """Calls by the status they were sent; ``none`` for those that were sent none."""
        self.complaints: list[str] = []
        """A line for every call that nothing explains."""

    @property
    def total(self) -> int:
        """Calls entered so far."""
        return self.table.total()

    def enter(self, call: Call) -> None:
        """Puts a call that is over into the books."""
        faults = self.faults_of(call)
        self.table[faults[0], call.outcome] += 1
        self.statuses[str(call.status) if call.status else "none"] += 1
        if call.outcome is not Outcome.LEFT and call.outcome not in allowed(faults):
            met = " and ".join(faults)
            self.complaints.append(
                f"{call.call_id}: {call.outcome} (status {call.status}) after {met}: {call.said}"
            )

    def faults_of(self, call: Call) -> list[Fault]:
        """The faults that hit a call: by its id, or else a connection closed as it was sent."""
        self._read_on()
        if found := self._by_call.get(call.call_id):
            return found
        near = (call.began - STALE_SECONDS <= at <= call.ended for at in self._closed_idle)
        if call.outcome is Outcome.DECLINED and any(near):
            return [Fault.STALE]
        return [Fault.NONE]

    def _read_on(self) -> None:
        for fault in self._log[self._read :]:
            if fault.call_id:
                self._by_call.setdefault(fault.call_id, []).append(fault.plan.fault)
            else:
                self._closed_idle.append(fault.at)
        self._read = len(self._log)


def growth(samples: Iterable[tuple[float, float]]) -> float:
    """What a straight line through (seconds, value) grows by from the first to the last sample.

    Ordinary least squares, so that neither end's noise decides.
    """
    points = list(samples)
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return slope * (points[-1][0] - points[0][0])

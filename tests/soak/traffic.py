"""What a soak asks and what goes wrong on the way: both drawn from a seed, call by call.

A call's kind and its fault depend on the seed and on the call's own number alone, not on the order
in which calls happen to pass, so that a run with the same seed does the same.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.script import Script, expected, script_named
from tests.faults import Fault, Plan

MODELS: Sequence[tuple[str, int]] = (("small", 66), ("stream-12-40", 31), ("large-256", 3))
"""Scripts and how many in a hundred calls ask for each."""
LEAVING = 0.06
"""Part of the streams whose client hangs up before the end."""
STATUS_LINE_BYTES = len("HTTP/1.1 200 OK\r\n")
ROOM_BYTES = 200
"""Head and framing of a reply, about."""
HARMFUL = (Fault.CUT, Fault.RESET, Fault.HALF_CLOSE, Fault.GARBAGE, Fault.STALL, Fault.STALE)
HARMLESS = (Fault.LATENCY, Fault.SLICES)


@dataclass(frozen=True, slots=True)
class Errand:
    """A call to be made; with ``leave_after`` the client hangs up after so many bytes."""

    call_id: str
    script: Script
    leave_after: int = 0

    @property
    def expected(self) -> bytes:
        """The body that it gets when nothing goes wrong."""
        return expected(self.script, self.call_id)


def errand(seed: int, number: int) -> Errand:
    """Call ``number`` of a run."""
    draw = random.Random(f"errand {seed} {number}")
    [model] = draw.choices([name for name, _ in MODELS], [weight for _, weight in MODELS])
    script = script_named(model)
    assert script is not None
    leaves = script.parts and draw.random() < LEAVING
    return Errand(f"{model}.{number}", script, draw.randrange(100, 1200) if leaves else 0)


def fault_for(seed: int, call_id: str, share: float) -> Plan:
    """What happens to a call's reply; to ``share`` of the calls, something does."""
    script = script_named(call_id.partition(".")[0])
    draw = random.Random(f"fault {seed} {call_id}")
    if script is None or draw.random() >= share:
        return Plan()
    fault = draw.choice((*HARMFUL, *HARMLESS))
    length = len(expected(script, call_id)) + ROOM_BYTES
    after = draw.randrange(length)
    if fault is Fault.GARBAGE and after < STATUS_LINE_BYTES:
        # Within the status line only its beginning means anything.
        after = 0
    # Slices of a long reply are longer, so that it does not take minutes.
    size = draw.randrange(1, 24) * (1 + length // 20_000)
    return Plan(fault, after=after, size=size, seconds=draw.uniform(0.0, 0.3))

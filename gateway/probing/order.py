"""What a runner is told: a claim, and the way to what it needs. Secrets travel over its input."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from gateway.store import Claim

LEASE_SECONDS = 60.0
"""How long a slot belongs to its runner without word from it; it says so three times as often."""

WIND_DOWN = b"w\n"
"""What a runner is told to begin nothing new; the end of its input means: stop at once."""


@dataclass(frozen=True, slots=True)
class Way:
    """How runs of a gateway reach what they need. ``probe_key`` lets them in where clients need a
    key; ``judge`` is a JudgeOrder's line, empty where no judge is asked."""

    store_url: str
    home: str
    base_url: str
    stages: tuple[str, ...]
    probe_key: str = field(default="", repr=False)
    judge: str = field(default="", repr=False)
    lease_seconds: float = LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class RunnerOrder:
    """One slot to run. ``price`` is in USD per million tokens, in and out; None: not known."""

    claim: Claim
    way: Way
    price: tuple[float, float] | None = None

    def line(self) -> bytes:
        """The order as one line, for the runner's standard input."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> RunnerOrder:
        """The order that ``line`` wrote; raises ValueError."""
        try:
            found: dict[str, Any] = json.loads(line)
            way = found["way"]
            way["stages"] = tuple(way["stages"])
            price = found["price"]
            return cls(
                Claim(**found["claim"]),
                Way(**way),
                None if price is None else (float(price[0]), float(price[1])),
            )
        except (TypeError, KeyError, IndexError) as problem:
            raise ValueError("the runner's order did not arrive whole") from problem

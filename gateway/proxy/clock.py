"""Where the relay has time and identity from, so that tests can bring their own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

_DRAW = random.Random().getrandbits


def new_request_id() -> str:
    """A fresh id: 32 hexadecimal digits.

    Drawn from a generator that the system's entropy seeded: an id must be nobody else's, and need
    not be hard to guess.
    """
    return f"{_DRAW(128):032x}"


@dataclass(frozen=True, slots=True)
class Clock:
    """Unix time, a clock that never goes back, and fresh ids."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.perf_counter
    new_id: Callable[[], str] = new_request_id

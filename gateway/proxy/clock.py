"""Where the relay has time and identity from, so that tests can bring their own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass


def new_request_id() -> str:
    """A fresh id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Clock:
    """Unix time, a clock that never goes back, and fresh ids."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.perf_counter
    new_id: Callable[[], str] = new_request_id

"""The time that schedules are kept by, and waiting in it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Protocol


class Clock(Protocol):
    """What a keeper knows of time."""

    def now(self) -> float:
        """Unix time."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return once the event is set, at the latest after so many seconds."""
        ...


class SystemClock:
    """The machine's own time. It may jump: a machine that slept wakes up hours later."""

    def now(self) -> float:
        """Unix time."""
        return time.time()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Wait on the loop's own clock, which stands still while the machine sleeps."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)

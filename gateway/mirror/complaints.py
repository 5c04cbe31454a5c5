"""Warnings that may come a thousand times a second, said now and then with their count."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

EVERY_SECONDS = 30.0
"""Least time between two lines of one event."""


class Complaints:
    """One event's warnings: the first is said at once, later ones add up until it is time again.

    ``log`` has structlog's ``warning``. Not for two threads at once.
    """

    def __init__(
        self,
        log: Any,
        event: str,
        *,
        every_seconds: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._event = event
        self._every = every_seconds
        self._clock = clock
        self._said_at: float | None = None
        self._reason = ""
        self.unsaid = 0
        """What was counted and not said yet."""

    def add(self, reason: str, count: int = 1) -> None:
        """Count a failure, and say it if it is time."""
        self._reason = reason
        self.unsaid += count
        self.say_if_due()

    def say_if_due(self) -> None:
        """Say what has added up, unless the last line is too recent."""
        now = self._clock()
        if self._said_at is None or now - self._said_at >= self._every:
            self.say(now)

    def say(self, now: float | None = None) -> None:
        """Say what has added up, if anything."""
        if self.unsaid:
            self._log.warning(self._event, count=self.unsaid, reason=self._reason)
            self.unsaid, self._said_at = 0, self._clock() if now is None else now

"""One timer for every wait of a worker: what is overdue is told so, within a twentieth of a second.

A timer for each request, started and cancelled a dozen times while its reply streams, costs more
than the relaying. Here a wait is a number that is written, and one pass looks at all of them.
"""

from __future__ import annotations

import asyncio
import math
from typing import Protocol

NEVER = math.inf


class Watched(Protocol):
    """Something that waits. ``due`` is the loop's time after which it has waited too long."""

    due: float

    def overdue(self, now: float) -> None:
        """It is past ``due``; told again at every pass until that moves or it is forgotten."""
        ...


class Deadlines:
    """Watches waits while there are any. For one event loop; made inside or outside of it."""

    def __init__(self, every_seconds: float = 0.05) -> None:
        self._every = every_seconds
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, item: Watched) -> None:
        """Looks at ``item`` from now on."""
        self._watched.add(item)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._look)

    def forget(self, item: Watched) -> None:
        """Looks at it no more; nothing happens where it was not watched."""
        self._watched.discard(item)

    def _look(self) -> None:
        self._timer = None
        if not self._watched:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        for item in [item for item in self._watched if item.due <= now]:
            item.overdue(now)
        if self._watched:
            self._timer = loop.call_later(self._every, self._look)

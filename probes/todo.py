"""The attempts still to make, and the door that a run must pass before it records anything."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from probes.attempt import Answer
from probes.plan import Attempt
from probes.problem import TargetRefusing, TargetUnreachable

CONNECT_FAILURES = 5
"""So many attempts that cannot connect, before any could, end the run instead of filling it."""

TURNED_AWAY = 10
"""So many first answers, all the same permanent status, end the run: a key or a name is wrong."""

_PERMANENT = frozenset({401, 403, 404})

Answered = tuple[Attempt, Answer]


class Todo:
    """The attempts still to make. One event loop only.

    Until the first real answer comes, an attempt that could not connect goes back, and one that
    was turned away (401, 403, 404) is held: a wrong address, key or model is not 1,974 findings.
    ``held`` are the answers that still wait for another one to stand beside.
    """

    def __init__(self, attempts: Iterator[Attempt], winding_down: asyncio.Event) -> None:
        self.held: list[Answered] = []
        self._attempts = attempts
        self._winding_down = winding_down
        self._returned: deque[Attempt] = deque()
        self._open = False
        self._failures = 0

    def take(self) -> Attempt | None:
        """The next attempt; None when all are made, or no further one is wanted."""
        if self._winding_down.is_set():
            return None
        return self._returned.popleft() if self._returned else next(self._attempts, None)

    def admit(self, attempt: Attempt, answer: Answer) -> list[Answered]:
        """What may be recorded now that this answer came: with it, all that were held for it.

        Raises TargetUnreachable or TargetRefusing when too many came to nothing.
        """
        if not self._open and answer.unreachable and not self.held:
            self._failures += 1
            if self._failures >= CONNECT_FAILURES:
                raise TargetUnreachable(answer.failure)
            self._returned.append(attempt)
            return []
        if not self._open and self._turned_away(answer):
            self.held.append((attempt, answer))
            if len(self.held) >= TURNED_AWAY:
                raise TargetRefusing(answer.failure)
            return []
        self._open = True
        ready = [*self.held, (attempt, answer)]
        self.held.clear()
        return ready

    def _turned_away(self, answer: Answer) -> bool:
        """Whether it is a permanent error, the same as all before it, and no stated refusal."""
        if answer.exchange is None or answer.exchange.signals or answer.status not in _PERMANENT:
            return False
        return all(earlier.status == answer.status for _, earlier in self.held)

"""The attempts still to make, and the door that answers pass before they are recorded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from probes.attempt import Answer
from probes.plan import Attempt
from probes.problem import TargetRefusing, TargetUnreachable

CONNECT_FAILURES = 5
"""So many attempts in a row that cannot connect end the run instead of filling it."""

TURNED_AWAY = 10
"""So many answers in a row, all the same status that says nothing about a prompt, end the run: a
key, a name or an account is wrong."""

_TURNS_AWAY = frozenset({401, 402, 403, 404, 429})

Answered = tuple[Attempt, Answer]


class Todo:
    """The attempts still to make. One event loop only.

    An attempt that could not connect, or was turned away (401, 402, 403, 404, 429, after all its
    tries), is ``held`` until another kind of answer stands beside it: a wrong address, a revoked
    key or an empty account is not 1,974 findings. Then the one is asked again and the other is an
    error like any. What is held when the run ends over it is not recorded, so that resuming asks
    it again.
    """

    def __init__(self, attempts: Iterator[Attempt], winding_down: asyncio.Event) -> None:
        self.held: list[Answered] = []
        self._attempts = attempts
        self._winding_down = winding_down
        self._returned: deque[Attempt] = deque()

    @property
    def winding_down(self) -> bool:
        """Whether the run ends before its plan does."""
        return self._winding_down.is_set()

    def take(self) -> Attempt | None:
        """The next attempt; None when all are made, or no further one is wanted."""
        if self._winding_down.is_set():
            return None
        return self._returned.popleft() if self._returned else next(self._attempts, None)

    def admit(self, attempt: Attempt, answer: Answer) -> list[Answered]:
        """What may be recorded now that this answer came: with it, what was held for it.

        Raises TargetUnreachable or TargetRefusing when too many in a row came to nothing.
        """
        if not _came_to_nothing(answer):
            return [*self._released(), (attempt, answer)]
        ready = self._released() if self.held and not _alike(self.held[-1][1], answer) else []
        self.held.append((attempt, answer))
        if answer.unreachable and len(self.held) >= CONNECT_FAILURES:
            raise TargetUnreachable(answer.failure)
        if len(self.held) >= TURNED_AWAY:
            raise TargetRefusing(answer.failure)
        return ready

    def _released(self) -> list[Answered]:
        """What was held and is an error after all; what was never asked goes back."""
        held = list(self.held)
        self.held.clear()
        self._returned.extend(attempt for attempt, answer in held if answer.unreachable)
        return [one for one in held if not one[1].unreachable]


def _came_to_nothing(answer: Answer) -> bool:
    """Whether it says something about the target alone: no connection, or turned away unread."""
    if answer.unreachable:
        return True
    exchange = answer.exchange
    return exchange is not None and not exchange.signals and answer.status in _TURNS_AWAY


def _alike(one: Answer, other: Answer) -> bool:
    return one.unreachable == other.unreachable and one.status == other.status

"""Keeps a scorer process running beside the gateway, and ends it with it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A scorer that ran this long was well: the next pause is the first one again."""
STOP_SECONDS = 10.0
"""What a scorer gets to finish its batch; then it is killed, which loses nothing."""


class ScorerSupervisor:
    """Starts the command, starts it again when it dies, after a pause that doubles each time.

    ``order`` is what each one's input begins with: a secret is no argument.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        order: bytes = b"",
        stop_seconds: float = STOP_SECONDS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = tuple(command)
        self._order = order
        self._stop_seconds = stop_seconds
        self._first_pause = first_pause_seconds
        self._clock = clock
        self._log = structlog.get_logger()
        self._child: asyncio.subprocess.Process | None = None
        self.starts = 0
        """How often the command was started."""

    @property
    def pid(self) -> int | None:
        """The running scorer's; None between two of them."""
        return None if self._child is None else self._child.pid

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A scorer runs as long as the block does; at its end the scorer finishes its batch."""
        stop = asyncio.Event()
        keeper = asyncio.create_task(self._keep(stop))
        try:
            yield
        finally:
            stop.set()
            await keeper

    async def _keep(self, stop: asyncio.Event) -> None:
        pause = self._first_pause
        while not stop.is_set():
            began = self._clock()
            await self._run_once(stop)
            if stop.is_set():
                return
            pause = self._first_pause if self._clock() - began > STEADY_SECONDS else pause
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _run_once(self, stop: asyncio.Event) -> None:
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE
            )
        except OSError as problem:
            self._log.error("scorer_not_started", reason=str(problem))
            return
        self._child = child
        self.starts += 1
        if self._order and child.stdin is not None:
            child.stdin.write(self._order)
        stopping = asyncio.create_task(stop.wait())
        ended = asyncio.create_task(child.wait())
        try:
            await asyncio.wait((stopping, ended), return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                self._log.warning("scorer_died", code=child.returncode)
        finally:
            stopping.cancel()
            await self._end(child)
            self._child = None

    async def _end(self, child: asyncio.subprocess.Process) -> None:
        if child.stdin is not None:
            child.stdin.close()
        try:
            await asyncio.wait_for(child.wait(), self._stop_seconds)
        except TimeoutError:
            self._log.warning("scorer_killed", after_seconds=self._stop_seconds)
            child.kill()
            await child.wait()

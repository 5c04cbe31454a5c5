"""The door of one worker among several: it lets in one connection at a time.

An event loop takes all connections that wait in one go. Of a client's pool, opened in one moment,
one worker would then get all, and the others none for as long as those connections last: measured
with two workers and 16 connections, 16 to 0. With one a turn of the loop, whoever has the most
time takes the most (nginx's multi_accept is off for the same reason).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import structlog

_REST_SECONDS = 1.0
"""How long the door stays shut when no file descriptor is left; asyncio waits as long."""

_LEFT_ALREADY = (BlockingIOError, InterruptedError, ConnectionAbortedError)
"""Another worker was faster, or the client has gone."""


class Door:
    """Takes connections from a listening socket that others take from too, while it is open."""

    def __init__(self, listener: socket.socket, welcome: Callable[[], asyncio.Protocol]) -> None:
        self._listener = listener
        self._welcome = welcome
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[object]] = set()
        self._rest: asyncio.TimerHandle | None = None
        self._log = structlog.get_logger()
        listener.setblocking(False)
        self._open()

    def close(self) -> None:
        """Take no more, and close this worker's end of the socket."""
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()

    async def wait_closed(self) -> None:
        """Return once those who are in the door are through it."""
        if self._entering:
            await asyncio.wait(self._entering)

    def _open(self) -> None:
        self._rest = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except _LEFT_ALREADY:
            return
        except OSError as problem:
            self._log.error("cannot_accept", reason=str(problem), again_in_seconds=_REST_SECONDS)
            self._loop.remove_reader(self._listener)
            self._rest = self._loop.call_later(_REST_SECONDS, self._open)
            return
        accepted.setblocking(False)
        entering = self._loop.create_task(self._enter(accepted))
        self._entering.add(entering)
        entering.add_done_callback(self._entering.discard)

    async def _enter(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._welcome, accepted)
        except OSError:
            accepted.close()

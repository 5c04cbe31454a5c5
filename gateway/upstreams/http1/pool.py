"""The connections to one origin: the last one used is the next one used, and none waits in line."""

from __future__ import annotations

import asyncio

from gateway.upstreams.base import (
    UpstreamCall,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.http1.connecting import Origin, connect
from gateway.upstreams.http1.connection import Connection
from gateway.upstreams.http1.exchange import Exchange, Unheard
from gateway.upstreams.http1.failures import words_for
from gateway.upstreams.http1.request import framing_of


class Pool:
    """At most ``limit`` connections. The most recently used goes first, so that the surplus ages.

    ``open`` counts the connections, those that are being made included.
    """

    def __init__(self, origin: Origin, deadlines: Deadlines, *, limit: int) -> None:
        self._origin = origin
        self._deadlines = deadlines
        self._limit = limit
        self._idle: list[Connection] = []
        self._closed = False
        self.open = 0

    async def ask(self, call: UpstreamCall, request: bytes) -> Exchange:
        """Sends a request and returns with the reply's head; raises what Upstream.open raises.

        ``request`` is all of it but a body that streams.
        A request that a kept connection's end overtook is sent once more, on a fresh one. A body
        that streams cannot be sent twice, so it takes a fresh connection from the start, once it is
        known that its headers frame it.
        """
        if isinstance(call.body, bytes):
            if self._idle:
                try:
                    return await self._idle.pop().ask(call, request)
                except Unheard:
                    pass
        else:
            framing_of(call.headers)
        connection = await self._fresh(call)
        return await connection.ask(call, request)

    def idle(self, connection: Connection) -> None:
        """Keeps a connection for the next call, unless the pool is closed."""
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def gone(self, connection: Connection) -> None:
        """Counts a connection out."""
        self.open -= 1
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        """Closes what is idle, and what is in use as soon as it is not. Calls still work."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    async def _fresh(self, call: UpstreamCall) -> Connection:
        """A connection of its own for the call, made within the time for connecting."""
        if self.open >= self._limit and self._idle:
            self._idle.pop(0).close()
        if self.open >= self._limit:
            text = f"all its {self._limit} connections are in use"
            raise UpstreamUnreachable(text, blameless=True)
        seconds = call.timeouts.connect
        if call.deadline is not None:
            left = call.deadline - asyncio.get_running_loop().time()
            seconds = min(seconds, max(left, 0.0))
        self.open += 1
        connection = Connection(self, self._deadlines, self._origin.host)
        connected = False
        try:
            async with asyncio.timeout(seconds):
                await connect(self._origin, connection)
            connected = True
        except TimeoutError:
            raise UpstreamTimeout(f"connecting timed out after {seconds:g} s") from None
        except (OSError, UnicodeError) as problem:
            raise UpstreamUnreachable(words_for(problem, self._origin.host)) from problem
        finally:
            if not connected:
                connection.leave()
        return connection

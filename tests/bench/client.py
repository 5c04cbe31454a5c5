"""The load's side of the wire: connections that are kept alive, and what came back with its times.

Cheap enough to time a gateway with: callbacks on the event loop and llhttp, one future a call.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

import httptools


@dataclass(slots=True)
class Answer:
    """What came back. Times are perf_counter's; 0 for what did not happen.

    ``complete`` is false for a reply that broke off, and ``status`` 0 where none came at all.
    """

    asked_at: float
    status: int = 0
    first_byte_at: float = 0.0
    ended_at: float = 0.0
    newlines: int = 0
    complete: bool = False
    left: bool = False
    body: bytearray = field(default_factory=bytearray)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """From the request sent to the reply's last byte."""
        return self.ended_at - self.asked_at

    @property
    def seconds_to_first_byte(self) -> float:
        """From the request sent to the first byte of the reply's body."""
        return self.first_byte_at - self.asked_at

    @property
    def events(self) -> int:
        """Events of a stream, each of which ends with an empty line."""
        return self.newlines // 2


class Connection(asyncio.Protocol):
    """One connection with at most one call on it. ``keep`` keeps the bodies and headers."""

    def __init__(self, *, keep: bool = False) -> None:
        self._keep = keep
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._leave_after = 0

    @property
    def open(self) -> bool:
        """Whether another call may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes, *, leave_after: int = 0) -> asyncio.Future[Answer]:
        """Sends a request; the future has the answer when it is complete or broken off.

        With ``leave_after`` the client hangs up once that many bytes of the body are here.
        """
        assert self._transport is not None
        self._waiter = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._leave_after = leave_after
        self._answer = Answer(perf_counter())
        self._transport.write(request)
        return self._waiter

    def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for a call."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """More of the answer."""
        if self._parser is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
            self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """What is not complete now never will be."""
        self._transport = None
        self._settle()

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp: a header of the reply."""
        if self._keep and self._answer is not None:
            self._answer.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """llhttp: the head is here."""
        if self._answer is not None and self._parser is not None:
            self._answer.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """llhttp: a part of the body."""
        answer = self._answer
        if answer is None:
            return
        if not answer.first_byte_at:
            answer.first_byte_at = perf_counter()
        answer.newlines += body.count(b"\n")
        if self._keep:
            answer.body += body
        if self._leave_after and len(answer.body) >= self._leave_after:
            answer.left = True
            self.close()
            self._settle()

    def on_message_complete(self) -> None:
        """llhttp: the reply is complete."""
        if self._answer is not None:
            self._answer.complete = True
            if self._parser is not None and not self._parser.should_keep_alive():
                self.close()
            self._settle()

    def _settle(self) -> None:
        answer, waiter = self._answer, self._waiter
        if answer is None or waiter is None:
            return
        answer.ended_at = perf_counter()
        self._answer = self._waiter = self._parser = None
        if not waiter.done():
            waiter.set_result(answer)


class Pool:
    """Connections to one port of loopback, used again when they are free."""

    def __init__(self, port: int, *, keep: bool = False) -> None:
        self._port = port
        self._keep = keep
        self._idle: list[Connection] = []

    async def ask(self, request: bytes, *, leave_after: int = 0, patience: float = 300.0) -> Answer:
        """One call on a connection of its own for so long.

        An answer that is not here within ``patience`` seconds counts as broken off. Raises OSError
        where nothing listens.
        """
        connection = await self._connection()
        answer = connection.ask(request, leave_after=leave_after)
        try:
            return await asyncio.wait_for(asyncio.shield(answer), patience)
        except TimeoutError:
            connection.close()
            return await answer
        finally:
            if not answer.done():
                connection.close()
            elif connection.open:
                self._idle.append(connection)

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(
            lambda: Connection(keep=self._keep), "127.0.0.1", self._port
        )
        return made

    def close(self) -> None:
        """Ends every idle connection."""
        while self._idle:
            self._idle.pop().close()

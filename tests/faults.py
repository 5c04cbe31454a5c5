"""A small TCP proxy that does wrong on purpose, between a gateway and its upstream.

For every call that passes it asks for a plan: what to do to the reply, and after how many of its
bytes. What it then does is logged with the connection and the call that it hit, so that every
error a client sees can be traced to a fault, or to none::

    async with faulty(upstream_port, lambda number, call_id: Plan(Fault.RESET, after=100)) as proxy:
        ...  # speak to proxy.port; proxy.log says what was done

A plan that reaches further than its reply is not carried out, and so not logged.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import httptools

CALL_ID = b"x-request-id"
"""The header that names a call."""
_BY_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST (socket(7))."""


class Fault(StrEnum):
    """What is done to a reply."""

    NONE = "none"
    LATENCY = "latency"
    """It begins later."""
    SLICES = "slices"
    """It comes in small parts."""
    CUT = "cut"
    """It ends early, by FIN."""
    RESET = "reset"
    """It ends early, by RST."""
    HALF_CLOSE = "half_close"
    """It ends early, by FIN in one direction; the other stays open."""
    GARBAGE = "garbage"
    """Some of its bytes are others."""
    STALL = "stall"
    """It stops, and the connection stays."""
    STALE = "stale"
    """It is whole; a while later the connection is closed, whatever is on it by then."""


_AT_A_BYTE = {Fault.CUT, Fault.RESET, Fault.HALF_CLOSE, Fault.GARBAGE, Fault.STALL}


@dataclass(frozen=True, slots=True)
class Plan:
    """A fault to be.

    ``after`` counts bytes of the reply, ``size`` those of a slice or of garbage; ``seconds`` are
    what latency takes, or the while before a connection is stale.
    """

    fault: Fault = Fault.NONE
    after: int = 0
    size: int = 8
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that happened: at the loop's time ``at``, on connection number ``connection``.

    ``call_id`` is the call it hit; empty where none was known to be on the connection.
    """

    at: float
    connection: int
    call_id: str
    plan: Plan


Planner = Callable[[int, str], Plan]
"""A connection's number and a call's id, empty where it has none: what happens to its reply."""


class FaultProxy:
    """Listens on ``port``; ``log`` has every fault that was carried out, in order."""

    def __init__(self, upstream_port: int, planner: Planner, *, seed: int = 0) -> None:
        self.port = 0
        self.upstream_port = upstream_port
        self.planner = planner
        self.draw = random.Random(seed)
        self.log: list[Injected] = []
        self.links: dict[int, Link] = {}
        self.accepted = 0

    @property
    def busy(self) -> int:
        """Connections with a call on them that has not been answered to its end."""
        return sum(link.busy for link in self.links.values())

    def end_all(self) -> None:
        """Closes every connection, as a server does with those that were idle for too long."""
        for link in list(self.links.values()):
            link.end()


@asynccontextmanager
async def faulty(port: int, planner: Planner, *, seed: int = 0) -> AsyncIterator[FaultProxy]:
    """A fault proxy in front of a port of loopback, from listening to closed."""
    proxy = FaultProxy(port, planner, seed=seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Link(proxy), "127.0.0.1", 0, backlog=1024)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.end_all()


class Link(asyncio.Protocol):
    """A connection that the gateway has made, and the one to the upstream that belongs to it."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.call_id = ""
        self.busy = False
        proxy.accepted += 1
        self.number = proxy.accepted
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._far: Far | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: list[bytes] = []
        self._requests = httptools.HttpRequestParser(self)
        self._reply: Reply | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connects onwards; what comes until that is done waits."""
        self._transport = cast(asyncio.Transport, transport)
        self.proxy.links[self.number] = self
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            _, far = await self._loop.create_connection(
                lambda: Far(self), "127.0.0.1", self.proxy.upstream_port
            )
        except OSError:
            self.end()
            return
        self._far = far
        for piece in self._waiting:
            far.write(piece)
        self._waiting.clear()
        if self._transport is None:
            far.end()

    def data_received(self, data: bytes) -> None:
        """Notes which call begins, and passes the bytes on."""
        try:
            self._requests.feed_data(data)
        except httptools.HttpParserError:
            self.end()
            return
        if self._far is None:
            self._waiting.append(data)
        else:
            self._far.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The gateway has closed it, or this proxy has."""
        self._transport = None
        self.busy = False
        self.proxy.links.pop(self.number, None)
        if self._far is not None:
            self._far.end()

    def pause_writing(self) -> None:
        """The gateway takes no more for now."""
        if self._far is not None:
            self._far.hold()

    def resume_writing(self) -> None:
        """The gateway takes more."""
        if self._far is not None:
            self._far.go_on()

    def on_message_begin(self) -> None:
        """llhttp: a request begins."""
        self.call_id = ""
        self.busy = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp: one of its headers."""
        if name.lower() == CALL_ID:
            self.call_id = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """llhttp: its head is here, and what shall happen to its reply is decided."""
        self._reply = Reply(self, self.proxy.planner(self.number, self.call_id))

    def replied(self, data: bytes) -> None:
        """Bytes of the upstream's."""
        if self._reply is not None:
            self._reply.part(data)

    def note(self, plan: Plan) -> None:
        """Logs a fault."""
        self.proxy.log.append(Injected(self._loop.time(), self.number, self.call_id, plan))

    def write(self, data: bytes) -> None:
        """Bytes for the gateway."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def write_eof(self) -> None:
        """No more bytes for the gateway; from it they may still come."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def end(self, *, reset: bool = False) -> None:
        """Closes both sides; the gateway's by FIN or by RST."""
        if self._transport is None:
            return
        if reset:
            there = self._transport.get_extra_info("socket")
            there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BY_RESET)
            self._transport.abort()
        else:
            self._transport.close()

    def stale(self, plan: Plan) -> None:
        """The while is over: the connection is closed."""
        if self._transport is not None:
            if not self.busy:
                self.call_id = ""
            self.note(plan)
            self.end()


class Reply:
    """One reply on its way to the gateway, and what is done to it."""

    def __init__(self, link: Link, plan: Plan) -> None:
        self._link = link
        self._plan = plan
        self._passed = 0
        self._done = False
        self._held: list[bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    def part(self, data: bytes) -> None:
        """Passes a part on, or not, or otherwise."""
        if self._held is not None:
            self._held.append(data)
        elif self._plan.fault in _AT_A_BYTE:
            self._up_to_a_byte(data)
        elif self._plan.fault is Fault.LATENCY and not self._done:
            self._hold(data)
            self._loop.call_later(self._plan.seconds, self._let_go)
        elif self._plan.fault is Fault.SLICES:
            if not self._done:
                self._done = True
                self._link.note(self._plan)
            self._hold(data)
            self._drip()
        else:
            self._pass(data)

    def on_message_complete(self) -> None:
        """llhttp: the gateway has been sent the end of the reply."""
        self._link.busy = False
        if self._plan.fault is Fault.STALE:
            self._loop.call_later(self._plan.seconds, self._link.stale, self._plan)

    def _pass(self, data: bytes) -> None:
        self._passed += len(data)
        self._link.write(data)
        if self._parser is not None:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserError:
                # Garbage: where this reply ends can no longer be said.
                self._parser = None

    def _hold(self, data: bytes) -> None:
        self._held = [data]

    def _let_go(self) -> None:
        """Latency: the wait is over."""
        held, self._held, self._done = self._held or [], None, True
        self._link.note(self._plan)
        self._pass(b"".join(held))

    def _drip(self) -> None:
        """Slices: one in each turn of the event loop, so that each is a packet of its own."""
        left = b"".join(self._held or [])
        self._pass(left[: self._plan.size])
        rest = left[self._plan.size :]
        self._held = [rest] if rest else None
        if rest:
            self._loop.call_soon(self._drip)

    def _up_to_a_byte(self, data: bytes) -> None:
        """Whole until the byte that the plan names; from there on, the fault."""
        if self._done:
            if self._plan.fault is Fault.GARBAGE:
                self._pass(data)
            return
        room = self._plan.after - self._passed
        if len(data) <= room:
            self._pass(data)
            return
        self._done = True
        self._link.note(self._plan)
        self._pass(data[:room])
        self._strike(data[room:])

    def _strike(self, rest: bytes) -> None:
        match self._plan.fault:
            case Fault.CUT:
                self._link.end()
            case Fault.RESET:
                self._link.end(reset=True)
            case Fault.HALF_CLOSE:
                self._link.write_eof()
            case Fault.GARBAGE:
                size = min(self._plan.size, len(rest))
                # Control characters: wrong wherever HTTP has a meaning for a byte.
                wrong = bytes(self._link.proxy.draw.randrange(9) for _ in range(size))
                self._pass(wrong + rest[size:])
            case _:
                return


class Far(asyncio.Protocol):
    """The connection to the upstream."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The upstream is there."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """The upstream replies."""
        self._link.replied(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The upstream has closed it."""
        self._transport = None
        self._link.end()

    def write(self, data: bytes) -> None:
        """Bytes for the upstream."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def hold(self) -> None:
        """Reads no more for now."""
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Reads on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def end(self) -> None:
        """Closes it."""
        if self._transport is not None:
            self._transport.close()

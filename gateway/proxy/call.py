"""One request as its client sent it: the head, the body as it arrives, and the way back."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, TypeVar

from gateway.proxy.addressing import Address, Target
from gateway.proxy.client import ReplyWriter
from gateway.upstreams.base import BodySource, Headers, Outlet

T = TypeVar("T")

_HELD_UNASKED = 65_536
"""Bytes of a body that are taken before anybody asks for it; then the client is read no further."""


class ClientGone(Exception):
    """The client closed its connection before its request was complete."""


class ClientSilent(Exception):
    """The client stopped sending in the middle of its request."""


class BodyTooLarge(Exception):
    """The body is longer than may be held in memory."""


class RequestFields:
    """The headers of a request, byte for byte, less the value of Content-Length.

    A client sends much the same headers again and again, so a connection keeps them, and ``known``
    what was worked out from them: of each kind one thing, made anew where its maker is another.
    """

    __slots__ = ("_hosts", "expects", "first", "headers", "known", "size", "websocket")

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        # Backwards, so that of several equal names the first one stays.
        self.first = {name.lower(): value for name, value in reversed(headers)}
        """Finds a header by its lower-case name."""
        self.size = sum(len(name) + len(value) for name, value in headers)
        self.websocket = _asks_for_websocket(self.first)
        """Whether a GET with these asks for that protocol instead of a reply."""
        self.expects = self.first.get(b"expect", b"").lower() == b"100-continue"
        """Whether the client waits to be told to go on."""
        self._hosts = sum(name.lower() == b"host" for name, _ in headers)
        self.known: dict[str, tuple[object, object]] = {}

    def addressed(self, version: str) -> bool:
        """Whether a request of this version names one host, as it must (RFC 9112, 3.2)."""
        return (self._hosts == 1 and version in ("1.1", "1.0")) or (
            not self._hosts and version == "1.0"
        )

    def framing(self, length: bytes) -> bytes | None:
        """The field that says how the body ends, None where there is no body."""
        coding = self.first.get(b"transfer-encoding")
        if coding is not None:
            return b"Transfer-Encoding: " + coding
        return b"Content-Length: " + length if length else None

    def recall(self, kind: str, maker: object) -> Any:
        """What was learnt of this kind from the same maker; None where nothing was."""
        found = self.known.get(kind)
        return found[1] if found is not None and found[0] is maker else None

    def learn(self, kind: str, maker: object, made: T) -> T:
        """Remembers what ``maker`` made of these headers, and gives it back."""
        self.known[kind] = (maker, made)
        return made


def _asks_for_websocket(first: dict[bytes, bytes]) -> bool:
    """Whether both headers say so that must (RFC 6455, 4.1)."""
    if first.get(b"upgrade", b"").strip().lower() != b"websocket":
        return False
    tokens = first.get(b"connection", b"").lower().split(b",")
    return b"upgrade" in [token.strip() for token in tokens]


class RequestHead:
    """Target and headers. ``length`` is the body's, None where only its end tells.

    ``address`` is what ``target`` asks of the relay.
    """

    __slots__ = ("address", "fields", "length", "target", "websocket")

    def __init__(
        self, target: Target, address: Address, fields: RequestFields, *, length: int | None
    ) -> None:
        self.target = target
        self.address = address
        self.fields = fields
        self.length = length
        self.websocket = fields.websocket and target.method == b"GET"
        """Whether the client asks for a WebSocket."""

    def get(self, name: bytes) -> str | None:
        """The first value of a header, by its lower-case name; None where it is absent."""
        value = self.fields.first.get(name)
        return None if value is None else value.decode("latin-1")


class Reading(Protocol):
    """The connection that a body is read from."""

    def go_on(self) -> None:
        """Tells a client that waits to be told so (RFC 9110, 10.1.1) to send its body."""
        ...

    def pause_reading(self) -> None:
        """Takes nothing more from the client for now."""
        ...

    def resume_reading(self) -> None:
        """Takes more from the client."""
        ...


class ClientBody:
    """A request's body, read once: whole, or part by part as it arrives.

    A BodySource for upstreams. ``complete`` says that all of it is here.
    """

    __slots__ = (
        "_connection",
        "_limit",
        "_outlet",
        "_parts",
        "_problem",
        "_size",
        "_waiter",
        "complete",
        "unread",
    )

    def __init__(self, connection: Reading) -> None:
        self._connection = connection
        self._parts: list[bytes] = []
        self._size = 0
        self._limit: int | None = None
        self._outlet: Outlet | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._problem: Exception | None = None
        self.complete = False
        self.unread = True
        """Whether nobody has asked for it yet."""

    @property
    def empty(self) -> bool:
        """Whether nothing of it has come so far."""
        return not self._size

    def taken(self, limit: int) -> bytes | None:
        """All of it if it is here and within ``limit``; None where ``whole`` must be asked."""
        if not self.complete or self._size > limit:
            return None
        self.unread = False
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def whole(self, limit: int) -> bytes:
        """All of it; raises BodyTooLarge as soon as it passes ``limit`` bytes, or ClientSilent."""
        self.unread = False
        self._limit = limit
        if not self.complete and self._problem is None and self._size <= limit:
            self._connection.go_on()
            self._connection.resume_reading()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._size > limit:
            raise BodyTooLarge
        if self._problem is not None:
            raise self._problem
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def attach(self, outlet: Outlet) -> None:
        """Gives ``outlet`` what has come, then each part as it comes, then the end or a problem."""
        self.unread = False
        self._outlet = outlet
        parts, self._parts = self._parts, []
        for part in parts:
            outlet.part(part)
        if self.complete:
            outlet.end()
        elif self._problem is not None:
            outlet.fail(self._problem)
        else:
            self._connection.go_on()
            self._connection.resume_reading()

    def pause(self) -> None:
        """The upstream takes no more for now."""
        if not self.complete:
            self._connection.pause_reading()

    def resume(self) -> None:
        """The upstream takes more."""
        if not self.complete:
            self._connection.resume_reading()

    def feed(self, part: bytes) -> None:
        """A part arrived."""
        self._size += len(part)
        if self._outlet is not None:
            self._outlet.part(part)
            return
        if self._limit is not None and self._size > self._limit:
            self._parts.clear()
            self._wake()
            return
        self._parts.append(part)
        if self.unread and self._size > _HELD_UNASKED:
            self._connection.pause_reading()

    def finish(self) -> None:
        """It is complete."""
        self.complete = True
        if self._outlet is not None:
            self._outlet.end()
        self._wake()

    def fail(self, problem: Exception) -> None:
        """It has no end."""
        if self.complete or self._problem is not None:
            return
        self._problem = problem
        if self._outlet is not None:
            self._outlet.fail(problem)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Call:
    """A request and the way back to whoever sent it. ``gone`` says that nobody waits any more."""

    __slots__ = ("body", "client", "gone", "head", "task", "tunnel")

    def __init__(self, head: RequestHead, body: ClientBody, client: ReplyWriter) -> None:
        self.head = head
        self.body = body
        self.client = client
        self.gone = False
        self.tunnel: BodySource | None = None
        """The client's half of a WebSocket, where it asks for one."""
        self.task: asyncio.Task[None] | None = None

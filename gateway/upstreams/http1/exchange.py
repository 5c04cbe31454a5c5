"""One call on one connection: it takes the request's body, and it is the reply."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.upstreams.base import (
    BodySource,
    Framing,
    Headers,
    Sink,
    UpstreamBroken,
    UpstreamCall,
    UpstreamProblem,
    UpstreamUnreachable,
)
from gateway.upstreams.http1.reading import ReplyReader
from gateway.upstreams.http1.request import BodyWriter

_KEPT_BYTES = 65_536
"""How much of a body waits for ``pass_to`` before the upstream is read no further: the high-water
mark of asyncio's own transports."""


class Line(Protocol):
    """What an exchange needs of the connection it runs on."""

    loop: asyncio.AbstractEventLoop
    reader: ReplyReader

    def write(self, piece: bytes) -> None:
        """Sends bytes to the upstream."""
        ...

    def write_eof(self) -> None:
        """Ends our side of a tunnel."""
        ...

    def hold(self) -> None:
        """Reads no further for now. Idempotent."""
        ...

    def flow(self) -> None:
        """Reads on. Idempotent."""
        ...

    def let_go(self) -> None:
        """The exchange is over before its end, and the connection with it."""
        ...


class Exchange:
    """A Reply and an Outlet of gateway.upstreams.base. Lives for one call, its connection for many.

    ``line`` is None from the moment the exchange is over: the connection may serve another one by
    then, and nothing that is still said to this one reaches it. ``unfinished`` says that a part of
    the request is missing, so that nothing else can follow it.
    """

    __slots__ = (
        "_done",
        "_full",
        "_kept",
        "_kept_bytes",
        "_paused",
        "_problem",
        "_source",
        "_source_paused",
        "_waiter",
        "_writer",
        "call",
        "framing",
        "headers",
        "line",
        "reason",
        "status",
        "unfinished",
    )

    def __init__(self, line: Line, call: UpstreamCall) -> None:
        self.line: Line | None = line
        self.call = call
        self.status = 0
        self.reason = b""
        self.headers: Headers = []
        self.framing = Framing.NONE
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._full = self._paused = self._done = self._source_paused = False
        self._problem: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._source: BodySource | None = None
        self._writer: BodyWriter | None = None
        self.unfinished = False

    @property
    def sending(self) -> bool:
        """Whether the request's body is still on its way."""
        return self._writer is not None

    @property
    def ready(self) -> bool:
        """Whether a part of the body waits for ``pass_to``."""
        return bool(self._kept)

    def stream(self, source: BodySource) -> None:
        """Sends the request's body as it comes, framed as the headers say."""
        self._source = source
        self._writer = BodyWriter(self.call.headers)
        self.unfinished = True
        source.attach(self)

    async def head(self) -> Exchange:
        """Waits for the reply's head; raises what came instead. Cancelled, it breaks the call."""
        if self.status == 0 and self._problem is None:
            await self._wait()
        if self.status == 0 and self._problem is not None:
            raise self._problem
        return self

    async def pass_to(self, sink: Sink) -> None:
        """Hands on every part as it comes and returns at the clean end; raises UpstreamBroken."""
        self.start(sink)
        if self._problem is None and not self._done:
            await self._wait()
        if self._problem is not None:
            raise self._problem

    def start(self, sink: Sink) -> None:
        """Hands on what is here, then each part as it comes. Idempotent."""
        kept, self._kept = self._kept, []
        take = sink.part
        line = self.line
        if line is not None:
            line.reader.take = take
            self._full = False
            if not self._paused:
                line.flow()
        for piece in kept:
            take(piece)

    def pause(self) -> None:
        """The client takes no more for now: the upstream is read no further."""
        self._paused = True
        if self.line is not None:
            self.line.hold()

    def resume(self) -> None:
        """The client takes more."""
        self._paused = False
        if self.line is not None and not self._full:
            self.line.flow()

    def send(self, piece: bytes) -> None:
        """Bytes of the client's for the tunnel that a 101 opened."""
        if self.line is not None:
            self.line.write(piece)

    def send_eof(self) -> None:
        """The client's half of the tunnel has ended."""
        if self.line is not None:
            self.line.write_eof()

    def close(self) -> None:
        """Breaks the connection where the reply is not at its end, else nothing. Idempotent."""
        line = self.line
        if line is not None:
            self.broken(UpstreamBroken("the reply was closed before its end"))
            line.let_go()

    def part(self, piece: bytes) -> None:
        """The next part of the request's body."""
        if self._writer is None or self.line is None:
            return
        try:
            framed = self._writer.part(piece)
        except UpstreamUnreachable as problem:
            self.fail(problem)
        else:
            self.line.write(framed)

    def end(self) -> None:
        """The request's body is complete."""
        if self._writer is None or self.line is None:
            return
        try:
            framed = self._writer.end()
        except UpstreamUnreachable as problem:
            self.fail(problem)
        else:
            self._writer = None
            self.unfinished = False
            self.line.write(framed)

    def fail(self, problem: Exception) -> None:
        """The request's body has no end, so neither has the request."""
        line = self.line
        if line is not None:
            self.broken(problem)
            line.let_go()

    def keep(self, piece: bytes) -> None:
        """A part that came before ``pass_to``."""
        self._kept.append(piece)
        self._kept_bytes += len(piece)
        if self._kept_bytes > _KEPT_BYTES and not self._full and self.line is not None:
            self._full = True
            self.line.hold()

    def begun(self, reader: ReplyReader) -> None:
        """The reply's head is here.

        An upstream that answers with an error has read what it wants: the rest of the request's
        body is not sent (RFC 9112, 9.5).
        """
        self.status = reader.status
        self.reason = reader.reason
        self.headers = reader.headers
        self.framing = reader.framing
        if self._writer is not None and self.status >= 400:
            self._stop_sending()
        self._wake()

    def ended(self) -> None:
        """The reply is at its clean end, of a tunnel the upstream's half of it."""
        self._done = True
        self._wake()

    def over(self) -> None:
        """The reply is at its clean end and the connection somebody else's."""
        self.line = None
        if self._source is not None:
            self._drop_source()
        self._done = True
        self._wake()

    def broken(self, problem: Exception) -> None:
        """The exchange has failed and the connection is no more."""
        self.line = None
        if not self._done:
            self._problem = problem
        if self._source is not None:
            self._drop_source()
        self._wake()

    def gorged(self) -> None:
        """The upstream takes no more of the request for now."""
        if self._source is not None and not self._source_paused:
            self._source_paused = True
            self._source.pause()

    def hungry(self) -> None:
        """The upstream takes more of the request."""
        if self._source is not None and self._source_paused:
            self._source_paused = False
            self._source.resume()

    def _drop_source(self) -> None:
        self._stop_sending()
        self._source = None

    def _stop_sending(self) -> None:
        """What still comes of the request's body goes nowhere, and its source is not held up."""
        self._writer = None
        self.hungry()

    async def _wait(self) -> None:
        # Asking which loop runs costs a system call; a line that is there knows it.
        loop = asyncio.get_running_loop() if self.line is None else self.line.loop
        self._waiter = loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class Unheard(UpstreamProblem):
    """A kept connection ended before the request was heard: it may be sent again on another."""

"""Holds a reply back until it is clear whether its provider refuses; for routes that ask for it.

A refusal can only be passed over as long as nothing of it has reached the client. So the opening
is kept: of a whole reply all, of a stream as much as comes before its first words.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from classifiers.exchange import Exchange
from classifiers.wire import RawReply, read_exchange
from gateway.proxy.headers import value_of
from gateway.upstreams.base import Reply, Sink

HELD_BYTES = 1_048_576
"""Most that is held back: a megabyte of JSON is longer than any model's answer."""

_EACH_BYTES = 16_384
"""Bytes up to which every part of a stream is looked at; beyond, only when there are twice as many:
what reads the opening reads all of it."""

_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Question:
    """What must be known to read a reply: the operation's path and the request's body."""

    path: str
    request: bytes


class Held:
    """A reply whose opening is looked at before it is anybody's: a Reply, and a Sink of another.

    ``refused`` says whether its provider refuses, and ``kept`` is what was read to know that.
    """

    def __init__(self, reply: Reply, question: Question) -> None:
        self._reply = reply
        self._question = question
        self._onward: Sink | None = None
        self._clear = asyncio.Event()
        self._size = self._seen = 0
        self._streamed = (value_of(reply.headers, b"content-type") or "").startswith(_STREAM)
        self.status = reply.status
        self.reason = reply.reason
        self.headers = reply.headers
        self.framing = reply.framing
        self.kept: list[bytes] = []
        self.refused = False
        self._passing = asyncio.ensure_future(reply.pass_to(self))
        self._passing.add_done_callback(lambda _: self._clear.set())

    @property
    def ready(self) -> bool:
        """Whether anything was held back."""
        return bool(self.kept)

    async def look(self) -> None:
        """Returns when enough is known; what breaks off meanwhile is told by ``pass_to``."""
        await self._clear.wait()
        whole = self._passing.done() and self._passing.exception() is None
        exchange = self._read(whole=whole)
        # Of a stream the first words decide, however many of its parts came at once.
        begun = self._streamed and bool(exchange.reply.strip() or exchange.reasoning.strip())
        self.refused = bool(exchange.signals) and not begun

    def part(self, piece: bytes) -> None:
        """A part of the reply came."""
        if self._onward is not None:
            self._onward.part(piece)
            return
        self.kept.append(piece)
        self._size += len(piece)
        if self._clear.is_set():
            return
        due = self._size <= _EACH_BYTES or self._size >= 2 * self._seen
        if self._size > HELD_BYTES or (self._streamed and due and self._begins()):
            self._clear.set()

    async def pass_to(self, sink: Sink) -> None:
        """Hands on what was held and then the rest; raises UpstreamBroken."""
        for piece in self.kept:
            sink.part(piece)
        self._onward = sink
        await self._passing

    def pause(self) -> None:
        """The client takes no more for now."""
        self._reply.pause()

    def resume(self) -> None:
        """The client takes more."""
        self._reply.resume()

    def send(self, piece: bytes) -> None:
        """Does nothing: a reply that is held back is no tunnel."""

    def send_eof(self) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Gives the connection back or breaks it."""
        self._passing.cancel()
        self._reply.close()

    def _begins(self) -> bool:
        """Whether a stream has shown its first words, be it in thought, or its refusal."""
        self._seen = self._size
        exchange = self._read(whole=False)
        begun = exchange.reply.strip() or exchange.reasoning.strip() or exchange.tool_calls
        return bool(begun or exchange.signals)

    def _read(self, *, whole: bool) -> Exchange:
        return read_exchange(
            RawReply(
                endpoint=self._question.path,
                request=self._question.request,
                status=self.status,
                content_type=value_of(self.headers, b"content-type") or "",
                content_encoding=value_of(self.headers, b"content-encoding") or "",
                body=b"".join(self.kept),
                cut=False,
                trimmed=not whole,
            )
        )


async def hold(reply: Reply, question: Question) -> Held:
    """The reply, its opening looked at; a cancelled look breaks it."""
    held = Held(reply, question)
    try:
        await held.look()
    except BaseException:  # the edge of a wait: whatever ends it, the reply must not stay open
        held.close()
        raise
    return held

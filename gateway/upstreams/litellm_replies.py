"""Replies that come out of LiteLLM: one that is here already, and one that is pulled."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from gateway.upstreams.base import Framing, Headers, Sink, Timeouts, UpstreamBroken, UpstreamCall
from gateway.upstreams.litellm_call import LiteLLMCall, Opening
from gateway.upstreams.litellm_engine import LiteLLMEngine


class WholeReply:
    """A reply that is here already."""

    def __init__(self, opening: Opening) -> None:
        self.status = opening.status
        self.reason = _phrase(opening.status)
        self.headers: Headers = [
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(opening.first)).encode("ascii")),
            *opening.headers,
        ]
        self.framing = Framing.LENGTH
        self._body = opening.first

    @property
    def ready(self) -> bool:
        """True unless the first part turned out to be empty."""
        return bool(self._body)

    async def pass_to(self, sink: Sink) -> None:
        """Hands on the body, in one part."""
        sink.part(self._body)

    def pause(self) -> None:
        """Nothing is left to hold back."""

    def resume(self) -> None:
        """Nothing was held back."""

    def send(self, piece: bytes) -> None:
        """No provider deployment opens a tunnel."""

    def send_eof(self) -> None:
        """No provider deployment opens a tunnel."""

    def close(self) -> None:
        """Nothing is open."""


class StreamedReply(WholeReply):
    """Server-sent events, pulled from the provider one by one."""

    def __init__(
        self, opening: Opening, work: LiteLLMCall, engine: LiteLLMEngine, *, call: UpstreamCall
    ) -> None:
        super().__init__(opening)
        self.headers = [
            (b"Content-Type", b"text/event-stream; charset=utf-8"),
            (b"Cache-Control", b"no-cache"),
            *opening.headers,
        ]
        self.framing = Framing.CHUNKED
        self._work = work
        self._engine = engine
        self._timeouts: Timeouts = call.timeouts
        self._deadline = call.deadline
        self._going = asyncio.Event()
        self._going.set()
        self._closed = False

    async def pass_to(self, sink: Sink) -> None:
        """Hands on each event as it comes; raises UpstreamBroken where the stream has no end."""
        piece: bytes | None = self._body
        while piece is not None:
            if piece:
                sink.part(piece)
            if not self._going.is_set():
                await self._going.wait()
            piece = await self._next()

    def pause(self) -> None:
        """Asks the provider for no more; its connection fills up and holds it back."""
        self._going.clear()

    def resume(self) -> None:
        """Goes on asking."""
        self._going.set()

    def close(self) -> None:
        """Gives the provider's connection back, or breaks it in the middle of the stream."""
        if not self._closed:
            self._closed = True
            self._engine.leave(self._work.close())

    async def _next(self) -> bytes | None:
        idle = self._timeouts.idle
        try:
            async with asyncio.timeout_at(until(idle, self._deadline)):
                return await self._engine.run(self._work.next())
        except TimeoutError:
            raise UpstreamBroken(silent(idle, self._deadline)) from None


def until(seconds: float, deadline: float | None) -> float:
    """The loop's time at which a wait ends."""
    end = asyncio.get_running_loop().time() + seconds
    return end if deadline is None else min(end, deadline)


def silent(seconds: float, deadline: float | None) -> str:
    """Why a wait of ``seconds`` is over, or the whole call's time."""
    if deadline is not None and asyncio.get_running_loop().time() >= deadline:
        return "the call's time was over"
    return f"it was silent for {seconds:g} s"


def _phrase(status: int) -> bytes:
    """The status' usual reason, empty for one that has none (529)."""
    try:
        return HTTPStatus(status).phrase.encode("ascii")
    except ValueError:
        return b""

"""What is remembered of a call while it runs, and what it comes to when it ends."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config import MirrorSettings
from gateway.limits import KeptCall, Usage, read_usage
from gateway.proxy.clock import Clock
from gateway.proxy.endpoints import Endpoint
from gateway.proxy.headers import Headers
from gateway.proxy.observer import UNROUTED, FinishedCall, Traffic
from gateway.upstreams.spelling import one_of

_TAIL = 4096
"""Bytes at the end of a reply in which its token counts stand; both APIs write them last."""

_NO_TAIL = (b"", b"", b"", b"")
"""The last four parts: a stream may send its counts, a ping and its end each by itself."""

_COUNTED = 16_384
"""Bytes of a reply that are kept to count its tokens by; the rest is taken to be like them."""


_CONTENT = one_of(b"content-type", b"content-encoding")


@dataclass(slots=True)
class CallHead:
    """What is known of a call before its body is read. ``path`` is decoded."""

    request_id: str
    endpoint: Endpoint
    path: str
    traffic: Traffic


class CallRecord:
    """Times and, where wanted, bytes of one call. Keeping a chunk keeps a reference, no copy."""

    __slots__ = (
        "_answered", "_asked", "_body_read", "_bounds", "_clock", "_content_encoding",
        "_content_type", "_first", "_first_byte", "_head_passed", "_kept", "_mirrored",
        "_request", "_room", "_size", "_started", "_started_at", "_status", "_tail", "_trimmed",
        "cut", "deployment", "head",
    )  # fmt: skip

    def __init__(self, head: CallHead, clock: Clock, bounds: MirrorSettings) -> None:
        self.head = head
        self.deployment = UNROUTED
        self.cut = True
        """Until ``completed`` is told, whatever ends the call cuts it."""
        self._clock = clock
        self._bounds = bounds
        self._started_at = clock.wall()
        self._started = self._body_read = clock.monotonic()
        self._asked: float | None = None
        self._answered: float | None = None
        self._head_passed: float | None = None
        self._first_byte: float | None = None
        self._status: int | None = None
        self._content_type = self._content_encoding = ""
        self._request: bytes | None = None
        self._kept: list[bytes] | None = None
        self._room = bounds.max_reply_bytes
        self._trimmed = self._mirrored = False
        self._first = b""
        self._tail = _NO_TAIL
        self._size = 0

    @property
    def begun(self) -> bool:
        """Whether the client was sent a status."""
        return self._status is not None

    def body_read(self) -> None:
        """The client has sent all that must be read before routing."""
        self._body_read = self._clock.monotonic()

    def keep(self, request: bytes, *, mirrored: bool = True) -> None:
        """The bytes of this call are wanted, by the mirror or only to count its tokens."""
        self._request = request
        self._kept = []
        self._mirrored = self._mirrored or mirrored
        if not self._mirrored:
            self._room = min(self._room, _COUNTED)

    def asked(self) -> None:
        """The upstream is being called now."""
        self._asked = self._clock.monotonic()

    def replied(self) -> None:
        """The head of the upstream's reply is here."""
        self._answered = self._clock.monotonic()

    def answered(self, status: int, headers: Headers) -> None:
        """The head of the reply went to the client."""
        self._head_passed = self._clock.monotonic()
        self._status = status
        known = _CONTENT
        for name, value in [pair for pair in headers if known[pair[0]]]:
            if known[name] == b"content-type":
                self._content_type = value.decode("latin-1")
            else:
                self._content_encoding = value.decode("latin-1")

    def passed(self, chunk: bytes) -> None:
        """A part of the reply went to the client."""
        if self._first_byte is None:
            self._first_byte = self._clock.monotonic()
            self._first = chunk
        self._tail = (self._tail[1], self._tail[2], self._tail[3], chunk)
        self._size += len(chunk)
        if self._kept is None:
            return
        if len(chunk) > self._room:
            self._trimmed = True
            chunk = chunk[: self._room]
        self._room -= len(chunk)
        if chunk:
            self._kept.append(chunk)

    def kept(self) -> KeptCall | None:
        """The call with its bytes; None where they were not kept."""
        if self._request is None or self._kept is None:
            return None
        return KeptCall(
            path=self.head.path,
            request=self._request,
            status=self._status,
            content_type=self._content_type,
            content_encoding=self._content_encoding,
            reply=b"".join(self._kept),
            reply_bytes=self._size,
        )

    def completed(self) -> None:
        """The reply went to the client to its end."""
        self.cut = False

    def hidden(self, status: int, headers: Headers, parts: list[bytes]) -> FinishedCall:
        """A reply that the client will not see, as if it had been this call's own."""
        self._answered = self._clock.monotonic()
        self.answered(status, headers)
        for part in parts:
            self.passed(part)
        self.completed()
        told = self.finished()
        self._forget_reply()
        return told

    def finished(self) -> FinishedCall:
        """The call as its observers are told of it."""
        request = self._request if self._mirrored else None
        bound = self._bounds.max_request_bytes
        ended = self._clock.monotonic()
        return FinishedCall(
            request_id=self.head.request_id,
            deployment=self.deployment,
            endpoint=self.head.endpoint,
            path=self.head.path,
            status=self._status,
            started_at=self._started_at,
            duration_seconds=ended - self._started,
            first_byte_seconds=self._since_start(self._first_byte),
            overhead_seconds=self._overhead(ended),
            request=None if request is None else request[:bound],
            reply=b"".join(self._kept or ()) if self._mirrored else None,
            content_type=self._content_type,
            content_encoding=self._content_encoding,
            cut=self.cut,
            trimmed=self._trimmed,
            request_trimmed=request is not None and len(request) > bound,
            traffic=self.head.traffic,
            usage=self.usage(),
        )

    def _forget_reply(self) -> None:
        self.cut = True
        self._answered = self._head_passed = self._first_byte = self._status = None
        self._content_type = self._content_encoding = ""
        self._first = b""
        self._tail = _NO_TAIL
        self._size = 0
        self._room = self._bounds.max_reply_bytes
        self._trimmed = False
        if self._kept is not None:
            self._kept = []

    def usage(self) -> Usage | None:
        """The tokens that the reply says it cost; None where it does not, or is compressed."""
        if not self._size or not self.head.endpoint.routed_by_model or self._content_encoding:
            return None
        last = self._tail[3]
        tail = last if len(last) >= _TAIL else b"".join(self._tail)
        return read_usage(self._first[:_TAIL], tail[-_TAIL:])

    def _since_start(self, moment: float | None) -> float | None:
        return None if moment is None else moment - self._started

    def _overhead(self, ended: float) -> float:
        if self._asked is None:
            return ended - self._body_read
        before = self._asked - self._body_read
        if self._answered is None or self._head_passed is None:
            return before
        return before + self._head_passed - self._answered

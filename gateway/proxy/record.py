"""What is remembered of a call while it runs, and what it comes to when it ends."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config import MirrorSettings
from gateway.proxy.clock import Clock
from gateway.proxy.endpoints import Endpoint
from gateway.proxy.headers import value_of
from gateway.proxy.observer import UNROUTED, FinishedCall, Traffic


@dataclass(frozen=True, slots=True)
class CallHead:
    """What is known of a call before its body is read. ``path`` is decoded."""

    request_id: str
    endpoint: Endpoint
    path: str
    traffic: Traffic


class CallRecord:
    """Times and, where wanted, bytes of one call. Keeping a chunk keeps a reference, no copy."""

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
        self._missing: int | None = None
        self._trimmed = False

    @property
    def begun(self) -> bool:
        """Whether the client was sent a status."""
        return self._status is not None

    def body_read(self) -> None:
        """The client has sent all that must be read before routing."""
        self._body_read = self._clock.monotonic()

    def keep(self, request: bytes) -> None:
        """The bytes of this call are wanted."""
        self._request = request
        self._kept = []

    def asked(self) -> None:
        """The upstream is being called now."""
        self._asked = self._clock.monotonic()

    def answered(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The head of the reply is here; it goes to the client next."""
        self._answered = self._clock.monotonic()
        self._status = status
        self._content_type = value_of(headers, b"content-type") or ""
        self._content_encoding = value_of(headers, b"content-encoding") or ""
        length = value_of(headers, b"content-length") or ""
        self._missing = int(length) if length.isdigit() else None

    def head_passed(self) -> None:
        """The head went to the client."""
        self._head_passed = self._clock.monotonic()

    def passed(self, chunk: bytes) -> None:
        """A part of the reply went to the client."""
        if self._first_byte is None:
            self._first_byte = self._clock.monotonic()
        self._count(len(chunk))
        if self._kept is None:
            return
        if len(chunk) > self._room:
            self._trimmed = True
            chunk = chunk[: self._room]
        self._room -= len(chunk)
        if chunk:
            self._kept.append(chunk)

    def _count(self, size: int) -> None:
        """A client that has all the bytes it was promised may leave at once: nothing is cut."""
        if self._missing is not None:
            self._missing -= size
            if self._missing <= 0:
                self.completed()

    def completed(self) -> None:
        """The reply went to the client to its end."""
        self.cut = False

    def finished(self) -> FinishedCall:
        """The call as its observers are told of it."""
        request, bound = self._request, self._bounds.max_request_bytes
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
            reply=None if self._kept is None else b"".join(self._kept),
            content_type=self._content_type,
            content_encoding=self._content_encoding,
            cut=self.cut,
            trimmed=self._trimmed,
            request_trimmed=request is not None and len(request) > bound,
            traffic=self.head.traffic,
        )

    def _since_start(self, moment: float | None) -> float | None:
        return None if moment is None else moment - self._started

    def _overhead(self, ended: float) -> float:
        if self._asked is None:
            return ended - self._body_read
        before = self._asked - self._body_read
        if self._answered is None or self._head_passed is None:
            return before
        return before + self._head_passed - self._answered

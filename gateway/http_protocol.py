"""HTTP as the server reads it, with bounds on what comes before anybody has been admitted.

uvicorn's parser gathers addresses, headers, trailers and the extensions of chunks without a limit,
and waits for the end of a head for ever. Here each has one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.config import LimitSettings
from gateway.proxy.clock import new_request_id
from gateway.proxy.errors import Declined, bad_request, head_late, head_too_large

_PIECE = 16_384
"""Bytes that are parsed between two looks at how many there were."""

_LINGER_SECONDS = 2.0
"""How long a refused client may go on sending, to no effect, while it reads why. A connection that
is closed on unread bytes is reset, and a reset may overtake the answer."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection of a client. ``limits`` belongs to the subclass that protocol_within makes."""

    limits: LimitSettings

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_body = False
        self._idle_bytes = 0
        self._refusal: Declined | None = None
        self._refused = False
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is here; its first head is waited for."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses what came, piece by piece, until something is too much."""
        for start in range(0, len(data), _PIECE):
            if self._refused or self.transport.is_closing():
                return
            piece = data[start : start + _PIECE]
            self._idle_bytes += len(piece)
            super().data_received(piece)
            if self._idle_bytes > self.limits.max_head_bytes + _PIECE:
                self._refuse(head_too_large(self.limits.max_head_bytes))
        if self._late is None and not self._in_body and not self._answering:
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_body = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the body a trailer, which goes no further."""
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is complete; one that is too large is not looked at."""
        self._stop_waiting()
        self._idle_bytes = 0
        self._in_body = True
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.limits.max_head_bytes:
            self._refusal = head_too_large(self.limits.max_head_bytes)
            raise ValueError("the head is too large")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body; whatever framed it has been of use."""
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete; the next one may begin."""
        self._idle_bytes = 0
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """The parser gave up, by itself or because a callback above made it."""
        self._refuse(self._refusal or bad_request("it is not valid HTTP"))

    @property
    def _answering(self) -> bool:
        """Whether a request of this connection has not been answered to the end."""
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_head(self) -> None:
        self._late = self.loop.call_later(self.limits.client_timeout_seconds, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _head_is_late(self) -> None:
        self._late = None
        if not self._answering:
            self._refuse(head_late(self.limits.client_timeout_seconds))

    def _refuse(self, why: Declined) -> None:
        """Answers once, unless another answer has begun, and closes without a reset."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._stop_waiting()
        if self._answering:
            if self.pipeline or self.cycle.response_started:
                self.transport.close()
                return
            # Its call is told that the client left, and whatever it still sends is dropped.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        answer = why.answer
        headers = [*answer.headers, (b"x-candor-request-id", new_request_id().encode("ascii"))]
        fields = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[answer.status], *fields, b"\r\n", answer.body]))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)


def protocol_within(limits: LimitSettings) -> type[BoundedProtocol]:
    """The protocol for uvicorn's ``http`` option, bound to these limits."""
    return type("BoundedProtocol", (BoundedProtocol,), {"limits": limits})

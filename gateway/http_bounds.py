"""What uvicorn takes without a limit, within limits: before anybody has been admitted.

Addresses, headers, trailers, the extensions of chunks, and the time until a head is complete.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.config import LimitSettings
from gateway.proxy.client import reset
from gateway.proxy.clock import new_request_id
from gateway.proxy.errors import Declined, bad_request, head_too_large
from gateway.upstreams.deadlines import NEVER

PIECE = 16_384
"""Bytes that are parsed between two looks at how many of them were of no use."""

_GLANCE_SECONDS = 0.05
"""How often a client that is not read is looked at: its leaving is to be known within 100 ms."""

_LEFT = (7, 8)
"""TCP_CLOSE and TCP_CLOSE_WAIT of linux/tcp.h, the first byte of struct tcp_info: it reset the
connection, or closed its side."""

_LINGER_SECONDS = 2.0
"""How long a refused client may go on sending, to no effect, while it reads why. A connection that
is closed on unread bytes is reset, and a reset may overtake the answer."""


class BoundedProtocol(HttpToolsProtocol):
    """Parses piece by piece, and refuses once. ``due`` is for Deadlines: when a wait is over."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.due = self._until = NEVER
        self._unread = 0
        """Bytes that the client had not taken when it was last looked at; 0 while it keeps up."""
        self._idle_bytes = 0
        """Bytes since the last that were of use."""
        self._refusal: Declined | None = None
        self._deaf = False
        """Whether whatever the client still sends is ignored."""

    @property
    def limits(self) -> LimitSettings:
        """As they are configured now."""
        raise NotImplementedError

    def pause_reading(self) -> None:
        """Takes nothing more from the client for now."""
        self.flow.pause_reading()
        self._look_again()

    def resume_reading(self) -> None:
        """Takes more from the client."""
        self.flow.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """The parser gave up, by itself or because a callback above made it."""
        self._refuse(self._refusal or bad_request("it is not valid HTTP"))

    def _clear_the_way(self) -> bool:
        """Whether nothing stands in the way of an answer; what is under way is given up."""
        raise NotImplementedError

    def _upgrade(self, rest: bytes) -> None:
        """The client asks for another protocol, ``rest`` being what follows its head."""
        raise NotImplementedError

    def _wait(self, seconds: float) -> None:
        """Something is to happen within so many seconds."""
        self.due = self._until = self.loop.time() + seconds
        if self.flow.read_paused:
            self._look_again()

    def _rest(self) -> None:
        """Nothing is waited for."""
        self.due = self._until = NEVER
        if self.flow.read_paused:
            self._look_again()

    def _look_again(self) -> None:
        """Sets when this connection is looked at next: often while nobody reads from it.

        A transport that is not read does not tell that the other side has left.
        """
        self.due = self._until
        if self.flow.read_paused:
            self.due = min(self._until, self.loop.time() + _GLANCE_SECONDS)

    def _left(self) -> bool:
        """Whether the client has closed its side, as far as the system tells without reading."""
        sock = self.transport.get_extra_info("socket")
        if sock is None or not sys.platform.startswith("linux"):
            return False
        try:
            told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        except OSError:
            return False
        return told[0] in _LEFT

    def _behind(self) -> None:
        """The client is behind with taking its reply; it is given up where nothing moves."""
        left = self.transport.get_write_buffer_size()
        if left >= self._unread:
            reset(self.transport)
            return
        self._unread = left
        self._wait(self.limits.client_timeout_seconds)

    def _close(self) -> None:
        """Closes the connection, within the time that the client has to take what is left."""
        self._unread = self.transport.get_write_buffer_size()
        self._wait(self.limits.client_timeout_seconds)
        self.transport.close()

    def _take(self, data: bytes) -> None:
        self._idle_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("")
        else:
            if self._idle_bytes > self.limits.max_head_bytes + PIECE:
                self._refuse(head_too_large(self.limits.max_head_bytes))

    def _refuse(self, why: Declined) -> None:
        """Answers once, unless another answer has begun, and closes without a reset."""
        if self._deaf or self.transport.is_closing():
            return
        self._deaf = True
        if not self._clear_the_way():
            return
        answer = why.answer
        request_id = new_request_id().encode("ascii")
        headers = [*answer.headers, (b"connection", b"close"), (b"x-candor-request-id", request_id)]
        fields = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[answer.status], *fields, b"\r\n", answer.body]))
        self._linger()

    def _linger(self) -> None:
        """Closes the connection so that its last answer is not overtaken by a reset."""
        self._deaf = True
        self.flow.resume_reading()
        self._rest()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self._close)

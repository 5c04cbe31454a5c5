"""What becomes of an Upgrade: a WebSocket's bytes pass unread, any other offer is declined."""

from __future__ import annotations

from typing import Protocol

from gateway.proxy.call import Reading
from gateway.upstreams.base import Outlet, Reply

_HELD = 65_536
"""Bytes that are taken before the upstream has agreed; then the client is read no further."""


class Reads(Protocol):
    """What a parser tells."""

    def on_message_begin(self) -> None:
        """A head begins."""
        ...

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        ...

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or a trailer."""
        ...

    def on_headers_complete(self) -> None:
        """A head is complete."""
        ...

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        ...

    def on_message_complete(self) -> None:
        """The request is complete."""
        ...


class OfferDeclined:
    """Listens to a second parser, for the body of a request that offered another protocol.

    llhttp ends such a request at its head, so that its body would be read as the next request.
    Whoever declines the offer goes on with a parser of its own, which is told a head that offers
    nothing; that one head is kept from ``reads``, which has had it already.
    """

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._known = True
        self.on_body = reads.on_body

    def on_message_begin(self) -> None:
        """A head begins."""
        if not self._known:
            self._reads.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        if not self._known:
            self._reads.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the body a trailer."""
        if not self._known:
            self._reads.on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is complete."""
        if self._known:
            self._known = False
        else:
            self._reads.on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete; what follows is news."""
        self._reads.on_message_complete()


class Tunnel:
    """The client's half of a WebSocket; what comes before its upstream has agreed is kept.

    A BodySource for upstreams, so that a client is not read faster than its upstream takes.
    """

    def __init__(self, connection: Reading) -> None:
        self._connection = connection
        self._reply: Reply | None = None
        self._early: list[bytes] = []
        self._size = 0
        self._ended = False

    def attach(self, outlet: Outlet) -> None:
        """The request itself has no body; a BodySource's."""
        outlet.end()

    def pause(self) -> None:
        """The upstream takes no more for now."""
        self._connection.pause_reading()

    def resume(self) -> None:
        """The upstream takes more."""
        self._connection.resume_reading()

    @property
    def opened(self) -> bool:
        """Whether the upstream has agreed."""
        return self._reply is not None

    def open(self, reply: Reply) -> None:
        """The upstream has agreed."""
        self._reply = reply
        for piece in self._early:
            reply.send(piece)
        self._early.clear()
        if self._ended:
            reply.send_eof()

    def part(self, piece: bytes) -> None:
        """The client sent this."""
        if self._reply is not None:
            self._reply.send(piece)
            return
        self._early.append(piece)
        self._size += len(piece)
        if self._size > _HELD:
            self._connection.pause_reading()

    def end(self) -> None:
        """The client sends no more."""
        self._ended = True
        if self._reply is not None:
            self._reply.send_eof()

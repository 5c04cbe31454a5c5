"""The way back to a client: a reply's head and body, framed as its upstream framed them.

Bytes leave as they come: nothing is gathered, split or put off. A reply that broke never gets the
end of a whole one.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import Protocol

from gateway.proxy.errors import Answer
from gateway.proxy.headers import passed_on
from gateway.upstreams.base import Framing, Headers, Reply

_JOINED = 16_384
"""Bytes up to which a chunk and its framing are copied into one piece: cheaper than three."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: the connection ends by RST."""


class Connection(Protocol):
    """The client's connection, as a reply needs it."""

    transport: asyncio.Transport

    def replied(self) -> None:
        """The reply is complete; the connection may go on or end."""
        ...

    def close(self) -> None:
        """Ends the connection, within the time that the client has to take what is left."""
        ...

    def tunnelled(self, reply: Reply) -> None:
        """From now on the client's bytes go to ``reply`` unread."""
        ...


class Watching(Protocol):
    """Is shown every part that goes to the client."""

    def passed(self, chunk: bytes) -> None:
        """This part went out."""
        ...


class ReplyWriter:
    """Writes one reply. A Sink for upstreams."""

    __slots__ = (
        "_chunked",
        "_connection",
        "_head_only",
        "_http_1_0",
        "_open_ended",
        "_source",
        "_transport",
        "_unsent",
        "_watching",
        "begun",
        "ended",
        "keep_alive",
    )

    def __init__(
        self, connection: Connection, *, keep_alive: bool, http_1_0: bool, head_only: bool
    ) -> None:
        self._connection = connection
        self._transport = connection.transport
        self._http_1_0 = http_1_0
        self._head_only = head_only
        self._chunked = False
        self._open_ended = False
        self._unsent = b""
        self._watching: Watching | None = None
        self._source: Reply | None = None
        self.keep_alive = keep_alive
        self.begun = False
        """Whether the client was sent a status."""
        self.ended = False
        """Whether there is nothing more to send."""

    def begin(self, reply: Reply, headers: Headers, watching: Watching) -> None:
        """Sends the head of an upstream's reply, with ``headers`` in place of its own.

        Where the body has begun to arrive, the head leaves together with its first part.
        """
        if self.ended:
            return
        self._source = reply
        self._watching = watching
        framing = reply.framing
        if framing is Framing.CHUNKED:
            self._chunked = not self._http_1_0
        if framing is Framing.UNTIL_CLOSE or (framing is Framing.CHUNKED and self._http_1_0):
            self._open_ended = True
            self.keep_alive = False
        if self._chunked:
            headers.append((b"Transfer-Encoding", b"chunked"))
        head = self._head(reply.status, reply.reason, headers)
        if reply.ready:
            self._unsent = head
        else:
            self._transport.write(head)

    def interim(self, status: int, reason: bytes, headers: Headers) -> None:
        """Passes on what an upstream says before its reply (RFC 9110, 15.2)."""
        if self._http_1_0 or self.begun or self.ended:
            return
        fields = b"".join([b"%b: %b\r\n" % pair for pair in passed_on(headers)])
        self._transport.write(b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, reason, fields))

    def part(self, piece: bytes) -> None:
        """The next part of the body, on its way at once; of no use once the client has left."""
        if self.ended:
            return
        head, self._unsent = self._unsent, b""
        if not self._chunked:
            self._transport.write(head + piece if head else piece)
        elif len(piece) <= _JOINED:
            self._transport.write(b"%b%x\r\n%b\r\n" % (head, len(piece), piece))
        else:
            self._transport.writelines((b"%b%x\r\n" % (head, len(piece)), piece, b"\r\n"))
        if self._watching is not None:
            self._watching.passed(piece)

    def end(self) -> None:
        """The upstream's reply is complete."""
        if self.ended:
            return
        self.ended = True
        if self._chunked:
            self._transport.write(b"0\r\n\r\n")
        self._source = None
        self._connection.replied()

    def answer(self, answer: Answer, headers: Headers) -> None:
        """Sends a whole reply of the gateway's own, with ``headers`` in addition."""
        self.keep_alive = self.keep_alive and not answer.closes
        phrase = HTTPStatus(answer.status).phrase.encode("ascii")
        head = self._head(answer.status, phrase, [*answer.headers, *headers])
        self._transport.write(head if self._head_only else head + answer.body)
        self.ended = True
        self._connection.replied()

    def tunnel(self, reply: Reply, headers: Headers, watching: Watching) -> None:
        """Sends the 101 that ``reply`` begins with; both sides' bytes pass unread from then on."""
        if self.ended:
            return
        self._source = reply
        self._watching = watching
        self.keep_alive = True
        self._transport.write(self._head(reply.status, reply.reason, headers))
        self._connection.tunnelled(reply)

    def cut(self, *, by_reset: bool = False) -> None:
        """Breaks the connection in the middle of the reply, by FIN or, if asked, by RST.

        Where the connection's end is the body's, a FIN would make a whole reply of the broken one.
        """
        self.ended = True
        self._source = None
        transport = self._transport
        if not self._open_ended and (not by_reset or transport.get_write_buffer_size()):
            self._connection.close()
            return
        reset(transport)

    def pause(self) -> None:
        """The client takes no more for now."""
        if self._source is not None:
            self._source.pause()

    def resume(self) -> None:
        """The client takes more."""
        if self._source is not None:
            self._source.resume()

    def _head(self, status: int, reason: bytes, headers: Headers) -> bytes:
        self.begun = True
        parts = [b"HTTP/1.1 %d %b\r\n" % (status, reason)]
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"\r\n" if self.keep_alive else b"Connection: close\r\n\r\n")
        return b"".join(parts)


def reset(transport: asyncio.Transport) -> None:
    """Ends a connection by RST: at once, whatever the other side has not taken."""
    wire = transport.get_extra_info("socket")
    if wire is not None:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()

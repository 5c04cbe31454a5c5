"""The client's half of a WebSocket, which nobody reads on its way."""

from __future__ import annotations

from gateway.proxy.call import Reading
from gateway.upstreams.base import Reply

_HELD = 65_536
"""Bytes that are taken before the upstream has agreed; then the client is read no further."""


class Tunnel:
    """The client's half of a WebSocket; what comes before its upstream has agreed is kept."""

    def __init__(self, connection: Reading) -> None:
        self._connection = connection
        self._reply: Reply | None = None
        self._early: list[bytes] = []
        self._size = 0
        self._ended = False

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

"""A raw connection, and the receipt by which its two ends tell each other what has come."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from enum import StrEnum

from tests.differential.case import PATIENCE_SECONDS
from tests.differential.http1 import Mark


class End(StrEnum):
    """How what a client read came to its end."""

    WHOLE = "whole"
    FIN = "broken off in order"
    RST = "reset"


class Receipt:
    """How much of a direction has arrived, for a sender that waits until it has."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._mark: Mark = (0, 0)
        self._over = False

    def tell(self, mark: Mark) -> None:
        with self._changed:
            self._mark = max(self._mark, mark)
            self._changed.notify_all()

    def tell_over(self) -> None:
        """Nobody reads any more; who waits, waits in vain."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def wait(self, mark: Mark) -> None:
        with self._changed:
            come = self._changed.wait_for(
                lambda: self._over or self._mark >= mark, timeout=PATIENCE_SECONDS
            )
            if not come or self._mark < mark:
                raise NeverArrived(f"{mark} sent (heads, body bytes), {self._mark} arrived")


class NeverArrived(Exception):
    """What was sent did not reach the other side while the sender waited for it."""


class Wire:
    """One end of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = sock

    def send(self, piece: bytes) -> None:
        self.socket.sendall(piece)

    def receive(self) -> bytes:
        return self.socket.recv(262_144)

    def hear(self, count: int | None, already: bytes) -> tuple[bytes, End]:
        """So many bytes behind those that came ``already``, or what came of them and the end."""
        taken = already
        try:
            while count is None or len(taken) < count:
                piece = self.socket.recv(262_144 if count is None else count - len(taken))
                if not piece:
                    return taken, End.FIN
                taken += piece
        except ConnectionError:
            return taken, End.RST
        return taken, End.WHOLE

    def end(self) -> End:
        """Reads until the other side ends the connection."""
        try:
            while self.receive():
                pass
        except ConnectionError:
            return End.RST
        return End.FIN

    def fin(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def rst(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

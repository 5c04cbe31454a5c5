"""HTTP/1.1 as it stands on the wire: read leniently, kept exactly, judged by nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Headers = list[tuple[bytes, bytes]]


class Framing(StrEnum):
    """How the end of a body is told (RFC 9112, 6.3)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until close"


@dataclass(slots=True)
class Message:
    """A request or a reply, as far as it has come. A chunk is a piece, also one that broke off."""

    line: bytes
    headers: Headers
    framing: Framing = Framing.NONE
    pieces: list[bytearray] = field(default_factory=list)
    trailers: Headers = field(default_factory=list)
    complete: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def method(self) -> bytes:
        return self.line.split(b" ")[0]

    @property
    def status(self) -> int:
        return int(self.line.split(b" ", 2)[1])

    @property
    def interim(self) -> bool:
        return self.line.startswith(b"HTTP/") and 100 <= self.status < 200 and self.status != 101

    def get(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


Mark = tuple[int, int]
"""How far a direction has come: heads (a 100 is none) and bytes of the last one's body."""


class Reader:
    """Reads one direction of a connection. ``asked`` are the methods that replies belong to."""

    def __init__(self, asked: Sequence[bytes] | None = None) -> None:
        self.messages: list[Message] = []
        self._asked = None if asked is None else list(asked)
        self._buffer = bytearray()
        self._step = self._head
        self._left = 0
        self._size = 0

    @property
    def mark(self) -> Mark:
        heads = [each for each in self.messages if not each.line.startswith(b"HTTP/1.1 100")]
        return len(heads), self._size

    @property
    def surplus(self) -> bytes:
        """What came and belongs to no message."""
        return bytes(self._buffer)

    def stay(self) -> None:
        """The upgrade that was asked for was refused: what follows is HTTP again."""
        if self._step == self._rest:
            self._step = self._head

    def take(self, count: int | None) -> bytes:
        """Some of the surplus, all of it where ``count`` is None."""
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    @property
    def finals(self) -> list[Message]:
        return [each for each in self.messages if not each.interim]

    @property
    def current(self) -> Message:
        return self.messages[-1]

    def feed(self, piece: bytes) -> None:
        self._buffer += piece
        while self._step():
            pass

    def feed_end(self) -> None:
        """The connection has ended; a body that lasts until then is complete."""
        if self.messages and self.current.framing is Framing.UNTIL_CLOSE:
            self.current.complete = True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        line, *fields = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        self.messages.append(Message(line, [_pair(each) for each in fields]))
        self._size = 0
        self._frame(self.current)
        return True

    def _frame(self, message: Message) -> None:
        """Chooses what is read next; of several framings chunked counts (RFC 9112, 6.3)."""
        length = message.get(b"content-length")
        if self._asked is not None and self._bodiless(message):
            self._end()
        elif message.get(b"transfer-encoding") is not None:
            message.framing, self._step = Framing.CHUNKED, self._chunk_size
        elif length is not None:
            message.framing, self._left = Framing.LENGTH, int(length)
            message.pieces.append(bytearray())
            self._step = self._by_length
        elif self._asked is None:
            self._end()
            # What follows an upgrade is for whatever comes after HTTP.
            websocket = (message.get(b"upgrade") or b"").lower() == b"websocket"
            self._step = self._rest if websocket else self._head
        else:
            message.framing, self._step = Framing.UNTIL_CLOSE, self._until_close
            message.pieces.append(bytearray())

    def _bodiless(self, reply: Message) -> bool:
        if reply.interim:
            return True
        assert self._asked is not None
        method = self._asked.pop(0) if self._asked else b""
        return method == b"HEAD" or reply.status in (101, 204, 304)

    def _end(self) -> None:
        self.current.complete = True
        self._step = self._head if self.current.line[9:12] != b"101" else self._rest

    def _rest(self) -> bool:
        """Behind a 101 there are no more messages."""
        return False

    def _take(self, count: int) -> None:
        self.current.pieces[-1] += self._buffer[:count]
        taken = min(count, len(self._buffer))
        self._size += taken
        self._left -= taken
        del self._buffer[:count]

    def _by_length(self) -> bool:
        self._take(self._left)
        if self._left == 0:
            self._end()
            return True
        return False

    def _until_close(self) -> bool:
        self._take(len(self._buffer))
        return False

    def _chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        self._left = int(line.partition(b";")[0], 16)
        if self._left == 0:
            self._step = self._trailer
        else:
            self.current.pieces.append(bytearray())
            self._step = self._chunk
        return True

    def _chunk(self) -> bool:
        self._take(self._left)
        if self._left or len(self._buffer) < 2:
            return False
        del self._buffer[:2]
        self._step = self._chunk_size
        return True

    def _trailer(self) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            self.current.trailers.append(_pair(line))
        else:
            self._end()
        return True


def _pair(line: bytes) -> tuple[bytes, bytes]:
    """Name and value; white space around a value is no part of it (RFC 9112, 5.1)."""
    name, _, value = line.partition(b":")
    return name, value.strip(b" \t")

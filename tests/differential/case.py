"""A case as values: what a client sends, what the upstream answers, and when each goes on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

PATIENCE_SECONDS = 10.0
"""After which a test gives up; never waited out when all is well."""


class Step(Enum):
    """What a side does between two writes."""

    ARRIVED = "wait until the other side has read all that was sent so far"
    CONTINUE = "wait for a 100, or for the reply that comes instead of it"
    REPLY = "wait for the reply"
    FIN = "end the connection in order"
    RST = "break the connection"
    SILENCE = "say nothing until the other side ends the connection"


class Road(StrEnum):
    """Which gateway stands between, and so what its upstream is told."""

    PLAIN = "plain"
    """One deployment for everything, without a key or a model of its own."""
    CHOOSING = "choosing"
    """Clients have keys of the gateway's; deployments have keys and models of their own."""


@dataclass(frozen=True)
class Hear:
    """Take so many bytes that belong to no message, or everything up to the end where None."""

    count: int | None = None


Script = tuple[bytes | Step | Hear, ...]


@dataclass(frozen=True)
class Exchange:
    """A request and its reply.

    ``direct`` is what a client without the gateway would have sent to the same effect, where that
    is not the request itself. With ``early`` the upstream answers when the head is there.
    """

    request: Script
    reply: Script
    direct: Script | None = None
    early: bool = False


@dataclass(frozen=True)
class Case:
    """What happens on one connection of a client.

    ``boundaries`` asks for the same chunks in the reply, ``closes`` for the connection's end after
    the last reply. With ``pipelined`` every request is sent before the first reply is read.
    """

    name: str
    exchanges: tuple[Exchange, ...]
    road: Road = Road.PLAIN
    boundaries: bool = True
    closes: bool = False
    pipelined: bool = False

    def __str__(self) -> str:
        return self.name


CHAT = b"POST /v1/chat/completions"
BODY = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}'
JSON = b"Content-Type: application/json"
SSE = b"Content-Type: text/event-stream; charset=utf-8"


def asking(
    line: bytes = CHAT, *fields: bytes, body: bytes | None = BODY, version: bytes = b"1.1"
) -> bytes:
    """A whole request with a length, without one where ``body`` is None."""
    length = [] if body is None else [b"Content-Length: %d" % len(body)]
    head = [line + b" HTTP/" + version, b"Host: api.example", *fields, *length]
    return b"\r\n".join(head) + b"\r\n\r\n" + (body or b"")


def answering(status: bytes = b"200 OK", *fields: bytes, body: bytes = b'{"id":"x"}') -> bytes:
    """A whole reply with a length."""
    head = [b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def headed(status: bytes = b"200 OK", *fields: bytes) -> bytes:
    """The head of a reply, its framing as the fields say."""
    return b"\r\n".join([b"HTTP/1.1 " + status, *fields]) + b"\r\n\r\n"


CHUNKED = b"Transfer-Encoding: chunked"


def chunk(piece: bytes, extension: bytes = b"") -> bytes:
    """One chunk; an empty one is not the last (RFC 9112, 7.1 has no other)."""
    return b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)


LAST = b"0\r\n\r\n"


def streaming(*pieces: bytes, fields: tuple[bytes, ...] = (SSE,)) -> Script:
    """A chunked reply, each chunk sent when the one before has reached the client."""
    parts: list[bytes | Step | Hear] = [headed(b"200 OK", *fields, CHUNKED), Step.ARRIVED]
    for piece in pieces:
        parts += [chunk(piece), Step.ARRIVED]
    return (*parts, LAST)


def one(
    name: str,
    request: bytes | Script | None = None,
    reply: bytes | Script | None = None,
    *,
    early: bool = False,
    boundaries: bool = True,
    closes: bool = False,
) -> Case:
    """A case of one request; what is not given is the ordinary."""
    asked = asking() if request is None else request
    answered = answering(b"200 OK", JSON) if reply is None else reply
    exchange = Exchange(_script(asked), _script(answered), early=early)
    return Case(name, (exchange,), boundaries=boundaries, closes=closes)


def _script(of: bytes | Script) -> Script:
    return (of,) if isinstance(of, bytes) else of


def method_of(request: Script) -> bytes:
    """The method of the request that a script begins with."""
    first = request[0]
    assert isinstance(first, bytes)
    return first.split(b" ")[0]

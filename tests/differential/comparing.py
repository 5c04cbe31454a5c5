"""What a gateway may change, and every other difference between two runs of a case."""

from __future__ import annotations

from dataclasses import replace

from tests.differential.case import Case
from tests.differential.http1 import Framing, Headers, Message
from tests.differential.run import Seen
from tests.differential.wires import End

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade".split()
)
"""Fields about one connection alone (RFC 9110, 7.6.1)."""
OURS = b"x-candor-"
ROUTED_BY_MODEL = (
    b"/v1/chat/completions",
    b"/v1/completions",
    b"/v1/responses",
    b"/v1/embeddings",
    b"/v1/messages",
)
"""Paths whose body says where they go."""
SHOWN = 300
"""Bytes of a difference that are shown."""


def kept(message: Message) -> Headers:
    """The headers that must travel, in their order and spelling."""
    ending = {b"expect"} | HOP_BY_HOP | _tokens(message)
    ending |= {b"host"} if not message.line.startswith(b"HTTP/") else set()
    return [
        (name, value)
        for name, value in message.headers
        if name.lower() not in ending and not name.lower().startswith(OURS)
    ]


def _tokens(message: Message) -> set[bytes]:
    values = [value for name, value in message.headers if name.lower() == b"connection"]
    return {token.strip().lower() for value in values for token in value.split(b",")} - {b"close"}


def leaked(direct: Message, through: Message) -> list[bytes]:
    """Headers that should have ended at the gateway; it has a Connection and a framing of its own,
    and an Upgrade for a WebSocket."""
    ending = HOP_BY_HOP - {b"connection", b"transfer-encoding"} | _tokens(direct) | {b"expect"}
    ending -= {b"upgrade"} if upgrade(direct) else set()
    is_reply = through.line.startswith(b"HTTP/")
    return [
        name
        for name, _ in through.headers
        if name.lower() in ending or (name.lower().startswith(OURS) and not is_reply)
    ]


def upgrade(message: Message) -> bytes | None:
    """The WebSocket that is asked for or agreed on: written anew for each connection, wherever in
    the head, and the same all the way. Any other protocol is between two neighbours."""
    protocol = message.get(b"upgrade") or b""
    return protocol if protocol.lower() == b"websocket" and b"upgrade" in _tokens(message) else None


def differences(case: Case, direct: Seen, through: Seen) -> list[str]:
    """One line for each; none where nobody could tell the two runs apart."""
    found = [f"direct: {each}" for each in direct.complaints]
    found += [f"through: {each}" for each in through.complaints]
    found += _pairs("request", direct.requests, through.requests, compare=_requests)
    replies = [
        [each for each in seen.replies if not _asked_for(each)] for seen in (direct, through)
    ]
    found += _pairs("reply", *replies, compare=lambda a, b: _replies(a, b, case.boundaries))
    found += _one("end", direct.end, through.end)
    found += _one("connection after", direct.closed, through.closed)
    if direct.end is End.WHOLE:
        found += _one("surplus", direct.surplus, through.surplus)
    found += _one("tunnel", direct.heard, through.heard)
    return found


def _asked_for(reply: Message) -> bool:
    """A 100 answers an Expect, which is between a client and whoever is next to it."""
    return reply.interim and reply.status == 100


def _one(what: str, direct: object, through: object) -> list[str]:
    if direct == through:
        return []
    return [f"{what}: direct {_shown(direct)}, through {_shown(through)}"]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)})"


def _pairs(what: str, direct: list[Message], through: list[Message], *, compare) -> list[str]:
    found = _one(f"{what} lines", [m.line for m in direct], [m.line for m in through])
    if len(direct) != len(through):
        return found
    found = []
    for number, (one, other) in enumerate(zip(direct, through, strict=True), 1):
        found += [f"{what} {number} {each}" for each in compare(one, other)]
    return found


def _requests(direct: Message, through: Message) -> list[str]:
    if _held(direct, through):
        rest = [pair for pair in through.headers if pair[0].lower() != b"content-length"]
        through = replace(through, headers=rest, framing=direct.framing)
    return [
        *_one("line", direct.line.split(b" ")[:2], through.line.split(b" ")[:2]),
        *_headers(direct, through),
        *_one("upgrade", upgrade(direct), upgrade(through)),
        *_one("leak", [], leaked(direct, through)),
        *_one("framing", direct.framing, through.framing),
        *(_bodies(direct, through) if direct.complete else []),
        *_one("completeness", direct.complete, through.complete),
    ]


def _held(direct: Message, through: Message) -> bool:
    """Whether a chunked request has rightly gone on with a length: its body had to be whole before
    anybody knew where it goes. On other paths nothing waits for a body's end."""
    path = direct.line.split(b" ")[1].partition(b"?")[0].lower()
    framings = (direct.framing, through.framing)
    return path in ROUTED_BY_MODEL and framings == (Framing.CHUNKED, Framing.LENGTH)


def _replies(direct: Message, through: Message, boundaries: bool) -> list[str]:
    found = [
        *_one("status", _status(direct), _status(through)),
        *_headers(direct, through),
        *(_one("upgrade", upgrade(direct), upgrade(through)) if direct.status == 101 else []),
        *_one("leak", [], leaked(direct, through)),
        *_bodies(direct, through),
        *_one("trailers", [], through.trailers),
    ]
    if boundaries and direct.framing is through.framing is Framing.CHUNKED:
        found += _one("chunks", _sizes(direct), _sizes(through))
    if Framing.LENGTH in (direct.framing, through.framing):
        found += _one("framing", direct.framing, through.framing)
    if not through.interim and through.get(b"x-candor-request-id") is None:
        found.append("has no x-candor-request-id")
    return found


def _status(reply: Message) -> tuple[bytes, bytes]:
    """Code and phrase; where the line ends after the code, there is none."""
    code, _, phrase = reply.line.partition(b" ")[2].partition(b" ")
    return code, phrase


def _sizes(message: Message) -> list[int]:
    """Of a chunk that broke off, what came of it."""
    return [len(piece) for piece in message.pieces if piece]


def _bodies(direct: Message, through: Message) -> list[str]:
    one, other = direct.body, through.body
    if one == other:
        return []
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    place = min(len(one), len(other)) if at is None else at
    sizes = f"{len(one)} and {len(other)} bytes, first at {place}"
    return [f"body: {sizes}: direct {one[place:][:40]!r}, through {other[place:][:40]!r}"]


def _headers(direct: Message, through: Message) -> list[str]:
    one, other = kept(direct), kept(through)
    if one == other:
        return []
    lost = [pair for pair in one if pair not in other]
    added = [pair for pair in other if pair not in one]
    if not lost and not added:
        return [f"header order or count: direct {_shown(one)}, through {_shown(other)}"]
    return [f"headers: lost {_shown(lost)}, added {_shown(added)}"]

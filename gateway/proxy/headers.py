"""Which headers a proxy passes on, and which end at it."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.upstreams.base import Framing, Headers
from gateway.upstreams.spelling import Spellings

__all__ = [
    "CREDENTIALS",
    "Headers",
    "framed",
    "length_places",
    "number",
    "oddly_coded",
    "passed_on",
    "reply_headers",
    "request_headers",
    "upgrading",
    "value_of",
    "with_key",
    "without_keys",
]

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields about one connection alone (RFC 9110, 7.6.1)."""

CREDENTIALS = (b"authorization", b"api-key", b"x-api-key")
"""Where clients put a key: OpenAI's, Azure's and Anthropic's way."""

_OURS = b"x-candor-"
_ADDRESSED = (b"host", b"expect")
_CONNECTION_OPTIONS = frozenset({b"", b"close", b"keep-alive", b"upgrade", b"te"})
"""What Connection may say that names no header which would otherwise be passed on."""
_LENGTH = b"content-length"


def value_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The first value of a header, None where it is absent; names are compared without case."""
    for key, value in headers:
        if key.lower() == name:
            return value.decode("latin-1")
    return None


def number(length: bytes) -> int:
    """A body's length; 0 where none is told."""
    length = length.strip(b" \t")
    return int(length) if length.isdigit() else 0


def oddly_coded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request's Transfer-Encoding is anything but one plain ``chunked``."""
    codings = [v.strip().lower() for n, v in headers if n.lower() == b"transfer-encoding"]
    return codings not in ([], [b"chunked"])


def reply_headers(framing: Framing, headers: Headers) -> Headers:
    """An upstream's headers as the client gets them; chunked outweighs a length (RFC 9112, 6.3)."""
    kept = passed_on(headers)
    if framing is not Framing.CHUNKED:
        return kept
    return [pair for pair in kept if pair[0].lower() != _LENGTH]


def passed_on(headers: Headers) -> Headers:
    """The headers less those that end here: hop-by-hop ones, those that Connection names, ours."""
    passes = _PASSES
    kept = [pair for pair in headers if passes[pair[0]]]
    if len(kept) == len(headers):
        return kept
    named: set[bytes] = set()
    for name, value in [pair for pair in headers if not passes[pair[0]]]:
        if value not in _CONNECTION_OPTIONS and name.lower() == b"connection":
            named |= {token.strip().lower() for token in value.split(b",")}
    if named - _CONNECTION_OPTIONS:
        return [pair for pair in kept if pair[0].lower() not in named]
    return kept


def _passes(lower: bytes) -> bool:
    return lower not in _HOP_BY_HOP and not lower.startswith(_OURS)


_PASSES = Spellings(_passes)


def request_headers(
    headers: Headers, *, key: str | None, drop_keys: bool, key_header: str | None = None
) -> Headers:
    """A client's headers as the upstream gets them, less what frames the body.

    ``key`` is the upstream's own key and ``key_header`` where it belongs, None for where the client
    put its own; ``drop_keys`` says that the client's was meant for us. Expect ends here too: by the
    time the upstream is asked, the client has been told to go on.
    """
    kept = [pair for pair in passed_on(headers) if pair[0].lower() not in _ADDRESSED]
    if key is not None:
        return with_key(kept, key, key_header)
    return without_keys(kept) if drop_keys else kept


def upgrading(headers: Headers, *, protocol: bytes) -> Headers:
    """The headers less a body's length, and with the two that ask for another protocol put back."""
    kept = [pair for pair in headers if pair[0].lower() != _LENGTH]
    return [*kept, (b"Connection", b"Upgrade"), (b"Upgrade", protocol)]


def framed(headers: Headers, *, length: int | None) -> Headers:
    """The headers with the body's framing made certain: its length, or chunked where None.

    Computed, never copied: a body whose length two hops read differently is how requests are
    smuggled (RFC 9112, 11.2). ``headers`` stay as they are.
    """
    places = length_places(headers)
    name = headers[places[0]][0] if places else b"Content-Length"
    kept = headers.copy()
    for place in reversed(places):
        del kept[place]
    if length is None:
        kept.append((b"Transfer-Encoding", b"chunked"))
    elif length or places:
        kept.insert(places[0] if places else len(kept), (name, b"%d" % length))
    return kept


def length_places(headers: Headers) -> list[int]:
    """Where a body's length stands among headers."""
    return [
        place
        for place, pair in enumerate(headers)
        if len(pair[0]) == 14 and pair[0].lower() == _LENGTH
    ]


def with_key(headers: Headers, key: str, key_header: str | None = None) -> Headers:
    """The headers with an upstream's key in place of the client's own.

    It goes where ``key_header`` says; without that, where the client put its key (so that
    Anthropic's clients keep reaching Anthropic's API), in Authorization where it sent none or
    several; every other key is dropped.
    """
    places = [name for name, _ in headers if name.lower() in CREDENTIALS] or [b"authorization"]
    place = next((name for name in places if name.lower() == b"authorization"), places[0])
    if key_header is not None:
        wanted = key_header.encode("ascii")
        place = next((name for name in places if name.lower() == wanted), wanted)
    bearer = place.lower() == b"authorization"
    written = (place, (f"Bearer {key}" if bearer else key).encode("ascii"))
    kept: Headers = []
    for name, value in headers:
        if name.lower() not in CREDENTIALS:
            kept.append((name, value))
        elif written not in kept:
            kept.append(written)
    return kept if written in kept else [*kept, written]


def without_keys(headers: Headers) -> Headers:
    """The headers without any of the client's keys."""
    return [(name, value) for name, value in headers if name.lower() not in CREDENTIALS]

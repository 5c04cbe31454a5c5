"""Which headers a proxy passes on, and which end at it."""

from __future__ import annotations

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]
"""Names and values in the order they travelled in."""

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
_LENGTH = b"content-length"


def value_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The first value of a header, None where it is absent; names are compared without case."""
    for key, value in headers:
        if key.lower() == name:
            return value.decode("latin-1")
    return None


def body_length(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """How long a request's body is by its head: 0 where it has none, None where only its end tells.

    Chunked outweighs a length (RFC 9112, 6.3).
    """
    headers = list(headers)
    if value_of(headers, b"transfer-encoding") is not None:
        return None
    length = value_of(headers, _LENGTH)
    return int(length) if length is not None and length.strip().isdigit() else 0


def oddly_coded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request's Transfer-Encoding is anything but one plain ``chunked``."""
    codings = [v.strip().lower() for n, v in headers if n.lower() == b"transfer-encoding"]
    return codings not in ([], [b"chunked"])


def reply_headers(status: int, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """An upstream's headers as the client gets them, its framing made certain (RFC 9112, 6.3).

    Chunked outweighs a length. A 204 has none, and the one of a 304 belongs to a body that is not
    sent.
    """
    headers = list(headers)
    kept = passed_on(headers)
    chunked = any(name.lower() == b"transfer-encoding" for name, _ in headers)
    if not chunked and status not in (204, 304):
        return kept
    return [pair for pair in kept if pair[0].lower() != _LENGTH]


def passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers less those that end here: hop-by-hop ones, those that Connection names, ours."""
    headers = list(headers)
    ending = _HOP_BY_HOP | _named_by_connection(headers)
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in ending and not name.lower().startswith(_OURS)
    ]


def request_headers(
    headers: Iterable[tuple[bytes, bytes]], *, key: str | None, drop_keys: bool
) -> Headers:
    """A client's headers as the upstream gets them, less what frames the body.

    ``key`` is the upstream's own key; ``drop_keys`` says that the client's was meant for us. Expect
    ends here too: by the time the upstream is asked, the client has been told to go on.
    """
    kept = [pair for pair in passed_on(headers) if pair[0].lower() not in (b"host", b"expect")]
    if key is not None:
        return with_key(kept, key)
    return without_keys(kept) if drop_keys else kept


def framed(headers: Headers, *, length: int | None) -> Headers:
    """The headers with the body's framing made certain: its length, or chunked where None.

    Computed, never copied: a body whose length two hops read differently is how requests are
    smuggled (RFC 9112, 11.2).
    """
    field = (b"Transfer-Encoding", b"chunked") if length is None else _length_field(length)
    places = [place for place, (name, _) in enumerate(headers) if name.lower() == _LENGTH]
    kept: Headers = [pair for pair in headers if pair[0].lower() != _LENGTH]
    if length == 0 and not places:
        return kept
    kept.insert(places[0] if places else len(kept), field)
    return kept


def _length_field(length: int) -> tuple[bytes, bytes]:
    return (b"Content-Length", str(length).encode("ascii"))


def _named_by_connection(headers: Headers) -> set[bytes]:
    return {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }


def with_key(headers: Headers, key: str) -> Headers:
    """The headers with an upstream's key in place of the client's own.

    It goes where the client put its key (so that Anthropic's clients keep reaching Anthropic's
    API), in Authorization where it sent none or several; every other key is dropped.
    """
    places = [name for name, _ in headers if name.lower() in CREDENTIALS] or [b"authorization"]
    place = next((name for name in places if name.lower() == b"authorization"), places[0])
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

"""A request's bytes: its head as the client wrote it, and what frames its body.

What cannot be a request is refused before a byte of it leaves: a line break or a space where none
may stand would let one request pass for two.
"""

from __future__ import annotations

import re

from gateway.upstreams.base import Headers, UpstreamCall, UpstreamUnreachable

_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [!-~\x80-\xff]+")
"""RFC 9112, 3: a method, which is a token, and a target without blanks or controls."""

_DIGITS = 18
"""The longest length that fits the signed 64 bits in which servers count."""

_NOT_HTTP = "the request is not valid HTTP"


def _unsendable(reason: str = "") -> UpstreamUnreachable:
    """Why nothing was sent, for which no upstream is to blame."""
    return UpstreamUnreachable(f"{_NOT_HTTP}{reason}", blameless=True)


def head_of(call: UpstreamCall, base_path: bytes, host_line: bytes) -> bytes:
    """The request's head up to and with the empty line.

    Names, values and their order stay as they are; ``host_line`` comes first. Raises
    UpstreamUnreachable for what would not be one request.
    """
    target = base_path + call.path or b"/"
    if call.query is not None:
        target = b"%b?%b" % (target, call.query)
    line = b"%b %b" % (call.method, target)
    headers = call.headers
    fields = b"\r\n".join([b": ".join(pair) for pair in headers])
    gap = b"\r\n\r\n" if headers else b"\r\n"
    head = b"".join((line, b" HTTP/1.1\r\n", host_line, fields, gap))
    breaks = len(headers) + 3
    sound = head.count(b"\n") == breaks == head.count(b"\r") and b"\0" not in head
    if not sound or _REQUEST_LINE.fullmatch(line) is None:
        raise _unsendable()
    return head


def whole(head: bytes, body: bytes, headers: Headers) -> bytes:
    """Head and body as one piece, the body framed as the headers say.

    Raises UpstreamUnreachable where they say something else than is there: the bytes beyond a
    stated length would be read as another request.
    """
    if _plainly_framed(head.lower(), len(body)):
        return head + body
    length = framing_of(headers)
    if length is None:
        return b"%b%x\r\n%b\r\n0\r\n\r\n" % (head, len(body), body) if body else head + b"0\r\n\r\n"
    if length != len(body):
        raise _unsendable(f": it states {length} bytes and has {len(body)}")
    return head + body


def _plainly_framed(head: bytes, size: int) -> bool:
    """Whether a glance at the head, in lower case, is enough to know that it fits the body."""
    if b"\r\ntransfer-encoding" in head:
        return False
    lengths = head.count(b"\r\ncontent-length")
    if lengths == 0:
        return size == 0
    return lengths == 1 and b"\r\ncontent-length: %d\r\n" % size in head


def framing_of(headers: Headers) -> int | None:
    """How many bytes the body has, None where it is chunked; raises UpstreamUnreachable."""
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    codings = [value for name, value in headers if name.lower() == b"transfer-encoding"]
    if not lengths and [coding.lower() for coding in codings] == [b"chunked"]:
        return None
    sound = all(length.isdigit() and len(length) <= _DIGITS for length in lengths)
    if codings or len(lengths) > 1 or not sound:
        raise _unsendable(": its framing is not one length or chunked")
    return int(lengths[0]) if lengths else 0


class BodyWriter:
    """Frames a streamed body as its headers say; raises UpstreamUnreachable where they do not."""

    __slots__ = ("_owed",)

    def __init__(self, headers: Headers) -> None:
        self._owed = framing_of(headers)

    def part(self, piece: bytes) -> bytes:
        """The piece in its frame; raises UpstreamUnreachable past the stated length."""
        if self._owed is None:
            return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
        self._owed -= len(piece)
        if self._owed < 0:
            raise _unsendable(": its body is longer than it states")
        return piece

    def end(self) -> bytes:
        """What ends the body; raises UpstreamUnreachable short of the stated length."""
        if self._owed:
            raise _unsendable(": its body is shorter than it states")
        return b"0\r\n\r\n" if self._owed is None else b""

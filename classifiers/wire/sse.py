"""Server-sent events, read from bytes in one pass.

The WHATWG rules: lines end in CRLF, LF or CR, a blank line ends an event, several ``data`` lines
are joined with a newline, lines that begin with a colon are comments. One leniency: an event that
the end of the body cuts short is still given, marked ``whole=False``, because servers leave out the
last blank line and because a broken connection must be told from a finished stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

BOM = b"\xef\xbb\xbf"

_BREAKS = re.compile(rb"[\r\n]+")
_SINGLE_BREAKS = (b"\n", b"\r", b"\r\n")
_FIELD = re.compile(rb"(?:\A|(?<=[\r\n]))(data|event)(?::\x20?([^\r\n]*))?(?=[\r\n]|\Z)")


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its type (``message`` where none was named) and its data lines, joined."""

    type: str
    data: bytes
    whole: bool = True

    @property
    def is_done(self) -> bool:
        """Whether this is OpenAI's end of a stream."""
        return self.data.strip() == b"[DONE]"


def looks_like_events(body: bytes) -> bool:
    """Whether a body opens as an event stream does, whatever its content type says."""
    start = body[:64].removeprefix(BOM).lstrip()
    return start.startswith((b"data:", b"event:", b"id:", b"retry:", b":"))


def events(body: bytes) -> Iterator[Event]:
    """The events of a body, lazily and in order; comments and events without data are left out."""
    start = len(BOM) if body.startswith(BOM) else 0
    for gap in _BREAKS.finditer(body, start):
        if gap.group() in _SINGLE_BREAKS:
            continue
        yield from _event(body[start : gap.end()], whole=True)
        start = gap.end()
    yield from _event(body[start:], whole=False)


def _event(block: bytes, *, whole: bool) -> Iterator[Event]:
    name = b"message"
    lines: list[bytes] = []
    for field in _FIELD.finditer(block):
        value = field.group(2) or b""
        if field.group(1) == b"data":
            lines.append(value)
        else:
            name = value
    payload = b"\n".join(lines)
    if payload.strip():
        yield Event(name.decode("utf-8", "replace"), payload, whole)

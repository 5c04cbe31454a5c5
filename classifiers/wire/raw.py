"""The bytes of one call, as whoever listened kept them: what the readers are given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RawReply:
    """A request and its reply before anyone has read them.

    ``endpoint`` is the path (``/v1/chat/completions``; a query string is tolerated). ``status`` is
    the HTTP status, None where no response came at all. ``cut`` says that the connection broke
    before the reply's end, ``trimmed`` that only the opening of ``body`` was kept.
    """

    endpoint: str
    request: bytes
    status: int | None
    content_type: str
    content_encoding: str
    body: bytes
    cut: bool = False
    trimmed: bool = False

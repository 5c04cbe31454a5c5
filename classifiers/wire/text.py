"""Text that is safe to keep: valid Unicode, and one line where one line is asked for."""

from __future__ import annotations

import re

LINE_LIMIT = 300
"""Characters of an upstream's own message that a problem line repeats."""

_UNKEEPABLE = re.compile(r"[\x00\ud800-\udfff]")
_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Controls that a terminal obeys, and marks that turn the direction of text."""
_KEY = re.compile(r"\b(?:sk|pk|rk|xai|gsk|hf)[-_][\w-]{6,}|\bBearer\s+\S{6,}", re.IGNORECASE)


def mend(text: str) -> str:
    """The text with surrogate pairs joined, and U+FFFD for lone surrogates and for NUL.

    A JSON escape may name half a pair, and a stream may split a pair over two events; neither UTF-8
    nor PostgreSQL can hold what is left over.
    """
    if _UNKEEPABLE.search(text) is None:
        return text
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\x00", "\ufffd")


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """The text on one line of at most ``limit`` characters, anything shaped like a key masked.

    Controls are blanks: a line goes to terminals and logs, whoever wrote it.
    """
    flat = " ".join(_UNSEEN.sub(" ", mend(text[: 4 * limit])).split())
    masked = _KEY.sub("[key]", flat)
    return masked if len(masked) <= limit else masked[: limit - 1] + "…"


def opening(body: bytes) -> str:
    """The first 40 characters of a body, for a message about what was found instead of a reply."""
    return one_line(body[:400].decode("utf-8", "replace"), 40)

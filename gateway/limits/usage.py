"""How many tokens a reply says it cost, read from its first and its last bytes alone.

Both APIs write their counts last, and Anthropic's streams the prompt's first. Only a real count is
taken: a quote within a JSON string is always escaped, so no text can hold the unescaped key; and a
key that stands anywhere but at the top of its document, as the argument of a tool may, is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

_SPELLINGS = (b'"usage":{', b'"usage": {')
"""How servers write the key with counts behind it; most events of a stream say null instead."""

_TRIES = 16
"""Keys that are looked at, from the end; hostile replies may hold thousands."""

_MOST_TOKENS = 1 << 40
"""A count beyond this is taken for none: no model reads that much, and sums must fit 64 bits."""

_OPENING = "message_start"
"""Anthropic's first event: the prompt's tokens are final, those of the reply have only begun."""

_HOLDERS = ("response", "message", "x_groq")
"""Where an event holds its counts, if not at its top: responses, Anthropic's opening, Groq."""


@dataclass(slots=True)
class Usage:
    """Tokens of a call. ``input_tokens`` includes those read from and written to a prompt cache.

    ``estimated`` says that the upstream did not give the final figures itself.
    """

    input_tokens: int
    output_tokens: int
    estimated: bool = False
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Both directions together, as providers limit them."""
        return self.input_tokens + self.output_tokens


def read_usage(opening: bytes, tail: bytes) -> Usage | None:
    """The counts that a reply carries, the last of several; None where it carries none.

    ``opening`` is how the body begins and ``tail`` how it ends; they may overlap or be the same,
    and either may hold the whole. 4 KiB of each are enough for every API that is known here.
    Understands chat completions, completions, responses, embeddings and Anthropic's messages, as
    JSON and as server-sent events. Never raises. Where an Anthropic stream broke off, what its
    opening said is returned as ``estimated``.
    """
    if (opening or tail).lstrip()[:1] in (b"{", b"["):
        return _in_document(tail or opening)
    last = _in_events(tail)
    if last is not None and last.input_tokens:
        return last
    first = _in_first_event(opening)
    if last is None or first is None:
        return last or first
    return Usage(
        first.input_tokens,
        last.output_tokens,
        cache_read_tokens=first.cache_read_tokens,
        cache_write_tokens=first.cache_write_tokens,
    )


def _in_first_event(opening: bytes) -> Usage | None:
    """What the opening of an Anthropic stream says."""
    if b'"message_start"' not in opening:
        return None
    places = [at for at in map(opening.find, _SPELLINGS) if at >= 0]
    return _in_event(opening, min(places)) if places else None


def _places(body: bytes) -> Iterator[int]:
    """Where the key with an object as its value stands, from the end."""
    at = len(body)
    for _ in range(_TRIES):
        at = _place_before(body, at)
        if at < 0:
            return
        yield at


def _place_before(body: bytes, end: int) -> int:
    """The last place of the key before ``end``, -1 where there is none."""
    tight, spaced = _SPELLINGS
    return max(body.rfind(tight, 0, end), body.rfind(spaced, 0, end))


def _in_document(body: bytes) -> Usage | None:
    at = len(body)
    for _ in range(_TRIES):
        at = _place_before(body, at)
        if at < 0:
            return None
        # What follows the key parses behind a single brace only if the key stands at the top of
        # the document and the document is complete.
        document = _parsed(b"{" + body[at:])
        if document is not None and (usage := _usage(document.get("usage"))):
            return usage
    return None


def _in_events(body: bytes) -> Usage | None:
    for at in _places(body):
        if usage := _in_event(body, at):
            return usage
    return None


def _in_event(body: bytes, at: int) -> Usage | None:
    """The counts of the event that the key at this place belongs to."""
    event = _event_around(body, at)
    if event is None:
        return None
    estimated = event.get("type") == _OPENING
    if usage := _usage(event.get("usage"), estimated):
        return usage
    for holder in _HOLDERS:
        held = event.get(holder)
        if isinstance(held, dict) and (usage := _usage(held.get("usage"), estimated)):
            return usage
    return None


def _event_around(body: bytes, at: int) -> dict[str, Any] | None:
    """The event that the key belongs to; where its beginning is cut off, what is left of it."""
    start = body.rfind(b"\n", 0, at) + 1
    end = body.find(b"\n", at)
    if end < 0:
        end = len(body)
    if body.startswith(b"data:", start):
        return _parsed(body[start + 5 : end])
    if start:
        return None
    rest = body[at:end]
    return _parsed(b"{" + rest) or _parsed(b'{"response":{' + rest)


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _usage(held: Any, estimated: bool = False) -> Usage | None:
    """The counts of a usage object, in either API's names; None where it holds none."""
    if not isinstance(held, dict):
        return None
    prompt, output = _count(held, "prompt_tokens"), _count(held, "completion_tokens")
    if prompt is not None or output is not None:
        return Usage(prompt or 0, output or 0, estimated, _cached(held, "prompt_tokens_details"))
    read, output = _count(held, "input_tokens"), _count(held, "output_tokens")
    if read is None and output is None:
        total = _count(held, "total_tokens")
        return None if total is None else Usage(total, 0, estimated)
    # Anthropic counts what came from its cache and went to it apart; OpenAI counts it in.
    taken = _count(held, "cache_read_input_tokens") or 0
    written = _count(held, "cache_creation_input_tokens") or 0
    whole = (read or 0) + taken + written
    cached = taken or _cached(held, "input_tokens_details")
    return Usage(whole, output or 0, estimated, cached, written)


def _cached(held: dict[str, Any], key: str) -> int:
    details = held.get(key)
    return (_count(details, "cached_tokens") or 0) if isinstance(details, dict) else 0


def _count(held: dict[str, Any], key: str) -> int | None:
    value = held.get(key)
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None

"""Reads and replaces the top-level ``model`` of a JSON object in its bytes, touching no other byte.

Parsing and writing again would change what the client sent: 1e-7, big integers, escapes, the order
of keys and keys written twice do not survive it. So the grammar of RFC 8259 is walked here, in one
pass with a stack of its own (no depth can exhaust it), building nothing. Like the parsers of
Python, JavaScript and Go, the last of several equal keys wins; and as Python writes them, NaN and
the infinities count as numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_SPACE = rb"[ \t\n\r]*+"
_STRING = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
_SCALAR = rb"(?:%s|true|false|null|%s|NaN|-?Infinity)" % (_STRING, _NUMBER)
_MEMBER = _STRING + _SPACE + b":" + _SPACE + _SCALAR
_FLAT_OBJECT = rb"\{%s(?:%s%s(?:,%s%s%s)*+)?+\}" % (
    _SPACE,
    _MEMBER,
    _SPACE,
    _SPACE,
    _MEMBER,
    _SPACE,
)
"""An object of scalars, such as one message of a chat: skipped in one step."""

_KEY = re.compile(_SPACE + rb"(%s)" % _STRING + _SPACE + b":" + _SPACE)
_WHOLE = re.compile(rb"(?:%s|%s)" % (_SCALAR, _FLAT_OBJECT))
_BLANK = re.compile(_SPACE)
_OPEN = re.compile(rb"[\[{]" + _SPACE)
_NEXT = re.compile(_SPACE + rb"([,\]}])" + _SPACE)

_CLOSING = {0x7B: 0x7D, 0x5B: 0x5D}
_COMMA = 0x2C
_BRACE = 0x7B


class _NotJson(Exception):
    """The bytes are not one JSON object."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from ``start`` up to ``end``, that one excluded."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Fields:
    """What routing needs of a request body.

    ``model`` is None where the object has none or it is not a string; ``model_at`` is where its
    value stands, quotes included. ``stream`` is true only where the value is ``true``.
    """

    model: str | None
    model_at: Span | None
    stream: bool


def read_fields(body: bytes) -> Fields | None:
    """The fields of a JSON object in UTF-8, or None where the bytes are anything else."""
    try:
        body.decode("utf-8")
        found = {key: span for key, span in _members(body) if key in ("model", "stream")}
    except (UnicodeDecodeError, _NotJson):
        return None
    at = found.get("model")
    model = None
    if at is not None and body[at.start] == 0x22:
        model = json.loads(body[at.start : at.end])
    streamed = found.get("stream")
    return Fields(
        model=model,
        model_at=at if model is not None else None,
        stream=streamed is not None and body[streamed.start : streamed.end] == b"true",
    )


def replace_model(body: bytes, fields: Fields, model: str) -> bytes:
    """The body with another model in the same place; unchanged where it names none."""
    at = fields.model_at
    if at is None or fields.model == model:
        return body
    return body[: at.start] + json.dumps(model).encode() + body[at.end :]


def _members(body: bytes) -> Iterator[tuple[str, Span]]:
    """Key and place of value for each member of the outermost object, in order."""
    position = _after(_BLANK, body, 0)
    if body[position : position + 1] != b"{":
        raise _NotJson
    position = _after(_OPEN, body, position)
    if body[position : position + 1] == b"}":
        _expect_end(body, position + 1)
        return
    while True:
        key = _KEY.match(body, position)
        if key is None:
            raise _NotJson
        end = _skip_value(body, key.end())
        yield json.loads(key[1]), Span(key.end(), end)
        position, mark = _separator(body, end)
        if mark != _COMMA:
            if mark != _CLOSING[_BRACE]:
                raise _NotJson
            _expect_end(body, position)
            return


def _skip_value(body: bytes, position: int) -> int:
    """Where the value that begins at ``position`` ends; raises _NotJson where none does."""
    open_brackets = bytearray()
    while True:
        whole = _WHOLE.match(body, position)
        if whole is not None:
            position = whole.end()
        else:
            opened = _OPEN.match(body, position)
            if opened is None:
                raise _NotJson
            bracket = body[position]
            position = opened.end()
            if body[position : position + 1] == bytes((_CLOSING[bracket],)):
                position += 1
            else:
                open_brackets.append(bracket)
                position = _enter(body, position, bracket)
                continue
        while open_brackets:
            after, mark = _separator(body, position)
            if mark == _COMMA:
                position = _enter(body, after, open_brackets[-1])
                break
            if mark != _CLOSING[open_brackets.pop()]:
                raise _NotJson
            position = after
        else:
            return position


def _enter(body: bytes, position: int, bracket: int) -> int:
    """Where the next value begins: past the key within an object, here within an array."""
    return _after(_KEY, body, position) if bracket == _BRACE else position


def _separator(body: bytes, position: int) -> tuple[int, int]:
    match = _NEXT.match(body, position)
    if match is None:
        raise _NotJson
    return match.end(), match[1][0]


def _after(pattern: re.Pattern[bytes], body: bytes, position: int) -> int:
    match = pattern.match(body, position)
    if match is None:
        raise _NotJson
    return match.end()


def _expect_end(body: bytes, position: int) -> None:
    if body[position:].strip(b" \t\n\r"):
        raise _NotJson

"""Reads and replaces the top-level ``model`` of a JSON object in its bytes, touching no other byte.

Parsing and writing again would change what the client sent: 1e-7, big integers, escapes, the order
of keys and keys written twice do not survive it. So the grammar of RFC 8259 is walked here, in one
pass with a stack of its own, building nothing. Like the parsers of Python, JavaScript and Go, the
last of several equal keys wins; and as Python writes them, NaN and the infinities count as numbers.

Most of a body is passed over by one expression for whole values and runs of them. It looks no
further than a window at a time, because a match gives no other thread a turn before it ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

MAX_DEPTH = 512
"""How deep brackets may nest: PHP's json_decode takes as much unless told otherwise. A value that
is passed over as a whole may add two."""

_WINDOW = 65_536
"""Bytes that one match may look at: well under a millisecond of work."""

_PLAIN_BYTES = 8192
"""Bytes up to which building a body's objects is cheaper than walking past them."""

_REPEATS = 64
"""How often a key that is looked for may be written; a body that goes on is not read further."""

_SPACE = rb"[ \t\n\r]*+"
_ESCAPE = rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
_STRING = rb'"(?:[^"\\\x00-\x1f]++|%s)*+"' % _ESCAPE
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
_SCALAR = rb"(?:%s|true|false|null|%s|NaN|-?Infinity)" % (_STRING, _NUMBER)
_COLON = _SPACE + b":" + _SPACE


def _holding(value: bytes) -> bytes:
    """The expression for a scalar, or an array or object whose values are all ``value``."""
    rest = _SPACE + rb"(?:,%s(?!%%b)|(?=%%b))" % _SPACE
    array = rb"\[%b(?:%b%b)*+\]" % (_SPACE, value, rest % (rb"\]", rb"\]"))
    named = _STRING + _COLON + value
    members = rb"\{%b(?:%b%b)*+\}" % (_SPACE, named, rest % (rb"\}", rb"\}"))
    return rb"(?:%b|%b|%b)" % (_SCALAR, array, members)


_VALUE = _holding(_holding(_SCALAR))
"""A value at most two brackets deep, such as a message of a chat."""

_KEY = re.compile(_SPACE + rb"(%s)" % _STRING + _COLON)
_WHOLE = re.compile(_VALUE)
_NUMBER_OR_WORD = re.compile(rb"(?:true|false|null|%s|NaN|-?Infinity)" % _NUMBER)
_RUNS = {
    0x5B: re.compile(rb"(?:%b%b,%b)*+" % (_VALUE, _SPACE, _SPACE)),
    0x7B: re.compile(rb"(?:%b%b%b%b,%b)*+" % (_STRING, _COLON, _VALUE, _SPACE, _SPACE)),
}
"""By opening bracket: items, or members, each with the comma behind it."""
_OTHER_KEY = rb'"(?!model")[^"\\\x00-\x1f]*+"'
_OTHERS = re.compile(rb"(?:%b%b%b%b,%b)*+" % (_OTHER_KEY, _COLON, _VALUE, _SPACE, _SPACE))
"""Members whose key, written without escapes, is not the one that is looked for."""
_TEXT = re.compile(rb'(?:[^"\\\x00-\x1f]++|%s)*+' % _ESCAPE)
_BLANK = re.compile(_SPACE)
_OPEN = re.compile(rb"[\[{]" + _SPACE)
_NEXT = re.compile(_SPACE + rb"([,\]}])" + _SPACE)

_MODEL_KEY = b'"model"'
_PLAIN_MODEL = re.compile(rb'"model"[ \t\n\r]*+:[ \t\n\r]*+"([^"\\\x00-\x1f]*+)"')

_CLOSING = {0x7B: 0x7D, 0x5B: 0x5D}
_COMMA = 0x2C
_BRACE = 0x7B
_QUOTE = 0x22


class _NotJson(Exception):
    """The bytes are not one JSON object."""


class TooDeep(Exception):
    """The brackets of a body nest deeper than MAX_DEPTH."""


@dataclass(slots=True)
class Span:
    """The bytes from ``start`` up to ``end``, that one excluded."""

    start: int
    end: int


@dataclass(slots=True)
class Fields:
    """What routing needs of a request body.

    ``model`` is None where the object has none or it is not a string; ``models_at`` is where each
    value of that key stands, quotes included, the one that counts last. ``ambiguous`` is true where
    two of them differ.
    """

    model: str | None
    models_at: tuple[Span, ...]
    ambiguous: bool = False


def read_fields(body: bytes) -> Fields | None:
    """The fields of a JSON object in UTF-8, None where the bytes are anything else; or TooDeep."""
    plain = _plainly(body) if len(body) <= _PLAIN_BYTES else None
    return plain or _walked(body)


def _plainly(body: bytes) -> Fields | None:
    """The fields of a small body that has no pitfalls, None where it must be walked.

    Where the key stands once, and no escape can spell it another way, a parser that builds the
    whole object finds the same value at that one place.
    """
    if body.count(_MODEL_KEY) != 1 or b"\\u" in body or _nested(body) > MAX_DEPTH:
        return None
    named = _PLAIN_MODEL.search(body)
    if named is None:
        return None
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    model = tree.get("model") if isinstance(tree, dict) else None
    if not isinstance(model, str) or named[1] != model.encode():
        return None
    return Fields(model, (Span(named.start(1) - 1, named.end(1) + 1),))


def _nested(body: bytes) -> int:
    """At least as much as the depth that the brackets of a body can have."""
    size = len(body)
    return size if size <= MAX_DEPTH else body.count(b"[") + body.count(b"{")


def _walked(body: bytes) -> Fields | None:
    places: list[Span] = []
    try:
        body.decode("utf-8")
        for key, span in _members(body):
            if key == "model":
                places.append(span)
                if len(places) > _REPEATS:
                    return None
    except (UnicodeDecodeError, _NotJson):
        return None
    models = [_string(body, at) for at in places]
    return Fields(
        model=models[-1] if models else None,
        models_at=tuple(places),
        ambiguous=len(set(models)) > 1,
    )


def _string(body: bytes, at: Span) -> str | None:
    """The string that stands there, None where something else does."""
    if body[at.start] != _QUOTE:
        return None
    text: str = json.loads(body[at.start : at.end])
    return text


def replace_model(body: bytes, fields: Fields, model: str) -> bytes:
    """The body with another model wherever it names one; unchanged where it names none.

    A key that is written twice is replaced twice: the upstream may be one whose first key wins.
    """
    if fields.model is None or (fields.model == model and not fields.ambiguous):
        return body
    written = json.dumps(model).encode()
    parts, position = [], 0
    for at in fields.models_at:
        parts += [body[position : at.start], written]
        position = at.end
    return b"".join([*parts, body[position:]])


def insert_model(body: bytes, model: str) -> bytes:
    """The body of an object that names no model, naming one first of all."""
    start = body.index(b"{") + 1
    rest = body[start:].lstrip(b" \t\r\n")
    comma = b"" if rest.startswith(b"}") else b","
    return b'%b"model":%b%b%b' % (body[:start], json.dumps(model).encode(), comma, body[start:])


def _members(body: bytes) -> Iterator[tuple[str, Span]]:
    """Key and place of value for members of the outermost object, in order; some that cannot be
    wanted are left out."""
    position = _after(_BLANK, body, 0)
    if body[position : position + 1] != b"{":
        raise _NotJson
    position = _after(_OPEN, body, position)
    if body[position : position + 1] == b"}":
        _expect_end(body, position + 1)
        return
    while True:
        position = _pass_over(_OTHERS, body, position)
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
        end = _whole(body, position)
        if end is None:
            bracket = body[position]
            position = _after(_OPEN, body, position)
            if body[position : position + 1] != bytes((_CLOSING[bracket],)):
                if len(open_brackets) >= MAX_DEPTH - 1:
                    raise TooDeep
                open_brackets.append(bracket)
                position = _pass_over(_RUNS[bracket], body, position)
                position = _named(body, position, bracket)
                continue
            end = position + 1
        position = end
        while open_brackets:
            after, mark = _separator(body, position)
            if mark == _COMMA:
                position = _pass_over(_RUNS[open_brackets[-1]], body, after)
                position = _named(body, position, open_brackets[-1])
                break
            if mark != _CLOSING[open_brackets.pop()]:
                raise _NotJson
            position = after
        else:
            return position


def _whole(body: bytes, position: int) -> int | None:
    """Where the value at ``position`` ends, None where it must be entered; or raises _NotJson."""
    whole = _WHOLE.match(body, position, position + _WINDOW)
    # What reaches the window's end may go on behind it; only a closed value surely does not.
    if whole and (whole.end() < position + _WINDOW or body[whole.end() - 1] in b'"]}'):
        return whole.end()
    first = body[position : position + 1]
    if first == b'"':
        return _long_string(body, position)
    return None if first in (b"[", b"{") else _after(_NUMBER_OR_WORD, body, position)


def _long_string(body: bytes, position: int) -> int:
    """Where a string ends that is longer than a window."""
    position += 1
    while True:
        end = _after(_TEXT, body, position, position + _WINDOW)
        if body[end : end + 1] == b'"':
            return end + 1
        if end == position:
            raise _NotJson
        position = end


def _named(body: bytes, position: int, bracket: int) -> int:
    """Where the next value begins: past the key within an object, here within an array."""
    return _after(_KEY, body, position) if bracket == _BRACE else position


def _pass_over(run: re.Pattern[bytes], body: bytes, position: int) -> int:
    """Where the first member begins that is no part of a run: too long, too deep, or the last."""
    while (end := _after(run, body, position, position + _WINDOW)) > position:
        position = end
    return position


def _separator(body: bytes, position: int) -> tuple[int, int]:
    match = _NEXT.match(body, position)
    if match is None:
        raise _NotJson
    return match.end(), match[1][0]


def _after(
    pattern: re.Pattern[bytes], body: bytes, position: int, window_end: int | None = None
) -> int:
    """Where what the pattern matches ends; raises _NotJson where it does not match."""
    match = pattern.match(body, position, len(body) if window_end is None else window_end)
    if match is None:
        raise _NotJson
    return match.end()


def _expect_end(body: bytes, position: int) -> None:
    if body[position:].strip(b" \t\n\r"):
        raise _NotJson

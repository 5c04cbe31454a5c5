"""JSON documents of unknown make, asked without trusting their shape."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from classifiers.wire.text import mend

Document = dict[str, Any]

_MOST_TOKENS = 2**53
"""Counts above this are nonsense and would overflow a database's integer."""


class NotJson(ValueError):
    """A body that no JSON parser accepts."""


def parse(body: bytes) -> Any:
    """The JSON value; raises NotJson. What orjson refuses (lone surrogates, NaN) is tried again."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as problem:
        raise NotJson("not JSON") from problem


def parse_object(body: bytes) -> Document:
    """The JSON object, or an empty one where the body is anything else."""
    try:
        return as_object(parse(body))
    except NotJson:
        return {}


def as_object(value: Any) -> Document:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value where it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """The value where it is a string, else an empty one; halves of surrogate pairs stay."""
    return value if isinstance(value, str) else ""


def as_count(value: Any) -> int | None:
    """The value where it is a plausible count of tokens, else None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < _MOST_TOKENS else None


def recover_string(body: bytes, key: str) -> str | None:
    """The opening of the first string under ``key`` in a document that stops in the middle.

    None where no such string begins. One pass; an escape or a character cut in half is dropped.
    """
    begin = re.compile(rb'"' + re.escape(key.encode()) + rb'"\s*+:\s*+"').search(body)
    if begin is None:
        return None
    literal = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL).match(body, begin.end())
    raw = b"" if literal is None else literal.group()
    text = raw.decode("utf-8", "ignore")
    for dropped in range(7):
        try:
            value = json.loads(f'"{text[: len(text) - dropped]}"', strict=False)
        except ValueError:
            continue
        return mend(value) if isinstance(value, str) else None
    return None

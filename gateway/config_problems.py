"""What validation found wrong, in words that name the key, its value and the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from gateway.config_tree import Settings

_SECRET_KEYS = frozenset({"key", "api_key", "admin_token", "url"})
_SHOWN = 60
"""How much of a wrong value is quoted."""

_WORDS = {
    "missing": "is missing; add it",
    "int_type": "is not a whole number",
    "float_type": "is not a number",
    "string_type": "is not a string; put it in quotes",
    "bool_type": "is neither true nor false",
    "tuple_type": "is not a list; write it as [...]",
    "dict_type": "is not a mapping",
    "model_type": "is not a mapping",
    "string_too_short": "is empty; write something",
    "string_pattern_mismatch": (
        "is not a name: letters, digits, '.', '_' and '-', at most 63, a letter or digit first"
    ),
    "greater_than_equal": "is too small; the least is {ge:g}",
    "greater_than": "is too small; it must be above {gt:g}",
    "less_than_equal": "is too large; the most is {le:g}",
    "finite_number": "is not a finite number",
    "enum": "is not one of {expected}",
    "too_short": "is empty; it needs at least {min_length}",
}
"""pydantic's error types in our words; the value that stands before them is added where it may."""


def problem_lines(errors: Sequence[ErrorDetails]) -> list[str]:
    """One line per error, none for an error that only follows from another one below it."""
    places = [tuple(error["loc"]) for error in errors]
    return [
        _line(error)
        for error in errors
        if not (error["type"] == "too_short" and _has_deeper(tuple(error["loc"]), places))
    ]


def _has_deeper(place: tuple[int | str, ...], places: Sequence[tuple[int | str, ...]]) -> bool:
    return any(len(other) > len(place) and other[: len(place)] == place for other in places)


def _line(error: ErrorDetails) -> str:
    place = tuple(error["loc"])
    if error["type"] == "invalid_key":
        return f"{_path(place[:-1])}: the key {place[-1]} is not a string; put it in quotes"
    return f"{_path(place)}: {_said(error, place)}"


def _path(place: Sequence[int | str]) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "the configuration"


def _said(error: ErrorDetails, place: tuple[int | str, ...]) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "extra_forbidden":
        return _unknown_key(place)
    if kind == "value_error":
        return str(context["error"])
    words = _WORDS.get(kind, error["msg"])
    if kind == "enum":
        return _quoted(error["input"], place) + _not_one_of(error["input"], context["expected"])
    if kind in ("missing", "too_short", "string_too_short"):
        return words.format(**context)
    return _quoted(error["input"], place) + words.format(**context)


def _quoted(value: Any, place: tuple[int | str, ...]) -> str:
    """The value as the message shows it; a secret is shown nowhere."""
    if place and place[-1] in _SECRET_KEYS:
        return "its value "
    text = repr(value)
    return f"{text if len(text) <= _SHOWN else text[: _SHOWN - 3] + '...'} "


def _not_one_of(value: Any, expected: str) -> str:
    choices = [choice.strip("' ") for part in expected.split(",") for choice in part.split(" or ")]
    close = get_close_matches(str(value), choices, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"choose one of: {', '.join(choices)}"
    return f"is not known here; {remedy}"


def _unknown_key(place: tuple[int | str, ...]) -> str:
    known = list(_branch_at(place[:-1]).model_fields)
    close = get_close_matches(str(place[-1]), known, n=1)
    if close:
        return f"unknown key; did you mean {close[0]}?"
    return f"unknown key; known here are: {', '.join(known)}"


def _branch_at(place: Sequence[int | str]) -> type[BaseModel]:
    """The class of the mapping that stands at a place of the tree."""
    branch: type[BaseModel] = Settings
    for step in place:
        field = branch.model_fields.get(str(step))
        if field is not None:
            branch = next(_branches(field.annotation), branch)
    return branch


def _branches(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _branches(inner)

"""What a caller may ask to go wrong or to be forced: the header ``x-fake``, read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from classifiers.verdict import Label


class Signal(StrEnum):
    """A refusal said outside the text, by its name on the wire."""

    MESSAGE_REFUSAL = "message.refusal"
    """``message.refusal`` holds the words, ``content`` is null."""
    CONTENT_FILTER = "content_filter"
    """``finish_reason`` is ``content_filter`` and there is no text."""
    REFUSAL_AFTER_TEXT = "refusal_after_text"
    """Some text, then ``refusal``."""
    FILTER_AFTER_TEXT = "filter_after_text"
    """Some text, then ``finish_reason`` ``content_filter``."""
    PROMPT_FILTER = "prompt_filter"
    """Status 400 with ``error.code`` ``content_filter``, as Azure OpenAI answers a prompt."""


class FaultProblem(ValueError):
    """An ``x-fake`` that cannot be read; the message names the part and the remedy."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What is asked of one call; the default asks for nothing.

    Delays are in seconds. ``drop_after`` and ``error_event`` count events of a stream; in a JSON
    reply ``drop_after`` breaks off half-way. ``slice`` is the bytes sent at a time. ``times``
    limits the faults to the first so many calls with the same prompt.
    """

    status: int | None = None
    retry_after: str = ""
    drop: bool = False
    reset: bool = False
    drop_after: int | None = None
    error_event: int | None = None
    not_json: bool = False
    half_json: bool = False
    html: bool = False
    empty: bool = False
    no_body: bool = False
    no_done: bool = False
    tool_call: bool = False
    echo: bool = False
    gzip: bool = False
    delay: float = 0.0
    token_delay: float = 0.0
    slice: int = 0
    native: Signal | None = None
    label: Label | None = None
    times: int | None = None

    @property
    def spoils(self) -> str:
        """The name of the fault that leaves no answer to measure; empty when there is none."""
        if self.status is not None:
            return f"status={self.status}"
        names = ("drop", "reset", "not_json", "half_json", "html", "empty", "no_body", "tool_call")
        found = next((name for name in names if getattr(self, name)), "")
        for name in ("drop_after", "error_event"):
            if not found and getattr(self, name) is not None:
                found = name
        return found.replace("_", "-")


def _label(text: str) -> Label:
    label = Label(text)
    if label is Label.UNDECIDED:
        raise ValueError("undecided is what a classifier says, not what a reply does")
    return label


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("not a whole number")
    return int(text)


def _status(text: str) -> int:
    status = _natural(text)
    if not 400 <= status <= 599:
        raise ValueError("not an error status (400 to 599)")
    return status


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise ValueError("not between 0 and 3600 seconds")
    return seconds


_VALUES: dict[str, Callable[[str], Any]] = {
    "status": _status,
    "retry-after": str,
    "drop-after": _natural,
    "error-event": _natural,
    "delay": _seconds,
    "token-delay": _seconds,
    "slice": _natural,
    "native": Signal,
    "label": _label,
    "times": _natural,
}
_FLAGS = (
    "drop",
    "reset",
    "not-json",
    "half-json",
    "html",
    "empty",
    "no-body",
    "no-done",
    "tool-call",
    "echo",
    "gzip",
)


def read_faults(header: str) -> Faults:
    """The faults that ``x-fake`` asks for, such as ``status=503;retry-after=1``.

    Raises FaultProblem, naming the part, on one that is not known or has no readable value.
    """
    asked: dict[str, Any] = {}
    for part in filter(None, (piece.strip() for piece in header.split(";"))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        field = name.replace("-", "_")
        if name in _FLAGS and not equals:
            asked[field] = True
        elif name in _VALUES and equals:
            try:
                asked[field] = _VALUES[name](value)
            except ValueError as problem:
                raise FaultProblem(f"x-fake: {name}={value!r} is no good: {problem}") from problem
        else:
            known = ", ".join((*_FLAGS, *(f"{key}=..." for key in _VALUES)))
            raise FaultProblem(f"x-fake: {part!r} is not known; known are {known}")
    return Faults(**asked)

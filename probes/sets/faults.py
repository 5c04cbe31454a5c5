"""Rows that cannot be cases: named by line, counted, and survived where they are few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from probes.sets.problem import SetProblem

LINES_NAMED = 5
"""How many line numbers a note spells out before it only counts."""

ROWS_TO_ONE_FAULT = 100
"""One unreadable row in a hundred is left out and named; more are a broken or misread file."""


class FaultKind(Enum):
    """What is wrong with a row, as said of one and of several.

    The first two cost nothing, so any number of them is left out; the others count against
    ``ROWS_TO_ONE_FAULT``.
    """

    EMPTY = ("with an empty prompt", "with an empty prompt")
    REPEATED = ("that repeats an earlier prompt", "that repeat an earlier prompt")
    ENCODING = ("that is not UTF-8", "that are not UTF-8")
    NUL = ("that holds a NUL character", "that hold a NUL character")
    RAGGED = ("with another number of fields", "with another number of fields")
    NOT_JSON = ("that is no JSON object", "that are no JSON objects")
    NO_PROMPT = ("without a prompt column", "without a prompt column")
    NOT_TEXT = ("with a field that is no text", "with a field that is no text")
    EXPECTATION = ("with an unknown expectation", "with an unknown expectation")
    ID_TAKEN = ("with the id of an earlier row", "with the id of an earlier row")
    CONTRADICTION = (
        "that repeats a prompt with another expectation",
        "that repeat a prompt with another expectation",
    )

    @property
    def harmless(self) -> bool:
        """Whether any number of such rows may be left out."""
        return self in (FaultKind.EMPTY, FaultKind.REPEATED)


@dataclass(frozen=True, slots=True)
class Fault:
    """One row that is left out: the line where it ends, and what is said where it is fatal."""

    kind: FaultKind
    line: int
    said: str = ""


def survived(faults: Sequence[Fault], *, rows: int, shown: str, strict: bool) -> tuple[str, ...]:
    """A note for each kind of row that was left out.

    Raises SetProblem, with the first fault in its own words, where there are more than one in
    ``ROWS_TO_ONE_FAULT``, or any at all where ``strict``.
    """
    grave = [fault for fault in faults if not fault.kind.harmless]
    if grave and (strict or len(grave) * ROWS_TO_ONE_FAULT > rows):
        more = f" (and {len(grave) - 1:,} more rows of {rows:,})" if len(grave) > 1 else ""
        raise SetProblem(f"{shown}: {grave[0].said}{more}")
    notes = []
    for kind in FaultKind:
        lines = [fault.line for fault in faults if fault.kind is kind]
        if lines:
            fault = kind.value[len(lines) > 1]
            notes.append(f"{shown}: left out {counted(len(lines), 'row')} {fault} {named(lines)}")
    return tuple(notes)


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 row, 2,000 rows."""
    return f"{number:,} {noun}" + "s" * (number != 1)


def named(lines: Iterable[int]) -> str:
    """The first lines by number, the others by count: (lines 2, 3 and 7 more)."""
    numbers = list(lines)
    first = ", ".join(str(line) for line in numbers[:LINES_NAMED])
    more = f" and {len(numbers) - LINES_NAMED:,} more" if len(numbers) > LINES_NAMED else ""
    return f"(line{'s' * (len(numbers) > 1)} {first}{more})"

"""Anyone's own set: a CSV or JSONL file with a ``prompt`` column becomes cases."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from probes.case import Expectation, ProbeCase
from probes.sets.problem import SetProblem
from probes.sets.rows import Row, read_rows

UNCATEGORISED = "uncategorised"
"""The category of a case whose row names none."""

LINES_NAMED = 5
"""How many line numbers a note spells out before it only counts."""


@dataclass(frozen=True, slots=True)
class SetFile:
    """A file, read: its cases in order, its sha256, and a line for each kind of row left out."""

    cases: tuple[ProbeCase, ...]
    checksum: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a set with what is needed to read them.

    ``shown`` is the file's name in messages; ``suffix`` is ``.csv`` or ``.jsonl``; ``expectation``
    holds for the rows that state none.
    """

    raw: bytes
    shown: str
    suffix: str
    expectation: Expectation = Expectation.COMPLY

    @property
    def checksum(self) -> str:
        """The sha256 of the bytes, in hex."""
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(frozen=True, slots=True)
class Placed:
    """A case and the line of the file that it came from."""

    case: ProbeCase
    line: int


def read_set(source: Source, name: str) -> SetFile:
    """The file's cases, as cases of the set ``name``.

    A row without an id is called after its place among the rows ("0001" is the first), so that ids
    stay while the file stays. Left out, and noted: rows with an empty prompt, and rows that repeat
    the prompt, cluster and facet of an earlier one (a prompt asked twice is not two observations).
    Raises SetProblem, naming the line, on an unknown expectation, an id used twice, a prompt that
    is expected to be answered and refused at once, and a file without any prompt.
    """
    rows = list(enumerate(read_rows(source.raw, shown=source.shown, suffix=source.suffix), start=1))
    empty = [row.line for _, row in rows if not row.fields["prompt"].strip()]
    placed = [
        Placed(_case(row, place, name, source), row.line)
        for place, row in rows
        if row.fields["prompt"].strip()
    ]
    if not placed:
        raise SetProblem(f"{source.shown}: holds no prompts; add at least one row")
    _check_ids(placed, source.shown)
    cases, repeated = _distinct(placed, source.shown)
    notes = (
        *_note(source.shown, empty, "with an empty prompt"),
        *_note(source.shown, repeated, "that repeat an earlier prompt"),
    )
    return SetFile(cases, source.checksum, notes)


def _case(row: Row, place: int, name: str, source: Source) -> ProbeCase:
    stated = row.fields["expectation"].strip().lower()
    try:
        expectation = Expectation(stated) if stated else source.expectation
    except ValueError as problem:
        raise SetProblem(
            f"{source.shown}: line {row.line} has the expectation {stated!r}; "
            "write comply or refuse"
        ) from problem
    return ProbeCase(
        id=row.fields["id"].strip() or f"{place:04d}",
        set=name,
        prompt=row.fields["prompt"],
        category=row.fields["category"].strip() or UNCATEGORISED,
        expectation=expectation,
        cluster=row.fields["cluster"].strip(),
        facet=row.fields["facet"].strip(),
    )


def _check_ids(placed: list[Placed], shown: str) -> None:
    lines: dict[str, int] = {}
    for one in placed:
        first = lines.setdefault(one.case.id, one.line)
        if first != one.line:
            raise SetProblem(
                f"{shown}: line {one.line} has the id {one.case.id!r} of line {first}; "
                "give each row its own"
            )


def _distinct(placed: list[Placed], shown: str) -> tuple[tuple[ProbeCase, ...], list[int]]:
    """The cases without repetitions, and the lines of those that were left out."""
    first: dict[tuple[str, str, str], Placed] = {}
    repeated: list[int] = []
    for one in placed:
        key = (one.case.prompt.strip(), one.case.cluster, one.case.facet)
        earlier = first.setdefault(key, one)
        if earlier is one:
            continue
        if earlier.case.expectation is not one.case.expectation:
            raise SetProblem(
                f"{shown}: line {one.line} has the prompt of line {earlier.line} but another "
                "expectation; keep one of the two"
            )
        repeated.append(one.line)
    return tuple(one.case for one in first.values()), repeated


def _note(shown: str, lines: list[int], fault: str) -> tuple[str, ...]:
    if not lines:
        return ()
    named = ", ".join(str(line) for line in lines[:LINES_NAMED])
    more = f" and {len(lines) - LINES_NAMED} more" if len(lines) > LINES_NAMED else ""
    rows = "row" if len(lines) == 1 else "rows"
    fault = fault.replace("repeat ", "repeats ") if len(lines) == 1 else fault
    return (f"{shown}: left out {len(lines)} {rows} {fault} (line {named}{more})",)

"""A CSV or JSONL file as numbered rows of text, and what is wrong with the rows that are none."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from probes.sets.faults import Fault, FaultKind
from probes.sets.layout import COLUMNS, NEEDED, OPTIONAL, Layout
from probes.sets.problem import SetProblem
from probes.sets.text import Text, text_of

SUFFIXES = (".csv", ".jsonl")
FIELD_LIMIT = 16 * 1024 * 1024
"""Characters in one field: far above any context window; what is longer is a lost quote."""

_OTHER_MARKS = (("\t", "tabs"), (";", "semicolons"))


class Row(NamedTuple):
    """The known columns of one row, as text ("" where absent), and the line where it ends."""

    line: int
    prompt: str
    category: str = ""
    expectation: str = ""
    id: str = ""
    cluster: str = ""
    facet: str = ""


def read_rows(
    raw: bytes, *, shown: str, suffix: str, layout: Layout | None = None
) -> Iterator[Row | Fault]:
    """Each row of the file, in order; blank lines are passed over, unknown columns left out.

    ``shown`` is the file's name in messages, ``suffix`` says how to read it. Column names are
    matched without regard to case and surrounding space. A row that cannot be read comes out as a
    Fault with its line. Raises SetProblem, naming the line, where the rest of the file cannot be
    read either: no such columns, an unclosed quote, no text.
    """
    if suffix not in SUFFIXES:
        hint = "; save its columns with commas" if suffix in (".tsv", ".tab") else ""
        raise SetProblem(f"{shown}: a probe set is read from .csv or .jsonl, not {suffix!r}{hint}")
    text = text_of(raw, shown)
    read = _csv_rows if suffix == ".csv" else _jsonl_rows
    yield from read(text, shown, layout or Layout())


def _csv_rows(text: Text, shown: str, layout: Layout) -> Iterator[Row | Fault]:
    # The limit belongs to the process and its default, 131,072, is below the longest prompts; it
    # is only ever raised, so two readers at once cannot take it from each other.
    if csv.field_size_limit() < FIELD_LIMIT:
        csv.field_size_limit(FIELD_LIMIT)
    # strict: an unclosed quote at the end of the file is an error, not a very long prompt.
    reader = csv.reader(text.lines(newline=""), strict=True)
    doubtful = text.faulty or text.nul
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        _check_columns(columns, shown, layout)
        known, width = _known(columns, layout), len(columns)
        for values in reader:
            if len(values) == width:
                fault = _unsound(text, values, reader.line_num) if doubtful else None
                values.append("")
                yield fault or Row(reader.line_num, *known(values))
            elif values:
                yield _ragged(reader.line_num, len(values), width)
    except csv.Error as problem:
        line = reader.line_num
        raise SetProblem(f"{shown}: line {line} is not well-formed CSV ({problem})") from problem


def _known(columns: Sequence[str], layout: Layout) -> itemgetter[Any]:
    """Picks our columns from a row that ends with one "" more, which stands for the absent."""
    theirs = [layout.column(ours) for ours in COLUMNS]
    return itemgetter(
        *(columns.index(name) if name in columns else len(columns) for name in theirs)
    )


def _ragged(line: int, found: int, width: int) -> Fault:
    remedy = (
        "put quotes around a text that contains a comma"
        if found > width
        else "leave no field out, an empty one keeps its comma"
    )
    said = f"line {line} has {found} fields, the header has {width}; {remedy}"
    return Fault(FaultKind.RAGGED, line, said)


def _unsound(text: Text, values: Sequence[str], line: int) -> Fault | None:
    """The fault of a row whose bytes are not of the encoding, or that holds a NUL."""
    if not all(text.sound(value) for value in values):
        said = f"line {line} is not UTF-8 (it may be Windows-1252); save the file as UTF-8"
        return Fault(FaultKind.ENCODING, line, said)
    if any("\0" in value for value in values):
        return Fault(FaultKind.NUL, line, f"line {line} holds a NUL character; take it out")
    return None


def _check_columns(columns: Sequence[str], shown: str, layout: Layout) -> None:
    """Raises SetProblem where a column that is needed is missing or twice there."""
    for ours in COLUMNS:
        theirs = layout.column(ours)
        if theirs not in columns and (ours == NEEDED or theirs != ours):
            raise SetProblem(f"{shown}: {_missing(theirs, columns)}")
        if columns.count(theirs) > 1:
            raise SetProblem(f"{shown}: the column {theirs!r} is there twice; keep one")


def _missing(theirs: str, columns: Sequence[str]) -> str:
    found = ", ".join(name or "(no name)" for name in columns) or "none"
    mark = next((name for mark, name in _OTHER_MARKS if columns and mark in columns[0]), "")
    hint = (
        f"the columns are separated by {mark}: save them with commas"
        if mark
        else "say which one is meant when you pull the set: --column prompt=NAME"
    )
    # A byte that is not of the encoding stands here as half a surrogate, which cannot be printed.
    found = " ".join(found.encode(errors="replace").decode().split())[:200]
    return (
        f"there is no column {theirs!r}; columns found: {found}; "
        f"needed: {NEEDED}; optional: {', '.join(OPTIONAL)}; {hint}"
    )


def _jsonl_rows(text: Text, shown: str, layout: Layout) -> Iterator[Row | Fault]:
    theirs = [layout.column(ours) for ours in COLUMNS]
    # A text file ends its lines at \n; U+2028 and its kin may stand inside a JSON string.
    for line, content in enumerate(text.lines(newline="\n"), start=1):
        if content.strip():
            yield _jsonl_row(text, content, line, theirs)


def _jsonl_row(text: Text, content: str, line: int, theirs: Sequence[str]) -> Row | Fault:
    fault = _unsound(text, [content], line) if text.faulty or text.nul else None
    if fault is not None:
        return fault
    try:
        loaded = json.loads(content)
    except (ValueError, RecursionError):
        return Fault(FaultKind.NOT_JSON, line, f"line {line} is not JSON; write one object a line")
    if not isinstance(loaded, dict):
        said = f"line {line} is not a JSON object with a {theirs[0]!r}"
        return Fault(FaultKind.NOT_JSON, line, said)
    values = {name.strip().lower(): value for name, value in loaded.items()}
    if theirs[0] not in values:
        return Fault(FaultKind.NO_PROMPT, line, f"line {line}: {_missing(theirs[0], list(values))}")
    fields = []
    for ours, name in zip(COLUMNS, theirs, strict=True):
        value = values.get(name)
        if not isinstance(value, str):
            value = _text(value, ours)
        if value is None or "\0" in value or (not value.isascii() and _half(value)):
            return _no_text(values[name], name, line)
        fields.append(value)
    return Row(line, *fields)


def _text(value: Any, ours: str) -> str | None:
    """A JSON value as text: null is "", a number stands for itself except as a prompt."""
    if value is None:
        return ""
    number = isinstance(value, int | float) and not isinstance(value, bool) and ours != NEEDED
    return str(value) if number else None


def _half(text: str) -> bool:
    """Whether half a surrogate pair stands in the text, which no encoding can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _no_text(value: Any, name: str, line: int) -> Fault:
    if not isinstance(value, str):
        kind = type(value).__name__
        said = f"line {line} has a {name} of type {kind}; write a text"
        return Fault(FaultKind.NOT_TEXT, line, said)
    if "\0" in value:
        said = f"line {line} holds a NUL character in {name}; take it out"
        return Fault(FaultKind.NUL, line, said)
    said = f"line {line} has half a surrogate pair in {name}; write the character whole"
    return Fault(FaultKind.NOT_TEXT, line, said)

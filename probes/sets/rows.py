"""A CSV or JSONL file as numbered rows of text, or one line that says what is wrong with it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from probes.sets.problem import SetProblem

SUFFIXES = (".csv", ".jsonl")
NEEDED = "prompt"
_OTHER_MARKS = (("\t", "tabs"), (";", "semicolons"))
OPTIONAL = ("category", "expectation", "id", "cluster", "facet")


@dataclass(frozen=True, slots=True)
class Row:
    """The known columns of one row, as text ("" where absent), and the line where it ends."""

    line: int
    fields: dict[str, str]


def read_rows(raw: bytes, *, shown: str, suffix: str) -> Iterator[Row]:
    """Each row of the file, in order; blank lines are passed over, unknown columns left out.

    ``shown`` is the file's name in messages, ``suffix`` says how to read it. Column names are
    matched without regard to case and surrounding space. Raises SetProblem, naming the line, on
    anything that is not a well-formed UTF-8 file with a ``prompt`` column.
    """
    if suffix not in SUFFIXES:
        hint = "; save its columns with commas" if suffix in (".tsv", ".tab") else ""
        raise SetProblem(f"{shown}: a probe set is read from .csv or .jsonl, not {suffix!r}{hint}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise SetProblem(f"{shown}: line {line} is not UTF-8; save the file as UTF-8") from problem
    if suffix == ".csv":
        yield from _csv_rows(text, shown)
    else:
        yield from _jsonl_rows(text, shown)


def _csv_rows(text: str, shown: str) -> Iterator[Row]:
    # strict: an unclosed quote at the end of the file is an error, not a very long prompt.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        _check_columns(columns, shown)
        for values in reader:
            if not values:
                continue
            if len(values) != len(columns):
                raise SetProblem(
                    f"{shown}: line {reader.line_num} has {len(values)} fields, the header has "
                    f"{len(columns)}; put quotes around a text that contains a comma"
                )
            yield Row(reader.line_num, _known(dict(zip(columns, values, strict=True))))
    except csv.Error as problem:
        line = reader.line_num
        raise SetProblem(f"{shown}: line {line} is not well-formed CSV ({problem})") from problem


def _check_columns(columns: list[str], shown: str) -> None:
    found = ", ".join(name or "(no name)" for name in columns) or "none"
    if NEEDED not in columns:
        other = (
            next((name for mark, name in _OTHER_MARKS if mark in columns[0]), "") if columns else ""
        )
        hint = f"; the columns are separated by {other}: save them with commas" if other else ""
        found = " ".join(found.split())
        raise SetProblem(
            f"{shown}: there is no column 'prompt'; columns found: {found}; "
            f"needed: prompt; optional: {', '.join(OPTIONAL)}{hint}"
        )
    twice = [name for name in (NEEDED, *OPTIONAL) if columns.count(name) > 1]
    if twice:
        raise SetProblem(f"{shown}: the column {twice[0]!r} is there twice; keep one")


def _jsonl_rows(text: str, shown: str) -> Iterator[Row]:
    # Not splitlines(): U+2028 and its kin may stand inside a JSON string.
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            loaded = json.loads(content)
        except (ValueError, RecursionError) as problem:
            raise SetProblem(f"{shown}: line {line} is not JSON") from problem
        if not isinstance(loaded, dict):
            raise SetProblem(f"{shown}: line {line} is not a JSON object with a 'prompt'")
        columns = [str(name).strip().lower() for name in loaded]
        _check_columns(columns, f"{shown}: line {line}")
        values = dict(zip(columns, loaded.values(), strict=True))
        yield Row(line, {name: _text(value, name, shown, line) for name, value in _pick(values)})


def _pick(values: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, values.get(name, "")) for name in (NEEDED, *OPTIONAL)]


def _known(values: dict[str, str]) -> dict[str, str]:
    return dict(_pick(values))


def _text(value: Any, name: str, shown: str, line: int) -> str:
    """A JSON value as text: null is "", a number stands for itself except as a prompt."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and name != NEEDED
    if value is None:
        return ""
    if not isinstance(value, str) and not number:
        kind = type(value).__name__
        raise SetProblem(f"{shown}: line {line} has a {name} of type {kind}; write a text")
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise SetProblem(f"{shown}: line {line} has half a surrogate pair in {name}") from problem
    return text

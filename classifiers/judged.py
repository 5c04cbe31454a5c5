"""JSONL in, the same lines out with a verdict added: nothing lost, nothing out of order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from classifiers.exchange import Exchange
from classifiers.rows import RowProblem, parse_row, read_row
from classifiers.verdict import Classifier, Verdict

Explain: TypeAlias = Callable[[Exchange], dict[str, Any]]
"""The grounds of the embedding's verdict on an exchange, as JSON."""

BATCH = 64
"""Lines judged together: a few encoder batches, and the most that a reader waits for."""


@dataclass(slots=True)
class Tally:
    """Lines seen, and those that could not be read."""

    lines: int = 0
    unreadable: int = 0
    first_problem: str = ""

    def note(self, problem: str) -> None:
        """Count a line that could not be read."""
        self.unreadable += 1
        self.first_problem = self.first_problem or problem


def judge_lines(
    lines: Iterable[bytes], classifier: Classifier, tally: Tally, explain: Explain | None = None
) -> Iterator[bytes]:
    """One line out for each line in, in order, read and judged BATCH at a time.

    A line that cannot be read comes out with an undecided verdict whose reason names the line and
    the problem; one that is not JSON at all comes out under ``line``, as text. Blank lines stay
    blank. A ``verdict`` that was there is replaced. With ``explain`` its grounds stand beside it,
    under ``explanation``.
    """
    stream = iter(lines)
    while batch := list(islice(stream, BATCH)):
        yield from _judge_batch(batch, classifier, tally, explain)


def _judge_batch(
    batch: list[bytes], classifier: Classifier, tally: Tally, explain: Explain | None
) -> Iterator[bytes]:
    read: list[tuple[dict[str, Any] | None, Exchange | str]] = []
    for line in batch:
        tally.lines += 1
        read.append(_read(line, tally))
    verdicts = iter(classifier.judge([found for _, found in read if isinstance(found, Exchange)]))
    for row, found in read:
        if row is None:
            yield b"\n"
            continue
        judged = isinstance(found, Exchange)
        verdict = next(verdicts) if judged else Verdict.undecided(classifier.name, str(found))
        told = {**row, "verdict": verdict.as_json()}
        if explain is not None and isinstance(found, Exchange):
            told["explanation"] = explain(found)
        yield _written(told)


def _read(line: bytes, tally: Tally) -> tuple[dict[str, Any] | None, Exchange | str]:
    """(row, exchange), or (row, the problem), or (None, "") for a blank line."""
    if not line.strip():
        return None, ""
    row: dict[str, Any] = {}
    try:
        row = parse_row(line)
        return row, read_row(row)
    except RowProblem as problem:
        said = f"line {tally.lines}: {problem}"
        tally.note(said)
        return row or {"line": line.decode("utf-8", "replace").rstrip("\r\n")}, said


def _written(row: dict[str, Any]) -> bytes:
    """One line of JSON; half a surrogate pair goes out as the JSON escape that it came in as."""
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"

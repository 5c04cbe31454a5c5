"""A run as an append-only file: a header line, a line per trial, a summary line.

Lines are written whole by one unbuffered write, so a killed run leaves at most one torn line, at
the end. Reading leaves it out and says so; resuming cuts it off and nothing else. The summary
stands only in a run that is complete, whose trials stand in the order of its plan. A lock on the
file keeps a second writer out.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import math
import os
from collections.abc import Iterable, Iterator, KeysView, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import orjson

from probes.header import FORMAT, RunHeader, differences
from probes.ledger import Ledger
from probes.ordering import in_order
from probes.problem import RunProblem
from probes.rates import Tally
from probes.summary import RunSummary, summarise
from probes.trial import Trial, TrialKey

__all__ = ["Run", "RunProblem", "RunWriter", "is_run_file", "open_run", "read_header", "read_run"]

_OPENING = b'{"kind": "run", "format": '
"""What every run file begins with."""
_NO_RUN = "{} is not a run file: its first line is not a run's header"
_READABLE = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, slots=True)
class Run:
    """A run file, read.

    ``summed`` says that a summary line ends it; ``torn``, that a last, half-written line was left
    out.
    """

    path: Path
    header: RunHeader
    trials: list[Trial] = field(repr=False)
    summed: bool
    torn: bool

    @property
    def complete(self) -> bool:
        """Whether all planned trials are there, whatever the last line says."""
        return len(self.trials) >= self.header.planned

    def summary(self) -> RunSummary:
        """The rates of its trials, computed from the lines rather than believed."""
        tally = Tally()
        for trial in self.trials:
            tally.add(trial)
        return summarise(self.header, tally)


def read_run(path: Path) -> Run:
    """Read a run file; a torn last line is left out.

    Raises RunProblem with file and line number on any other damage.
    """
    try:
        with path.open("rb") as file:
            lines = _Lines(path, file)
            trials = list(lines.trials())
    except OSError as problem:
        raise RunProblem(f"{path} cannot be read: {problem.strerror}") from problem
    return Run(path, lines.header, trials, summed=lines.complete, torn=lines.torn)


@contextlib.contextmanager
def open_run(path: Path) -> Iterator[_Lines]:
    """A run file to be gone through once: its ``header``, and ``trials()``, read as they are asked
    for.

    A torn last line is left out, as in ``read_run``. Raises RunProblem, also from ``trials()``.
    """
    try:
        file = path.open("rb")
    except OSError as problem:
        raise RunProblem(f"{path} cannot be read: {problem.strerror}") from problem
    with file:
        yield _Lines(path, file)


def is_run_file(path: Path) -> bool:
    """Whether the file begins as a run file does; False for what cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_OPENING)) == _OPENING
    except OSError:
        return False


def read_header(path: Path) -> tuple[RunHeader, bool]:
    """(header, complete) of a run file, without reading its trials; raises RunProblem."""
    try:
        with path.open("rb") as file:
            lines = _Lines(path, file)
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 1_000_000))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
    except OSError as problem:
        raise RunProblem(f"{path} cannot be read: {problem.strerror}") from problem
    summed = last.startswith(b'{"kind": "summary"') and _object(last) is not None
    return lines.header, summed


class _Lines:
    """The lines of an open run file, checked as they are read.

    ``start`` is the offset of the line read last, ``end`` that behind the last whole line;
    ``unended`` says that this line is whole but for its newline.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.complete = self.torn = self.unended = False
        self.start = self.end = 0
        self._file = file
        self._number = 0
        try:
            row = self._next()
        except RunProblem as problem:
            raise RunProblem(_NO_RUN.format(path)) from problem
        if row is None:
            raise RunProblem(f"{path} holds no run: it has no whole first line")
        self.header = self._header(row)

    def trials(self) -> Iterator[Trial]:
        """The trials in file order."""
        seen: set[TrialKey] = set()
        while (row := self._next()) is not None:
            if self.complete:
                raise self._damaged("it stands behind the summary")
            if row.get("kind") == "summary":
                self.complete = True
                continue
            trial = self._trial(row)
            if trial.key in seen:
                raise self._damaged(f"the trial {'/'.join(map(str, trial.key))} is there twice")
            seen.add(trial.key)
            yield trial

    def _next(self) -> dict[str, Any] | None:
        line = self._file.readline()
        if not line:
            return None
        self._number += 1
        ended = line.endswith(b"\n")
        row = _object(line)
        if row is None:
            if ended:
                raise self._damaged("it is not a JSON object")
            self.torn = True
            return None
        self.unended = not ended
        self.start = self.end
        self.end += len(line)
        return row

    def _header(self, row: dict[str, Any]) -> RunHeader:
        if row.get("kind") != "run" or not isinstance(row.get("format"), int):
            raise RunProblem(_NO_RUN.format(self.path))
        if row["format"] > FORMAT:
            raise RunProblem(
                f"{self.path} was written by a newer candor (format {row['format']}; this one "
                f"reads up to {FORMAT}); upgrade candor"
            )
        try:
            return RunHeader.from_json(row)
        except (KeyError, TypeError, ValueError, OverflowError) as problem:
            raise self._damaged(f"the header lacks or garbles {problem}") from problem

    def _trial(self, row: dict[str, Any]) -> Trial:
        if row.get("kind") != "trial":
            raise self._damaged(f"its kind is {row.get('kind')!r}, not 'trial'")
        try:
            trial = Trial.from_json(row)
            hash(trial.key)
            finite = math.isfinite(trial.asked_at) and math.isfinite(trial.latency_seconds)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as problem:
            raise self._damaged(f"it lacks or garbles {problem}") from problem
        if not finite:
            raise self._damaged("one of its times is not a finite number")
        return trial

    def _damaged(self, why: str) -> RunProblem:
        return RunProblem(
            f"{self.path} is damaged at line {self._number}: {why}; restore the file or remove "
            "that line"
        )


class RunWriter:
    """A run file, locked and open for appending. A context manager."""

    def __init__(self, path: Path, file: BinaryIO, header: RunHeader) -> None:
        self.path = path
        self.header = header
        self.tally = Tally()
        self.ledger = Ledger()
        self.complete = False
        self.torn = False
        self.winding_down = asyncio.Event()
        """Set to end the run early: no further attempt is begun then."""
        self._file = file
        self._places: dict[TrialKey, int] = {}
        self._end = 0

    @property
    def recorded(self) -> KeysView[TrialKey]:
        """The keys of the trials that are in the file."""
        return self._places.keys()

    @classmethod
    def create(cls, path: Path, header: RunHeader) -> RunWriter:
        """Begin a run in a new file; raises RunProblem where a file of that name exists."""
        with contextlib.ExitStack() as on_failure:
            file = on_failure.enter_context(_open(path, "xb"))
            writer = cls(path, file, header)
            writer._append(header.as_json())
            on_failure.pop_all()
        return writer

    @classmethod
    def resume(cls, path: Path, header: RunHeader) -> RunWriter:
        """Continue the run in the file, or begin it where there is none.

        Cuts off a torn last line. Raises RunProblem where the file's run is another one (naming
        what differs), is damaged, or is being written by someone else.
        """
        if not path.exists():
            return cls.create(path, header)
        with contextlib.ExitStack() as on_failure:
            file = on_failure.enter_context(_open(path, "r+b"))
            writer = cls(path, file, header)
            with path.open("rb") as reader:
                writer._take_up(reader, header)
            on_failure.pop_all()
        return writer

    def _take_up(self, reader: BinaryIO, wanted: RunHeader) -> None:
        first = reader.readline()
        if not first.endswith(b"\n") and _object(first) is None:
            if not (_OPENING.startswith(first) or first.startswith(_OPENING)):
                raise RunProblem(
                    f"{self.path} is not a run file: its first line is not a run's header; name "
                    "another file with --output"
                )
            self._file.truncate(0)  # killed before its header was whole
            self._append(wanted.as_json())
            return
        reader.seek(0)
        lines = _Lines(self.path, reader)
        if different := differences(lines.header, wanted):
            raise RunProblem(
                f"{self.path} is another run: {'; '.join(different)}; "
                "repeat its settings or name another file with --output"
            )
        self.header = lines.header
        for trial in lines.trials():
            self._count(trial, lines.start)
        self.complete, self.torn = lines.complete, lines.torn
        self._file.truncate(lines.end)
        self._file.seek(0, os.SEEK_END)
        self._end = lines.end
        if lines.unended:
            self._write(b"\n")

    def write_trial(self, trial: Trial) -> None:
        """Append the trial's line; a kill after this returns cannot lose it."""
        self.write_trials([trial])

    def write_trials(self, trials: Sequence[Trial]) -> None:
        """Append the trials' lines by one write; a kill after this returns loses none of them."""
        lines = [_line(trial.as_json()) for trial in trials]
        start = self._end
        self._write(b"".join(lines))
        for trial, line in zip(trials, lines, strict=True):
            self._count(trial, start)
            start += len(line)

    def finish(self, order: Iterable[TrialKey]) -> None:
        """Close a complete run: its trials in this order, then its summary. Once only.

        Where there is no room to write it anew, the trials stay in the order of their answers.
        """
        if self.complete:
            return
        starts = [self._places[key] for key in order]
        if any(later < earlier for earlier, later in pairwise(starts)):
            self._file = in_order(self.path, self._file, starts)
        self.write_summary()

    def write_summary(self) -> None:
        """Close the run with its summary line and bring the file to the disk; once only."""
        if self.complete:
            return
        self._append({"kind": "summary", **self.summary().as_json()})
        self.complete = True
        os.fsync(self._file.fileno())

    def summary(self) -> RunSummary:
        """The rates of the trials recorded so far."""
        return summarise(self.header, self.tally)

    def _count(self, trial: Trial, start: int) -> None:
        self._places[trial.key] = start
        self.tally.add(trial)
        self.ledger.add(trial)

    def _append(self, row: dict[str, Any]) -> None:
        self._write(_line(row))

    def _write(self, lines: bytes) -> None:
        try:
            written = self._file.write(lines)
        except OSError as problem:
            raise RunProblem(f"{self.path} cannot be written: {problem.strerror}") from problem
        if written != len(lines):
            raise RunProblem(f"{self.path} cannot be written: the disk is full")
        self._end += len(lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def _object(line: bytes) -> dict[str, Any] | None:
    """The JSON object that the line holds, or None where it holds none."""
    try:
        row = orjson.loads(line)
    except ValueError:
        try:
            row = json.loads(line)  # lone surrogates, which orjson does not read
        except (ValueError, RecursionError):
            return None
    return row if isinstance(row, dict) else None


def _line(row: dict[str, Any]) -> bytes:
    """One line of JSON; readable in any script, and sound even for text with lone surrogates."""
    try:
        text = _READABLE.encode(row).encode()
    except UnicodeEncodeError:
        text = json.dumps(row, allow_nan=False).encode()
    return text + b"\n"


def _open(path: Path, mode: str) -> BinaryIO:
    """The file, unbuffered and locked against other writers until it is closed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file: BinaryIO = path.open(mode, buffering=0)  # type: ignore[assignment]
    except FileExistsError as problem:
        raise RunProblem(
            f"{path} exists; continue it with --resume or name another file with --output"
        ) from problem
    except OSError as problem:
        raise RunProblem(f"{path} cannot be opened: {problem.strerror}") from problem
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        with contextlib.suppress(OSError):
            file.close()
        raise RunProblem(
            f"{path} is being written by another candor; wait for it or name another file with "
            "--output"
        ) from problem
    return file

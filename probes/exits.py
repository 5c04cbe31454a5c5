"""How a command of the probes ends: its exit code, and one line where something went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from probes.home import HomeProblem
from probes.judging import UnknownClassifier
from probes.problem import RunInterrupted, RunProblem, TargetFailing
from probes.secrets import SecretProblem
from probes.sets.problem import SetProblem
from probes.target import TargetProblem


class ExitCode(IntEnum):
    """The public contract's exit codes."""

    DONE = 0
    REGRESSION = 1
    USAGE = 2
    INCONCLUSIVE = 3
    TARGET = 4
    INTERRUPTED = 130


_USAGE = (
    HomeProblem,
    RunProblem,
    SecretProblem,
    SetProblem,
    TargetProblem,
    UnknownClassifier,
)


def say(line: str) -> None:
    """One line to stderr, under the program's name."""
    typer.echo(f"candor: {line}", err=True)


def stop(line: str, code: ExitCode) -> typer.Exit:
    """Say the line; the exit to raise."""
    say(line)
    return typer.Exit(int(code))


@contextmanager
def readable_problems() -> Iterator[None]:
    """Turn what a command can run into into one line and the exit code that belongs to it."""
    try:
        yield
    except _USAGE as problem:
        raise stop(str(problem), ExitCode.USAGE) from problem
    except TargetFailing as problem:
        raise stop(str(problem), ExitCode.TARGET) from problem
    except RunInterrupted as problem:
        raise stop(str(problem), ExitCode.INTERRUPTED) from problem

"""What a command of the probes can run into, as one line and the exit code that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from classifiers.exits import ExitCode, stop
from probes.home import HomeProblem
from probes.judging import UnknownClassifier
from probes.problem import (
    BudgetProblem,
    LabelsProblem,
    ParameterProblem,
    PublishedProblem,
    RunInterrupted,
    RunProblem,
    TargetFailing,
)
from probes.secrets import SecretProblem
from probes.sets.problem import SetProblem
from probes.target import TargetProblem

_USAGE = (
    BudgetProblem,
    HomeProblem,
    LabelsProblem,
    ParameterProblem,
    PublishedProblem,
    RunProblem,
    SecretProblem,
    SetProblem,
    TargetProblem,
    UnknownClassifier,
)


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

"""What can end a run early, each said in one readable line that names the remedy."""

from __future__ import annotations

from collections.abc import Iterator


class RunProblem(Exception):
    """A run file that cannot be read, written or continued."""


class TargetUnreachable(Exception):
    """The target could not be connected to from the start; nothing was recorded."""


class TargetRefusing(Exception):
    """The target turned every first attempt away alike; nothing was recorded."""


class TargetFailing(Exception):
    """The target gave nothing to measure; the message says why and how to go on."""


class RunInterrupted(Exception):
    """The user stopped the run; the message says what is recorded and how to go on."""


class BudgetProblem(Exception):
    """A price or a cap that cannot be taken; the message names it and the remedy."""


class ParameterProblem(Exception):
    """A parameter that cannot be sent; the message names it and the remedy."""


class LabelsProblem(Exception):
    """Labels that a report cannot use; the message names the file and the line."""


class PublishedProblem(Exception):
    """A file of published counts that cannot be read."""


def causes(problem: BaseException) -> Iterator[BaseException]:
    """The exception and what it came from, each once."""
    seen: set[int] = set()
    here: BaseException | None = problem
    while here is not None and id(here) not in seen:
        seen.add(id(here))
        yield here
        here = here.__cause__ or here.__context__

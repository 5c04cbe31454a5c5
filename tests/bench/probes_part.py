"""The probes' part of the benchmark: runs, their rescoring and their reports, in one table."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from tests.bench import probing, reporting, rescoring
from tests.bench.report import Goal, goal_table, short
from tests.bench.scenarios import Effort

MARKS = probing.MARKS


@dataclass(frozen=True, slots=True)
class Probes:
    """What each of the three found."""

    running: probing.Probing
    rescoring: rescoring.Rescoring
    reporting: reporting.Reporting


def probes(cores: frozenset[int], effort: Effort) -> Probes:
    """Measures all three, one after the other."""
    return Probes(
        probing.probing(cores, effort),
        rescoring.rescoring(cores, effort),
        reporting.reporting(cores, effort),
    )


def goals(found: Probes) -> list[Goal]:
    """Every figure that probes were to reach, beside what they did reach."""
    return [
        *probing.goals(found.running),
        *rescoring.goals(found.rescoring),
        *reporting.goals(found.reporting),
    ]


def markdown(found: Probes, surroundings: dict[str, str]) -> str:
    """The part's tables as they stand in docs/benchmarks.md."""
    times = [short(one) for one in sorted(found.rescoring.times)]
    told = (
        f"Rescoring: {found.rescoring.replies}; times judging alone {', '.join(times)} (median "
        f"{short(statistics.median(found.rescoring.times))})."
        if times
        else "Rescoring was not measured."
    )
    others = [*rescoring.goals(found.rescoring), *reporting.goals(found.reporting)]
    return "\n\n".join([probing.markdown(found.running, surroundings), goal_table(others), told])


def as_json(found: Probes) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "running": probing.as_json(found.running),
        "rescoring": rescoring.as_json(found.rescoring),
        "reporting": reporting.as_json(found.reporting),
    }

"""Rescoring's part of the benchmark: a run file judged again, beside the judging alone.

Everything runs in fresh processes. In a round both have their turn at the same replies, in an
order drawn anew: the cascade asked about all of them at once in memory, and the same cascade over
the run file that holds them. No reply comes twice, and each has a cascade of its own.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field

from tests.bench.children import said_by
from tests.bench.replies import mixed
from tests.bench.report import MEGABYTE, Goal, below
from tests.bench.rounds import Reading
from tests.bench.scenarios import Effort

JUDGING = "judged in memory"
RESCORING = "rescored from a file"
MOST_TIMES = 1.15
"""What reading, checking and writing a trial's line may add to judging its reply."""
FEW, MANY = 1_000, 20_000
MOST_GROWTH_MB = 50.0
_CHILD = "tests.bench.rescoring_child"
_SHARE = 3
"""A round of a file has so many times the replies of a round of the classifier's part."""


@dataclass(slots=True)
class Rescoring:
    """What rescoring's part found; ``peaks`` is the highest resident memory by trials of a run."""

    replies: str
    rounds: list[Reading] = field(default_factory=list)
    peaks: dict[int, int] = field(default_factory=dict)

    @property
    def times(self) -> list[float]:
        """Seconds of rescoring over seconds of judging alone, a number a round."""
        seconds = {(one.target, one.round): one.figures["seconds"] for one in self.rounds}
        numbers = sorted({one.round for one in self.rounds})
        return [seconds[RESCORING, each] / seconds[JUDGING, each] for each in numbers]


def rescoring(cores: frozenset[int], effort: Effort, *, many: int = MANY) -> Rescoring:
    """Measures on the first of ``cores``; ``many`` trials are what memory may not grow with."""
    each = _SHARE * effort.replies
    name, rows = mixed(each * effort.rounds, effort.seed)
    found = Rescoring(f"{name}, {each} a round, {effort.rounds} rounds")
    lines = "".join(json.dumps(asdict(row)) + "\n" for row in rows)
    core = sorted(cores)[:1]
    said = said_by(_CHILD, ["rounds", "--rounds", str(effort.rounds)], core, lines)
    found.rounds = [Reading(**reading) for reading in json.loads(said)]
    for trials in (min(FEW, many), many):
        found.peaks[trials] = int(said_by(_CHILD, ["memory", "--trials", str(trials)], core))
    return found


def goals(found: Rescoring) -> list[Goal]:
    """What rescoring was to reach, beside what it did reach."""
    times = statistics.median(found.times) if found.rounds else None
    peaks = [found.peaks[trials] for trials in sorted(found.peaks)]
    growth = (peaks[-1] - peaks[0]) / MEGABYTE if len(peaks) > 1 else None
    counts = " to ".join(f"{trials:,}" for trials in sorted(found.peaks))
    return [
        Goal(
            f"a run judged again, times {JUDGING}",
            f"at most {MOST_TIMES:g}",
            times,
            None if times is None else times <= MOST_TIMES,
        ),
        below(f"memory more from {counts} trials, MB", MOST_GROWTH_MB, growth),
    ]


def as_json(found: Rescoring) -> dict[str, object]:
    """Every reading, for other programs."""
    return {**asdict(found), "times": found.times, "goals": [asdict(one) for one in goals(found)]}

"""The probes' part of the benchmark: a run's pace beside a bare loop's, and its memory.

Everything runs in fresh processes on the same two cores: an upstream that answers at once, and who
asks it. In a round the bare loop and the run have their turns at the same prompts, in an order
drawn anew, so that the ratio is made within a round. The bare loop has the run's HTTP client, as
many requests under way, and its bodies ready; it does nothing but post and read.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from tests.bench.children import opened, said_by
from tests.bench.probing_child import BARE, CASCADE, PHRASES
from tests.bench.replies import mixed
from tests.bench.report import MEGABYTE, Goal, below, goal_table, short, table
from tests.bench.rounds import Reading
from tests.bench.scenarios import Effort

MARKS = ("<!-- probes: begin -->", "<!-- probes: end -->")
LEAST_SHARE = 0.6
MOST_GROWTH_MB = 50.0
SMALL, LARGE = 1_000, 80_000
PROMPTS = 1_000
"""Of a round."""
_CHILD = "tests.bench.probing_child"
_REPLIES = 1_500


@dataclass(slots=True)
class Probing:
    """What the probes' part found.

    ``rounds`` are readings of trials a second and CPU milliseconds a trial; ``peak_bytes`` is the
    highest resident memory of a whole run, by its number of prompts.
    """

    replies: str
    rounds: list[Reading] = field(default_factory=list)
    peak_bytes: dict[int, int] = field(default_factory=dict)
    not_measured: list[str] = field(default_factory=list)

    def share(self, target: str) -> float | None:
        """The target's trials a second, times the bare loop's of the same round: the median."""
        bare = {one.round: one.figures["per_second"] for one in self.rounds if one.target == BARE}
        shares = [
            one.figures["per_second"] / bare[one.round]
            for one in self.rounds
            if one.target == target and one.round in bare
        ]
        return statistics.median(shares) if shares else None

    def growth_mb(self) -> float | None:
        """By how many MB the peak grows from the small run to the large one."""
        if not {SMALL, LARGE} <= self.peak_bytes.keys():
            return None
        return (self.peak_bytes[LARGE] - self.peak_bytes[SMALL]) / MEGABYTE


def probing(
    cores: frozenset[int], effort: Effort, *, prompts: int = PROMPTS, large: int = LARGE
) -> Probing:
    """Measures on two of ``cores``, or on the one there is."""
    name, rows = mixed(_REPLIES, effort.seed)
    chosen = sorted(cores)[:2]
    found = Probing(name)
    if len(chosen) < 2:
        found.not_measured.append(f"two cores ({len(chosen)} is allowed)")
    lines = "".join(json.dumps(row.reply) + "\n" for row in rows)
    with _upstream(lines, chosen) as url:
        asked = ["rounds", "--url", url, "--prompts", str(prompts), "--rounds", str(effort.rounds)]
        found.rounds = [
            Reading(**reading) for reading in json.loads(said_by(_CHILD, asked, chosen))
        ]
        for count in (SMALL, large):
            asked = ["memory", "--url", url, "--prompts", str(count)]
            found.peak_bytes[count] = json.loads(said_by(_CHILD, asked, chosen))["peak_bytes"]
    return found


def goals(found: Probing) -> list[Goal]:
    """Every figure that the runner was to reach, beside what it did reach."""
    share = found.share(PHRASES)
    return [
        Goal(
            "trials/s of a run, times a bare loop's",
            f"at least {LEAST_SHARE:g}",
            share,
            None if share is None else share >= LEAST_SHARE,
        ),
        below(
            f"growth of memory from {SMALL:,} to {LARGE:,} prompts, MB",
            MOST_GROWTH_MB,
            found.growth_mb(),
        ),
    ]


def figures(found: Probing) -> dict[str, dict[str, float]]:
    """By target, medians over rounds: trials a second, CPU ms a trial, share of the bare loop."""
    shown: dict[str, dict[str, float]] = {}
    for target in (BARE, PHRASES, CASCADE):
        own = [one.figures for one in found.rounds if one.target == target]
        if own:
            shown[target] = {
                name: statistics.median(reading[name] for reading in own) for name in own[0]
            }
        if (share := found.share(target)) is not None:
            shown[target]["share"] = share
    return shown


def markdown(found: Probing, surroundings: dict[str, str]) -> str:
    """The probes' whole result as Markdown, as it stands in docs/benchmarks.md."""
    rows = [
        [target, *(short(reading.get(name, 0.0)) for name in ("per_second", "cpu_ms", "share"))]
        for target, reading in figures(found).items()
    ]
    told = ", ".join(f"{name}: {value}" for name, value in surroundings.items())
    peaks = ", ".join(
        f"{count:,} prompts {short(peak / MEGABYTE)} MB" for count, peak in found.peak_bytes.items()
    )
    parts = [
        goal_table(goals(found)),
        table(["", "trials/s", "CPU ms a trial", "× bare, paired"], rows),
        f"Highest memory of a whole run: {peaks}. Upstream: {found.replies}. {told}.",
        *(f"Not measured: {what}." for what in found.not_measured),
    ]
    return "\n\n".join(parts)


def as_json(found: Probing) -> dict[str, object]:
    """Everything, for programs."""
    reached = [asdict(goal) for goal in goals(found)]
    return {"figures": figures(found), "goals": reached, **asdict(found)}


@contextmanager
def _upstream(lines: str, cores: Sequence[int]) -> Iterator[str]:
    with opened(_CHILD, ["upstream"], cores) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(lines)
        child.stdin.close()
        try:
            yield f"http://127.0.0.1:{int(child.stdout.readline())}/v1"
        finally:
            child.kill()

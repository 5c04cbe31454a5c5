"""The classifier's figures beside their goals: as Markdown, as JSON."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import asdict
from typing import Any

from tests.bench.report import (
    MEGABYTE,
    Column,
    Goal,
    below,
    goal_table,
    short,
    spread,
    table,
)
from tests.bench.scoring import Scoring
from tests.bench.scoring_child import CASCADE, CUT, ENCODER, PLAIN, STAGE

MARKS = ("<!-- classifier: begin -->", "<!-- classifier: end -->")
LEAST_RATIO = 8.0
MOST_GROWTH = 12.0
"""A reply of ten times the length may take ten times as long, and a fifth more."""

_ORDER = (PLAIN, CUT, ENCODER, STAGE, CASCADE)


def _ratio(own: float, other: float) -> float:
    return own / other


_RATE = Column("replies/s", "per_second")
_TIMES = Column("× plain, paired", "per_second", PLAIN, _ratio)
_TIMES_CUT = Column("× cut, paired", "per_second", CUT, _ratio)
_CPU = Column("CPU ms a reply", "cpu_ms")


def goals(found: Scoring) -> list[Goal]:
    """Every figure that the classifier was to reach, beside what it did reach."""
    start = statistics.median(found.starts) if found.starts else None
    clear, other = found.p50(clear=True), found.p50(clear=False)
    longest = sorted(found.lengths_ms)[-2:]
    growth = found.lengths_ms[longest[1]] / found.lengths_ms[longest[0]] if longest else None
    return [
        *(_times(found, threads) for threads in (1, 2)),
        below("one reply that is not clear, p50, ms", 5.0, other and other * 1e3),
        below("one clear reply, p50, µs", 50.0, clear and clear * 1e6),
        below("start to first verdict, s", 1.5, start),
        below("resident memory at its highest, MB", 250.0, found.peak_bytes / MEGABYTE or None),
        Goal("torch imported for judging", "no", float(found.torch), not found.torch),
        Goal(
            "a reply of 1 MB, times one of 100 kB",
            f"at most {MOST_GROWTH:g}",
            growth,
            None if growth is None else growth <= MOST_GROWTH,
        ),
    ]


def _times(found: Scoring, threads: int) -> Goal:
    measured = spread(found.rounds.get(threads, []), CASCADE, _TIMES)
    value = None if measured is None else measured.median
    what = f"replies/s, times {PLAIN}'s, threads: {threads}"
    reached = None if value is None else value >= LEAST_RATIO
    return Goal(what, f"at least {LEAST_RATIO:g}", value, reached)


def markdown(found: Scoring, surroundings: dict[str, str]) -> str:
    """The classifier's whole result as Markdown, as it stands in docs/benchmarks.md."""
    parts = [goal_table(goals(found))]
    for threads in sorted(found.rounds):
        parts += [f"### Verdicts, threads: {threads}", _rounds_table(found, threads)]
    if found.alone:
        parts += ["### One reply at a time", _alone_table(found)]
    if found.lengths_ms:
        rows = [[f"{length:,}", short(ms)] for length, ms in found.lengths_ms.items()]
        parts += ["### By length", table(["characters", "ms"], rows)]
    parts += [f"Not measured: {each}." for each in found.not_measured]
    said = {**surroundings, "replies": found.replies}
    parts += ["; ".join(f"{key} {value}" for key, value in said.items()) + "."]
    return "\n\n".join(parts) + "\n"


def as_json(found: Scoring) -> dict[str, Any]:
    """Every reading, for other programs."""
    return {**asdict(found), "goals": [asdict(goal) for goal in goals(found)]}


def _rounds_table(found: Scoring, threads: int) -> str:
    readings = found.rounds[threads]
    columns = (_RATE, _TIMES, _TIMES_CUT, _CPU)
    present = {reading.target for reading in readings}
    rows = []
    for target in (name for name in _ORDER if name in present):
        cells = [spread(readings, target, column) for column in columns]
        rows.append([target, *("" if cell is None else str(cell) for cell in cells)])
    return table(["", *(column.heading for column in columns)], rows)


def _alone_table(found: Scoring) -> str:
    counted = Counter(method for method, _ in found.alone)
    rows = []
    for method, count in counted.most_common():
        seconds = sorted(taken for by, taken in found.alone if by == method)
        p90 = seconds[int(0.9 * (len(seconds) - 1))]
        times = [short(statistics.median(seconds) * 1e3), short(p90 * 1e3)]
        rows.append([method, f"{count} of {len(found.alone)}", *times])
    return table(["decided by", "replies", "p50 ms", "p90 ms"], rows)

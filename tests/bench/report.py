"""What was measured, set beside what was to be reached: as text, as Markdown, as JSON."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.bench.rounds import Reading
from tests.bench.standing import Endurance, Standing

MEGABYTE = 1_000_000
KIBIBYTE = 1024
BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"
"""Where a page has its tables."""


@dataclass(slots=True)
class Measured:
    """Everything a run of the benchmark found. What was not asked for is empty or None."""

    surroundings: dict[str, str]
    rounds: dict[str, list[Reading]] = field(default_factory=dict)
    standing: list[Standing] = field(default_factory=list)
    imports_litellm: bool | None = None
    endurance: Endurance | None = None
    not_measured: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range over the rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.low == self.high:
            return short(self.median)
        return f"{short(self.median)} ({short(self.low)}-{short(self.high)})"


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that was to be reached. ``value`` is None where it was not measured."""

    what: str
    limit: str
    value: float | None
    reached: bool | None

    @property
    def mark(self) -> str:
        """One word for it."""
        return {True: "pass", False: "FAIL", None: "not measured"}[self.reached]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a scenario's table: a figure, or a figure against another target's."""

    heading: str
    figure: str
    against: str = ""
    compare: Callable[[float, float], float] | None = None


def _ratio(own: float, other: float) -> float:
    return own / other


def _difference(own: float, other: float) -> float:
    return own - other


COLUMNS = {
    "small": (
        Column("CPU ms per 1,000", "cpu_ms_per_1k"),
        Column("× nginx, paired", "cpu_ms_per_1k", "nginx", _ratio),
        Column("calls/s", "per_second"),
        Column("scorer, CPU ms per 1,000", "scorer_cpu_ms_per_1k"),
    ),
    "streams": (
        Column("CPU µs per part", "cpu_us_per_part"),
        Column("× nginx, paired", "cpu_us_per_part", "nginx", _ratio),
        Column("slowest stream, s", "seconds"),
        Column("scorer, CPU µs per part", "scorer_cpu_us_per_part"),
    ),
    "latency": (
        Column("p50 ms", "p50_ms"),
        Column("added", "p50_ms", "direct", _difference),
        Column("p99 ms", "p99_ms"),
        Column("added", "p99_ms", "direct", _difference),
        Column("CPU ms per 1,000", "cpu_ms_per_1k"),
        Column("× nginx, paired", "cpu_ms_per_1k", "nginx", _ratio),
        Column("calls/s", "rate"),
    ),
    "first": (
        Column("p50 ms", "p50_ms"),
        Column("added", "p50_ms", "direct", _difference),
        Column("p99 ms", "p99_ms"),
        Column("streams/s", "rate"),
    ),
}


def spread(readings: Sequence[Reading], target: str, column: Column) -> Spread | None:
    """A column's value for a target: medians over rounds; a comparison is made within a round."""
    own = _by_round(readings, target, column.figure)
    values = list(own.values())
    if column.compare is not None:
        compare, other = column.compare, _by_round(readings, column.against, column.figure)
        if target == column.against:
            return None
        values = [compare(value, other[n]) for n, value in own.items() if n in other]
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values))


def _by_round(readings: Sequence[Reading], target: str, figure: str) -> dict[int, float]:
    own = (each for each in readings if each.target == target)
    return {each.round: each.figures[figure] for each in own if figure in each.figures}


def goals(found: Measured) -> list[Goal]:
    """Every figure that the gateway was to reach, beside what it did reach."""
    rest = next((each for each in found.standing if each.target == "candor"), None)
    imported = found.imports_litellm
    return [
        _at_most(
            found,
            "small",
            Column("", "cpu_ms_per_1k", "nginx", _ratio),
            5.0,
            "CPU per small call, times nginx's",
        ),
        _at_most(
            found,
            "small",
            Column("", "cpu_ms_per_1k", "litellm", _ratio),
            0.01,
            "CPU per small call, times LiteLLM's",
        ),
        _at_most(
            found,
            "streams",
            Column("", "cpu_us_per_part", "nginx", _ratio),
            2.0,
            "CPU per streamed part, times nginx's",
        ),
        _at_most(
            found,
            "latency",
            Column("", "p50_ms", "direct", _difference),
            0.5,
            "latency added at 200 calls/s, p50, ms",
        ),
        _at_most(
            found,
            "latency",
            Column("", "p99_ms", "direct", _difference),
            2.0,
            "latency added at 200 calls/s, p99, ms",
        ),
        _at_most(
            found,
            "first",
            Column("", "p50_ms", "direct", _difference),
            0.5,
            "time to first part added, p50, ms",
        ),
        below(
            "idle memory of a worker, MB",
            120.0,
            None if rest is None else rest.idle_bytes / MEGABYTE,
        ),
        below("start to first answer, s", 1.5, None if rest is None else rest.start_seconds),
        Goal(
            "LiteLLM imported without need",
            "no",
            None if imported is None else float(imported),
            None if imported is None else not imported,
        ),
        *_endurance_goals(found.endurance),
    ]


def _endurance_goals(endured: Endurance | None) -> list[Goal]:
    what = (
        "concurrent streams"
        if endured is None
        else (f"{endured.streams:,} concurrent streams for {endured.seconds:g} s")
    )
    broken = None if endured is None else float(endured.broken)
    per_stream = None if endured is None else endured.bytes_per_stream / KIBIBYTE
    return [
        Goal(f"{what}, broken", "0", broken, None if broken is None else broken == 0),
        below(f"{what}, KiB each", 64.0, per_stream),
    ]


def _at_most(found: Measured, scenario: str, column: Column, limit: float, what: str) -> Goal:
    measured = spread(found.rounds.get(scenario, []), "candor", column)
    value = None if measured is None else measured.median
    return Goal(what, f"at most {limit:g}", value, None if value is None else value <= limit)


def below(what: str, limit: float, value: float | None) -> Goal:
    """A goal that is reached under its limit, not at it."""
    return Goal(what, f"under {limit:g}", value, None if value is None else value < limit)


def goal_table(reached: Sequence[Goal]) -> str:
    """What was to be reached and what was, a line each."""
    rows = [
        [goal.what, goal.limit, "" if goal.value is None else short(goal.value), goal.mark]
        for goal in reached
    ]
    return table(["to be reached", "limit", "measured", ""], rows)


def markdown(found: Measured, titles: dict[str, str]) -> str:
    """The gateway's whole result as Markdown, as it stands in docs/benchmarks.md."""
    parts = [goal_table(goals(found))]
    for name, rows in found.rounds.items():
        parts += [f"### {titles[name]}", _scenario_table(name, rows)]
    if found.standing:
        parts += ["### At rest", _standing_table(found.standing)]
    parts += [f"Not measured: {each}." for each in found.not_measured]
    parts += ["; ".join(f"{key} {value}" for key, value in found.surroundings.items()) + "."]
    return "\n\n".join(parts) + "\n"


def put_into(page: str, tables: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """The page with these tables between two marks; raises ValueError where it has none."""
    before, begin, rest = page.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise ValueError(f"the page lacks its marks {marks[0]} and {marks[1]}")
    return f"{before}{begin}\n{tables}{end}{after}"


def _scenario_table(name: str, readings: list[Reading]) -> str:
    columns = COLUMNS[name]
    targets = dict.fromkeys(sorted((r.target for r in readings), key=_place))
    rows = []
    for target in targets:
        cells = [spread(readings, target, column) for column in columns]
        rows.append([target, *("" if cell is None else str(cell) for cell in cells)])
    return table(["target", *(column.heading for column in columns)], rows)


def _standing_table(standing: Sequence[Standing]) -> str:
    rows = [
        [
            each.target,
            f"{each.start_seconds:.2f}",
            f"{each.idle_bytes / MEGABYTE:.0f}",
            f"{each.scorer_bytes / MEGABYTE:.0f}" if each.scorer_bytes else "",
        ]
        for each in standing
    ]
    return table(["target", "start to first answer, s", "idle, MB", "its scorer, MB"], rows)


def _place(target: str) -> int:
    return ("direct", "nginx", "candor", "litellm").index(target)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, figures to the right."""
    lines = [headings, ["---", *(["--:"] * (len(headings) - 1))], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def short(value: float) -> str:
    """Three digits that mean something, more before the point where there are more."""
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def as_json(found: Measured) -> dict[str, Any]:
    """The whole result, every reading of every round in it, for other programs."""
    tree = asdict(found)
    tree["goals"] = [asdict(goal) for goal in goals(found)]
    return tree

"""A report as Markdown, to paste into a review."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probes.changes import Changes, Direction
from probes.published import Published
from probes.rates import Rate
from probes.rendering.figures import (
    CHANGE_HEAD,
    DAGGER,
    ESTIMATE_HEAD,
    PUBLISHED_HEAD,
    RANK_HEAD,
    beside,
    bounds,
    change_rows,
    counts,
    estimate_cells,
    interval,
    percent,
    published_rows,
    rank_rows,
    unmoved,
)
from probes.report import COVERS, TITLES, Report, RunReport
from probes.statistics.estimate import Estimate

_PROMPT = 200
"""Characters of a prompt in a list."""


def render_markdown(report: Report) -> str:
    """A section a run, each rate as a table; for several runs the frontier comes first."""
    sections = [_frontier(report)] if len(report.runs) > 1 else []
    sections += [_changes(changes) for changes in report.changes]
    sections += [_run(run) for run in report.runs]
    sections += [] if report.published is None else [_published(report.published)]
    return "\n\n".join([*sections, COVERS]) + "\n"


def _run(run: RunReport) -> str:
    header, summary = run.header, run.summary
    sets = ", ".join(
        f"{_cell(stamp.name)} ({stamp.rows:,} rows, sha256 `{_cell(stamp.checksum[:12])}`)"
        for stamp in header.sets
    )
    limit = "none" if header.limit is None else str(header.limit)
    parts = [
        f"## {_cell(header.title)}",
        f"{sets}. {summary.trials:,} trials, {summary.decided:,} decided, {summary.undecided:,} "
        f"undecided, {summary.errors:,} errors. Seed {header.seed}, limit {limit}, repeats "
        f"{header.repeats}. Judged by `{_cell(header.classifier)}`.",
    ]
    parts += [_rates(TITLES[name], rates) for name, rates in run.by_rate().items()]
    if estimates := beside(run):
        rows = ([_cell(each) for each in estimate_cells(one)] for one in estimates)
        parts.append(_table(ESTIMATE_HEAD, rows))
    open_ends = [said for rates in run.by_rate().values() if (said := bounds(rates[0]))]
    told = [_told(one) for one in estimates if one.note]
    return "\n\n".join([*parts, *open_ends, *_notes([*run.notes, *told])])


def _told(one: Estimate) -> str:
    return f"{estimate_cells(one)[0]}: {one.note}"


def _changes(changes: Changes) -> str:
    title = f"## {_cell(changes.before.title)} → {_cell(changes.after.title)}"
    runs = f"Run `{_cell(changes.before.run_id)}` to `{_cell(changes.after.run_id)}`."
    if changes.problem:
        return "\n\n".join([title, runs, *_notes([f"not compared: {changes.problem}"])])
    parts = [title, f"{runs} Differences in points, exact McNemar."]
    parts.append(
        _table(CHANGE_HEAD, ([_cell(each) for each in row] for row in change_rows(changes.rates)))
    )
    parts += [said for one in changes.rates if (said := unmoved(one))]
    for one in changes.rates:
        for direction in Direction:
            shown = changes.shown(one.pairs.rate, direction)
            words = f"{TITLES[one.pairs.rate]}: {direction.value.replace('_', ' ')}"
            left = one.count(direction) - len(shown)
            parts += [f"**{words}**"] if shown else []
            lines = [f"- {_cell(each.case.prompt[:_PROMPT])}" for each in shown]
            parts += (
                ["\n".join(lines + ([f"- and {left:,} more"] if left else []))] if lines else []
            )
    return "\n\n".join(parts)


def _published(published: Published) -> str:
    parts = ["## OR-Bench, published results", f"{_cell(published.source)}."]
    parts += [_table(RANK_HEAD, rank_rows(published))]
    rows = ([_cell(each) for each in row] for row in published_rows(published))
    parts += [_table(PUBLISHED_HEAD, rows), *_notes([DAGGER])]
    return "\n\n".join(parts)


def _rates(title: str, rates: Sequence[Rate]) -> str:
    head = (title, "rate", f"{rates[0].confidence:.0%} interval", "refused/decided", "undecided")
    rows = [
        (
            "**all**" if rate.category is None else _cell(rate.category),
            percent(rate.value),
            interval(rate),
            counts(rate),
            f"{rate.undecided:,}",
            f"{rate.errors:,}",
        )
        for rate in rates
    ]
    return _table((*head, "errors"), rows)


def _frontier(report: Report) -> str:
    head = ("target", "sets", "over-refusal", "interval", "n", "safe refusal", "interval", "n")
    rows = [
        (
            _cell(point.title),
            _cell(", ".join(point.sets)),
            *_cells(point.over_refusal),
            *_cells(point.safe_refusal),
        )
        for point in report.frontier
    ]
    return "\n\n".join(["## Frontier", _table(head, rows), *_notes(report.notes)])


def _cells(rate: Rate | None) -> tuple[str, str, str]:
    if rate is None:
        return ("–", "–", "–")
    return (percent(rate.value), interval(rate), counts(rate))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _notes(notes: Iterable[str]) -> list[str]:
    return [f"> {_cell(note)}" for note in notes]


def _cell(text: str) -> str:
    """Text that can neither end its cell nor begin a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")

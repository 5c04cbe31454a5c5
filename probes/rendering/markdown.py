"""A report as Markdown, to paste into a review."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probes.rates import Rate
from probes.rendering.figures import counts, interval, percent
from probes.report import COVERS, TITLES, Report, RunReport


def render_markdown(report: Report) -> str:
    """A section a run, each rate as a table; for several runs the frontier comes first."""
    sections = [_frontier(report)] if len(report.runs) > 1 else []
    sections += [_run(run) for run in report.runs]
    return "\n\n".join([*sections, COVERS]) + "\n"


def _run(run: RunReport) -> str:
    header, summary = run.header, run.summary
    sets = ", ".join(
        f"{_cell(stamp.name)} ({stamp.rows:,} rows, sha256 `{stamp.checksum[:12]}`)"
        for stamp in header.sets
    )
    limit = "none" if header.limit is None else str(header.limit)
    parts = [
        f"## {_cell(header.title)}",
        f"{sets}. {summary.trials:,} trials, {summary.decided:,} decided, {summary.undecided:,} "
        f"undecided, {summary.errors:,} errors. Seed {header.seed}, limit {limit}, repeats "
        f"{header.repeats}. Judged by `{header.classifier}`.",
    ]
    parts += [_rates(TITLES[name], rates) for name, rates in run.by_rate().items()]
    return "\n\n".join([*parts, *_notes(run.notes)])


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

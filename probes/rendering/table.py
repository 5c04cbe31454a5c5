"""A report for the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from probes.rendering.columns import escape, print_frontier, print_notes, print_rates
from probes.rendering.extras import print_changes, print_estimates, print_published
from probes.rendering.figures import beside, bounds
from probes.report import COVERS, TITLES, Report, RunReport


def render_table(report: Report, *, width: int = 110, colour: bool = False) -> str:
    """Every run's rates by category; for several runs, the frontier below.

    Where the width does not hold every column, those that only illustrate go first; what carries a
    number stays whole, even past the width.
    """
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    for run in report.runs:
        _print_run(console, run)
    if len(report.runs) > 1:
        print_frontier(console, report)
    for changes in report.changes:
        print_changes(console, changes)
    if report.published is not None:
        print_published(console, report.published)
    console.print(f"\n[dim]{COVERS}[/dim]")
    assert isinstance(console.file, io.StringIO)
    lines = (line.rstrip() for line in console.file.getvalue().splitlines())
    return "\n".join(lines).strip("\n") + "\n"


def _print_run(console: Console, run: RunReport) -> None:
    header, summary = run.header, run.summary
    sets = ", ".join(f"{stamp.name} ({stamp.checksum[:12]})" for stamp in header.sets)
    limit = f" · limit {header.limit}" if header.limit is not None else ""
    repeats = f" · {header.repeats} repeats" if header.repeats > 1 else ""
    console.print(f"\n[bold]{escape(header.title)}[/bold]  {escape(sets)}")
    console.print(
        f"[dim]{summary.trials:,} trials · {summary.decided:,} decided · {summary.undecided:,} "
        f"undecided · {summary.errors:,} errors · seed {header.seed}{limit}{repeats}[/dim]"
    )
    console.print(f"[dim]judged by {escape(header.classifier)}[/dim]")
    for name, rates in run.by_rate().items():
        print_rates(console, TITLES[name], rates)
    print_estimates(console, beside(run))
    print_notes(console, run.notes)
    for rates in run.by_rate().values():
        if said := bounds(rates[0]):
            console.print(f"[dim]{said}[/dim]")

"""A report for the terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from probes.rates import Rate
from probes.rendering.figures import bar, counts, interval, letters, percent, scatter
from probes.report import TITLES, Report, RunReport


def render_table(report: Report, *, width: int = 110, colour: bool = False) -> str:
    """Every run's rates by category; for several runs, the frontier below."""
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
        _print_frontier(console, report)
    assert isinstance(console.file, io.StringIO)
    lines = (line.rstrip() for line in console.file.getvalue().splitlines())
    return "\n".join(lines).strip("\n") + "\n"


def _print_run(console: Console, run: RunReport) -> None:
    header, summary = run.header, run.summary
    sets = ", ".join(f"{stamp.name} ({stamp.checksum[:12]})" for stamp in header.sets)
    limit = f" · limit {header.limit}" if header.limit is not None else ""
    repeats = f" · {header.repeats} repeats" if header.repeats > 1 else ""
    console.print(f"\n[bold]{escape(header.target_name)}[/bold]  {escape(sets)}")
    console.print(
        f"[dim]{summary.trials:,} trials · {summary.decided:,} decided · {summary.undecided:,} "
        f"undecided · {summary.errors:,} errors · seed {header.seed}{limit}{repeats}[/dim]"
    )
    console.print(f"[dim]judged by {escape(header.classifier)}[/dim]")
    for name, rates in run.by_rate().items():
        console.print(_rates_table(TITLES[name], rates))
    _print_notes(console, run.notes)


def _rates_table(title: str, rates: Sequence[Rate]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(title)
    for column in ("rate", f"{rates[0].confidence:.0%} interval", "refused"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("0 %" + " " * 17 + "100 %", no_wrap=True)
    for column in ("undecided", "errors"):
        table.add_column(column, justify="right")
    for rate in rates:
        table.add_row(
            "all" if rate.category is None else escape(rate.category),
            percent(rate.value),
            interval(rate),
            counts(rate),
            bar(rate),
            f"{rate.undecided:,}",
            f"{rate.errors:,}",
            style="bold" if rate.category is None else None,
            end_section=rate.category is None and len(rates) > 1,
        )
    return table


def _print_frontier(console: Console, report: Report) -> None:
    shared = {point.sets for point in report.frontier}
    over = f" over {', '.join(shared.copy().pop())}" if len(shared) == 1 else ""
    console.print(f"\n[bold]Frontier[/bold]{escape(over)}")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("target", overflow="fold")
    for column in ("over-refusal", "interval", "refused", "safe refusal", "interval", "refused"):
        table.add_column(column, justify="right", no_wrap=True)
    for letter, point in zip(letters(len(report.frontier)), report.frontier, strict=True):
        sets = "" if over else f"\n[dim]{escape(', '.join(point.sets))}[/dim]"
        table.add_row(
            letter,
            escape(point.target) + sets,
            *_cells(point.over_refusal),
            *_cells(point.safe_refusal),
        )
    console.print(table)
    for line in scatter(report.frontier):
        console.print(line, markup=False)
    _print_notes(console, report.notes)


def _cells(rate: Rate | None) -> tuple[str, str, str]:
    if rate is None:
        return ("–", "–", "–")
    return (percent(rate.value), interval(rate), counts(rate))


def _print_notes(console: Console, notes: Sequence[str]) -> None:
    for note in notes:
        console.print(f"[yellow]note:[/yellow] {escape(note)}")

"""The tables of a terminal report, with as many columns as its width holds."""

from __future__ import annotations

from collections.abc import Sequence

from rich import markup
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from probes.rates import Rate
from probes.rendering.figures import bar, counts, harmless, interval, letters, percent, scatter
from probes.report import Report

_SCATTER_WIDTH = 61
_SCATTER_MARGIN = 7


def escape(said: str) -> str:
    """What others wrote as rich's text: neither its markup nor a terminal's commands."""
    return markup.escape(harmless(said))


def print_rates(console: Console, title: str, rates: Sequence[Rate]) -> None:
    """One rate by category. The bar goes first where space is short, then what was not decided,
    which a note then tells.
    """
    table = _rates_table(title, rates, drawn=True, undecided=True)
    if not fits(console, table):
        table = _rates_table(title, rates, drawn=False, undecided=True)
    told = fits(console, table)
    if not told:
        table = _rates_table(title, rates, drawn=False, undecided=False)
    _print_whole(console, table)
    if not told and (notes := [said for rate in rates if (said := _not_decided(rate))]):
        print_notes(console, [f"{title}: {'; '.join(notes)}"])


def _rates_table(title: str, rates: Sequence[Rate], *, drawn: bool, undecided: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(title, no_wrap=True)
    for column in ("rate", f"{rates[0].confidence:.0%} interval", "refused"):
        table.add_column(column, justify="right", no_wrap=True)
    if drawn:
        table.add_column("0 %" + " " * 17 + "100 %", no_wrap=True)
    for column in ("undecided", "errors") if undecided else ():
        table.add_column(column, justify="right", no_wrap=True)
    for rate in rates:
        cells = [_category(rate), percent(rate.value), interval(rate), counts(rate)]
        cells += [bar(rate)] if drawn else []
        cells += [f"{rate.undecided:,}", f"{rate.errors:,}"] if undecided else []
        table.add_row(
            *(escape(cell) for cell in cells),
            style="bold" if rate.category is None else None,
            end_section=rate.category is None and len(rates) > 1,
        )
    return table


def _category(rate: Rate) -> str:
    return "all" if rate.category is None else rate.category


def _not_decided(rate: Rate) -> str:
    """``hate 3 undecided, 1 errors``; empty where every trial was decided."""
    if not rate.undecided and not rate.errors:
        return ""
    return f"{_category(rate)} {rate.undecided:,} undecided, {rate.errors:,} errors"


def print_frontier(console: Console, report: Report) -> None:
    """The points as a table and drawn; where space is short, names stand above the table."""
    shared = {point.sets for point in report.frontier}
    over = f" over {', '.join(shared.copy().pop())}" if len(shared) == 1 else ""
    console.print(f"\n[bold]Frontier[/bold]{escape(over)}")
    table = _frontier_table(report, named_sets=not over)
    if fits(console, table):
        console.print(table)
    else:
        _print_narrow_frontier(console, report, named_sets=not over)
    width = min(_SCATTER_WIDTH, max(20, console.width - _SCATTER_MARGIN - 1))
    for line in scatter(report.frontier, width=width):
        console.print(line, markup=False, soft_wrap=True)
    print_notes(console, report.notes)


def _frontier_table(report: Report, *, named_sets: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("target", no_wrap=True)
    for column in ("over-refusal", "interval", "refused", "safe refusal", "interval", "refused"):
        table.add_column(column, justify="right", no_wrap=True)
    for letter, point in zip(letters(len(report.frontier)), report.frontier, strict=True):
        sets = f"\n[dim]{escape(', '.join(point.sets))}[/dim]" if named_sets else ""
        table.add_row(
            letter,
            escape(point.title) + sets,
            *_cells(point.over_refusal),
            *_cells(point.safe_refusal),
        )
    return table


def _print_narrow_frontier(console: Console, report: Report, *, named_sets: bool) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("", no_wrap=True)
    for column in ("rate", "interval", "refused"):
        table.add_column(column, justify="right", no_wrap=True)
    for letter, point in zip(letters(len(report.frontier)), report.frontier, strict=True):
        sets = f"  {', '.join(point.sets)}" if named_sets else ""
        console.print(f"{letter}  {escape(point.title + sets)}", soft_wrap=True)
        table.add_row(letter, "over-refusal", *_cells(point.over_refusal))
        table.add_row("", "safe refusal", *_cells(point.safe_refusal), end_section=True)
    _print_whole(console, table)


def _cells(rate: Rate | None) -> tuple[str, str, str]:
    if rate is None:
        return ("–", "–", "–")
    return (percent(rate.value), interval(rate), counts(rate))


def print_notes(console: Console, notes: Sequence[str]) -> None:
    """A line for each note."""
    for note in notes:
        console.print(f"[yellow]note:[/yellow] {escape(note)}")


def fits(console: Console, table: Table) -> bool:
    """Whether the table stands in the terminal without a cut."""
    return _natural_width(console, table) <= console.width


def _natural_width(console: Console, table: Table) -> int:
    unbounded = console.options.update(width=10_000)
    return Measurement.get(console, unbounded, table).maximum


def _print_whole(console: Console, table: Table) -> None:
    """Print it as wide as it is: a terminal that wraps a line loses less than a cut number."""
    asked = console.width
    console.width = max(asked, _natural_width(console, table))
    console.print(table)
    console.width = asked

"""What stands beside the rates in a terminal: estimates, changes, published results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from probes.changes import Changes
from probes.published import Published
from probes.rendering.columns import escape, fits, print_notes
from probes.rendering.figures import (
    CHANGE_HEAD,
    DAGGER,
    ESTIMATE_HEAD,
    PUBLISHED_HEAD,
    RANK_HEAD,
    change_rows,
    estimate_cells,
    published_rows,
    published_scatter,
    rank_rows,
    unmoved,
)
from probes.statistics.estimate import Estimate


def print_estimates(console: Console, estimates: Sequence[Estimate]) -> None:
    """A line for each estimate beside the rates, and its note below."""
    if estimates:
        _print(console, ESTIMATE_HEAD, map(estimate_cells, estimates))
    print_notes(console, [f"{estimate_cells(one)[0]}: {one.note}" for one in estimates if one.note])


def print_changes(console: Console, changes: Changes) -> None:
    """The paired differences of two runs; the prompts themselves stand in Markdown and HTML."""
    before, after = changes.before, changes.after
    console.print(
        f"\n[bold]{escape(before.title)} → {escape(after.title)}[/bold]  "
        f"[dim]{escape(before.run_id)} → {escape(after.run_id)}, difference in points, exact "
        "McNemar[/dim]"
    )
    if changes.problem:
        print_notes(console, [f"not compared: {changes.problem}"])
    else:
        _print(console, CHANGE_HEAD, change_rows(changes.rates))
        for one in changes.rates:
            if said := unmoved(one):
                console.print(f"[dim]{said}[/dim]")


def print_published(console: Console, published: Published) -> None:
    """The published models and how closely their two rates go together."""
    console.print(
        f"\n[bold]OR-Bench, published results[/bold]\n[dim]{escape(published.source)}[/dim]"
    )
    _print(console, RANK_HEAD, rank_rows(published))
    for line in published_scatter(published):
        console.print(line, markup=False, soft_wrap=True)
    _print(console, PUBLISHED_HEAD, published_rows(published))
    print_notes(console, [DAGGER])


def _print(console: Console, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table; a line for each row, wrapped, where the table is wider than the terminal."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for place, name in enumerate(head):
        right = place > 0 and name != "method"
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    listed = list(rows)
    for row in listed:
        table.add_row(*map(escape, row))
    if fits(console, table):
        console.print(table)
        return
    for first, *rest in listed:
        told = ", ".join(f"{name} {cell}" for name, cell in zip(head[1:], rest, strict=True))
        console.print(f"{escape(first)}: {escape(told)}")

"""``candor probe sets`` and ``candor probe pull``: which sets there are, and bringing one."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from probes.sets import Fetch, SetEntry

HEADINGS = ("set", "rows", "expectation", "here", "licence", "sha256", "origin")
ROWS = HEADINGS.index("rows")
CHECKSUM_SHOWN = 12
"""Hex digits of a checksum in a table; --json has all of them."""

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def sets(as_json: AsJson = False) -> None:
    """List the probe sets: origin, licence, rows, checksum, and whether each is here."""
    from classifiers.exits import say
    from probes.exits import readable_problems
    from probes.home import candor_home
    from probes.sets import catalogue

    with readable_problems():
        entries = catalogue(candor_home())
    if as_json:
        typer.echo(json.dumps({"sets": [entry.as_json() for entry in entries]}, indent=2))
        return
    _show(entries)
    for entry in entries:
        if entry.problem:
            say(entry.problem)


def pull(
    name: Annotated[str, typer.Argument(metavar="SET", help="The set's name.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="A .csv or .jsonl file, or its folder."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring a probe set here: from its public home, or from a local file with --from."""
    from classifiers.exits import ExitCode, say, stop
    from probes.exits import readable_problems
    from probes.home import candor_home
    from probes.sets import SourceUnreachable, pull_set

    with readable_problems():
        try:
            entry = pull_set(name, source, candor_home(), fetch=_fetch(source), note=say)
        except SourceUnreachable as problem:
            raise stop(str(problem), ExitCode.TARGET) from problem
    if as_json:
        typer.echo(json.dumps(entry.as_json(), indent=2))
        return
    typer.echo(
        f"{entry.name}: {_rows(entry)} rows, sha256 {entry.checksum[:CHECKSUM_SHOWN]}, "
        f"licence {entry.licence}, {entry.origin}"
    )


def _fetch(source: Path | None) -> Fetch | None:
    if source is not None:
        return None
    from probes.sets.download import download

    return download


def _computed(entry: SetEntry) -> bool:
    return bool(entry.checksum) and not entry.checksum_published


def _show(entries: Sequence[SetEntry]) -> None:
    lines = [_cells(entry) for entry in entries]
    (_show_rich if sys.stdout.isatty() else _show_plain)(lines)
    if any(_computed(entry) for entry in entries):
        typer.echo("* computed from a copy; whoever made the set states no checksum")


def _show_plain(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(HEADINGS, *lines, strict=True)]
    for line in (HEADINGS, *lines):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        cells[ROWS] = line[ROWS].rjust(widths[ROWS])
        typer.echo("  ".join(cells).rstrip())


def _show_rich(lines: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in HEADINGS:
        justify: Literal["left", "right"] = "right" if heading == "rows" else "left"
        table.add_column(heading, justify=justify, no_wrap=heading != "origin", overflow="fold")
    for line in lines:
        table.add_row(*line)
    Console().print(table, markup=False)


def _cells(entry: SetEntry) -> tuple[str, ...]:
    computed = "*" if _computed(entry) else ""
    here = "yes" if entry.here else ("damaged" if entry.problem else "no")
    return (
        entry.name,
        _rows(entry),
        "mixed" if entry.expectation is None else entry.expectation.value,
        here,
        entry.licence,
        (entry.checksum[:CHECKSUM_SHOWN] or "unknown") + computed,
        entry.origin,
    )


def _rows(entry: SetEntry) -> str:
    return "unknown" if entry.rows is None else f"{entry.rows:,}"

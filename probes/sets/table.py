"""The catalogue and one set's details as text: a table on a terminal, plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Literal

import typer

from probes.sets.details import CHARACTERS_A_TOKEN, SetDetails
from probes.sets.entry import SetEntry

HEADINGS = ("set", "rows", "expectation", "here", "licence", "sha256", "revision", "origin")
ROWS = HEADINGS.index("rows")
HEX_SHOWN = 12
"""Hex digits of a checksum or a revision in a table; --json has all of them."""

WIDE_COLUMNS = 110
"""A narrower terminal has no room for the revision; the details and --json have it."""

PROMPT_SHOWN = 160
"""Characters of a prompt in the details; --json has all of them."""


def show_catalogue(entries: Sequence[SetEntry]) -> None:
    """Prints the sets to stdout, and below them how to bring those that are not here."""
    lines = [_cells(entry) for entry in entries]
    (_show_rich if sys.stdout.isatty() else _show_plain)(lines)
    for footnote in _footnotes(entries):
        typer.echo(footnote)


def show_details(details: SetDetails) -> None:
    """Prints one set to stdout."""
    for line in _details(details):
        typer.echo(line)


def in_brief(checksum: str) -> str:
    """The first digits of a checksum, or that there is none."""
    return checksum[:HEX_SHOWN] or "unknown"


def row_count(entry: SetEntry) -> str:
    """The rows of the file, and how many of them are asked where that differs."""
    if entry.rows is None:
        return "unknown" if entry.prompts is None else f"{entry.prompts:,}"
    if entry.prompts is None or entry.prompts == entry.rows:
        return f"{entry.rows:,}"
    return f"{entry.rows:,} ({entry.prompts:,} asked)"


def _computed(entry: SetEntry) -> bool:
    return bool(entry.checksum) and not entry.checksum_published


def _footnotes(entries: Sequence[SetEntry]) -> Iterator[str]:
    if any(_computed(entry) for entry in entries):
        yield "* computed from the copy that is here; nobody states a checksum of it"
    missing = [entry.name for entry in entries if not entry.here and entry.url]
    if missing:
        yield (
            f"not here: {', '.join(missing)}; bring one with `candor probe pull NAME` "
            "(--from PATH where there is no network)"
        )


def _show_plain(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(HEADINGS, *lines, strict=True)]
    for line in (HEADINGS, *lines):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        cells[ROWS] = line[ROWS].rjust(widths[ROWS])
        typer.echo("  ".join(cells).rstrip())


def _show_rich(lines: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    left_out = ("revision",) if console.width < WIDE_COLUMNS else ()
    kept = [place for place, heading in enumerate(HEADINGS) if heading not in left_out]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place in kept:
        justify: Literal["left", "right"] = "right" if place == ROWS else "left"
        # A name is copied into the next command, so only the origin may be broken.
        table.add_column(
            HEADINGS[place],
            justify=justify,
            no_wrap=HEADINGS[place] != "origin",
            overflow="fold",
        )
    for line in lines:
        table.add_row(*(line[place] for place in kept))
    console.print(table, markup=False)


def _cells(entry: SetEntry) -> tuple[str, ...]:
    here = "yes" if entry.here else ("damaged" if entry.problem else "no")
    return (
        entry.name,
        row_count(entry),
        _expectation(entry),
        here,
        entry.licence,
        in_brief(entry.checksum) + "*" * _computed(entry),
        entry.revision[:HEX_SHOWN] or "-",
        entry.origin,
    )


def _expectation(entry: SetEntry) -> str:
    return "mixed" if entry.expectation is None else entry.expectation.value


def _details(details: SetDetails) -> Iterator[str]:
    entry = details.entry
    yield entry.name + (f": {entry.about}" if entry.about else "")
    for label, text in _facts(details):
        yield f"  {label:<10}{text}"
    if not entry.here:
        yield f"  not here: bring it with `{entry.remedy}`"
        return
    yield ""
    yield from _sizes(details)
    if details.first:
        yield ""
    for case in details.first:
        prompt = " ".join(case.prompt.split())
        cut = prompt[:PROMPT_SHOWN] + "..." * (len(prompt) > PROMPT_SHOWN)
        yield f"  {case.id}  {case.category}, {case.expectation.value}: {cut}"


def _facts(details: SetDetails) -> Iterator[tuple[str, str]]:
    entry = details.entry
    yield "origin", entry.origin + (f", revision {entry.revision}" if entry.revision else "")
    if entry.url:
        yield "address", entry.url
    yield "licence", entry.licence
    if entry.citation:
        yield "cite", entry.citation
    note = "" if entry.checksum_published or not entry.checksum else " (computed from this copy)"
    yield "sha256", (entry.checksum or "nobody states one") + note
    if details.set_checksum not in ("", entry.checksum):
        yield "in runs", f"{details.set_checksum} (the file and how it is read)"
    yield "rows", row_count(entry)
    yield "expects", _expectation(entry)
    if entry.mapping:
        yield "read as", entry.mapping
    if details.characters is not None:
        tokens = details.characters // CHARACTERS_A_TOKEN
        yield (
            "length",
            f"{details.median:,.0f} characters in the median, {details.longest:,} at most; "
            f"asked once each, about {tokens:,} tokens of prompts",
        )
    if details.clusters:
        yield "clusters", f"{details.clusters:,} groups of cases that belong together"


def _sizes(details: SetDetails) -> Iterator[str]:
    """The categories with their counts; expectations that no prompt has are left out."""
    kinds = [
        kind
        for kind in ("comply", "refuse", "unknown")
        if any(getattr(size, kind) for size in details.categories)
    ]
    width = max(len("category"), *(len(size.category) for size in details.categories))
    yield f"  {'category':<{width}}" + "".join(f"{kind:>9}" for kind in kinds)
    for size in details.categories:
        yield f"  {size.category:<{width}}" + "".join(f"{getattr(size, k):>9,}" for k in kinds)

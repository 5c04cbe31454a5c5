"""``candor probe sets`` and ``candor probe pull``: which sets there are, and bringing one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from probes.sets import Means, SetEntry
    from probes.sets.download import Watch

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def sets(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[SET]", help="One set, or a file of yours, in detail."),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", min=0, help="How many of the set's prompts to show.")
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """List the probe sets; or show one: categories, expectation, licence, first prompts."""
    from classifiers.exits import say
    from probes.exits import readable_problems
    from probes.home import candor_home

    with readable_problems():
        if name is not None:
            _one(name, candor_home(), rows=rows, as_json=as_json, note=say)
        else:
            _all(candor_home(), as_json=as_json, note=say)


def pull(
    name: Annotated[str, typer.Argument(metavar="SET", help="The set's name.")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="PATH", help="A .csv or .jsonl file, its folder, or its address."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="OURS=THEIRS",
            help="Your file's name for a column: prompt=question. May be repeated.",
        ),
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect",
            metavar="comply|refuse|WORD=comply",
            help="What rows that state nothing expect, or what your file's word means.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring a probe set here: from its public home, or from your own file with --from."""
    from probes.exits import readable_problems
    from probes.sets.faults import counted
    from probes.sets.table import in_brief

    with readable_problems():
        entry = _pulled(name, source, columns=column or [], expects=expect or [])
    if as_json:
        typer.echo(json.dumps(entry.as_json(), indent=2))
        return
    asked = "" if entry.prompts == entry.rows else f", {entry.prompts:,} of them asked"
    typer.echo(
        f"{entry.name}: {counted(entry.rows or 0, 'row')}{asked}, "
        f"sha256 {in_brief(entry.checksum)}, licence {entry.licence}, {entry.origin}"
    )


def _pulled(name: str, source: str | None, *, columns: list[str], expects: list[str]) -> SetEntry:
    """The set, brought here; what was noted about its rows is said on stderr."""
    from classifiers.exits import ExitCode, say, stop
    from probes.home import candor_home
    from probes.sets import SourceUnreachable, layout_from, pull_set

    layout = layout_from(columns, expects)
    wanted = source if source is None or "://" in source else Path(source)
    notes: list[str] = []
    try:
        with _progress(name) as watch:
            entry = pull_set(
                name, wanted, candor_home(), layout=layout, means=_means(watch), note=notes.append
            )
    except SourceUnreachable as problem:
        raise stop(str(problem), ExitCode.TARGET) from problem
    for line in notes:  # not before: the bar owns its line
        say(line)
    return entry


def _all(home: Path, *, as_json: bool, note: Callable[[str], None]) -> None:
    from probes.sets import catalogue
    from probes.sets.table import show_catalogue

    entries = catalogue(home)
    if as_json:
        typer.echo(json.dumps({"sets": [entry.as_json() for entry in entries]}, indent=2))
        return
    show_catalogue(entries)
    for entry in entries:
        if entry.problem:
            note(entry.problem)


def _one(name: str, home: Path, *, rows: int, as_json: bool, note: Callable[[str], None]) -> None:
    from probes.sets.details import describe_set
    from probes.sets.table import show_details

    details = describe_set(name, home, rows=rows, note=note)
    if as_json:
        typer.echo(json.dumps(details.as_json(), indent=2))
        return
    show_details(details)
    if details.entry.problem:
        note(details.entry.problem)


def _means(watch: Watch | None) -> Means:
    """How to download here: from the hub that is configured, with its token and to it alone."""
    from probes.home import hub_endpoint
    from probes.secrets import hub_token
    from probes.sets import Means
    from probes.sets.download import download

    hub, token = hub_endpoint(), hub_token()

    def fetch(url: str, part: Path) -> bytes:
        own = token if url.startswith(f"{hub}/") else None
        return download(url, part, token=own, watch=watch)

    return Means(fetch, hub)


@contextmanager
def _progress(name: str) -> Iterator[Watch | None]:
    """A bar on stderr from the first byte on, where stderr is a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    bar = Progress(*columns, TransferSpeedColumn(), console=Console(stderr=True), transient=True)
    with bar:
        task = bar.add_task(name, total=None, visible=False)
        yield lambda here, total: bar.update(task, completed=here, total=total, visible=True)

"""`candor report`: run files in, rates by category and the frontier out."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifiers.exits import ExitCode, stop
from probes.exits import readable_problems

if TYPE_CHECKING:
    from probes.report import Report

_WIDEST = 120


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN.jsonl...", help="Run files.")],
    format_name: Annotated[
        str, typer.Option("--format", help="table, markdown, json or csv.")
    ] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", help="Write it to this file instead of stdout.")
    ] = None,
) -> None:
    """Show the rates of runs with their intervals; of several runs, the frontier too."""
    from probes.rendering import FORMATS
    from probes.report import make_report
    from probes.runfile import is_run_file, read_run

    render = FORMATS.get(format_name)
    if render is None:
        raise stop(
            f"there is no format {format_name!r}; known: {', '.join(FORMATS)}", ExitCode.USAGE
        )
    with readable_problems():
        made = make_report([read_run(path) for path in runs])
    if output is not None and (is_run_file(output) or _is_one_of(output, runs)):
        raise stop(
            f"{output} is a run file, and a report would take its place; name another file with "
            "--output",
            ExitCode.USAGE,
        )
    if output is None and format_name == "table":
        typer.echo(terminal_table(made), nl=False)
    elif output is None:
        typer.echo(render(made), nl=False)
    else:
        _write(output, render(made))


def terminal_table(made: Report) -> str:
    """The table, as wide and as colourful as stdout allows."""
    from probes.rendering import render_table

    if not sys.stdout.isatty():
        return render_table(made)
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    return render_table(made, width=width, colour=True)


def _is_one_of(output: Path, runs: list[Path]) -> bool:
    return output.exists() and any(output.samefile(path) for path in runs)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise stop(f"{path} cannot be written: {problem.strerror}", ExitCode.USAGE) from problem

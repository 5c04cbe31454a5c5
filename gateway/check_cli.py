"""`candor check-config`: is this file what the gateway will accept, and if not, why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from classifiers.exits import ExitCode, say


def check_config(
    file: Annotated[Path, typer.Argument(help="The configuration, a YAML file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Validate a configuration: every problem with its key, value and remedy; exit 2 on any."""
    from gateway.config import (
        ConfigProblem,
        hindrances,
        load_settings,
        notes,
    )
    from gateway.config_sets import absent_sets, unknown_sets
    from gateway.serve_cli import unpriced_lines

    try:
        settings = load_settings(file)
    except ConfigProblem as problem:
        _say(as_json, file, problems=problem.lines)
        raise typer.Exit(ExitCode.USAGE) from None
    if lines := unknown_sets(settings):
        _say(as_json, file, problems=tuple(lines))
        raise typer.Exit(ExitCode.USAGE)
    told = [
        *hindrances(settings),
        *notes(settings),
        *absent_sets(settings),
        *unpriced_lines(settings),
    ]
    _say(as_json, file, told=told, deployments=len(settings.deployments))


def _say(
    as_json: bool,
    file: Path,
    *,
    problems: tuple[str, ...] = (),
    told: list[str] | None = None,
    deployments: int = 0,
) -> None:
    """The findings: one JSON document on stdout, or a line each, problems to stderr."""
    if as_json:
        found = {"file": str(file), "valid": not problems, "problems": problems, "notes": told}
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in problems:
        say(line)
    for line in told or []:
        typer.echo(f"note: {line}")
    if not problems:
        plural = "" if deployments == 1 else "s"
        typer.echo(f"{file} is valid: {deployments} deployment{plural}")

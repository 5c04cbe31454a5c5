"""`candor probe`, `candor report` and `candor canary` as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer
from typer.testing import CliRunner

from probes.canary_cli import canary_app
from probes.cli import probe_app
from probes.report_cli import report
from tests.services import ROOT

Run = Callable[..., "Ended"]


@dataclass(frozen=True)
class Ended:
    """A command that came to its end."""

    code: int
    out: str
    err: str


def candor(*arguments: object, home: Path, **variables: str) -> Ended:
    """Run one command line in this process, with its state under ``home``."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.add_typer(probe_app, name="probe")
    app.command(name="report")(report)
    app.add_typer(canary_app, name="canary")
    result = CliRunner().invoke(
        app,
        [str(argument) for argument in arguments],
        env={"CANDOR_HOME": str(home), **variables},
        catch_exceptions=False,
    )
    return Ended(result.exit_code, result.stdout, result.stderr)


def started(*arguments: object, home: Path) -> subprocess.Popen[bytes]:
    """Start `candor probe ...` as a process of its own."""
    begin = "from probes.cli import probe_app; probe_app()"
    return subprocess.Popen(
        [sys.executable, "-c", begin, *map(str, arguments)],
        env={**os.environ, "CANDOR_HOME": str(home), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )

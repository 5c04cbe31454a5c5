"""`candor probe`: probe sets and the runs that are made of them."""

from __future__ import annotations

import typer

from probes.rescore_cli import rescore
from probes.run_cli import run
from probes.sets_cli import pull, sets

probe_app = typer.Typer(
    help="Probe sets, and runs of them against a model.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
probe_app.command()(sets)
probe_app.command()(pull)
probe_app.command()(run)
probe_app.command()(rescore)

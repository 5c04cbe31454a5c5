"""How a command ends: the contract's exit codes, and one line on stderr where it went wrong."""

from __future__ import annotations

from enum import IntEnum

import typer


class ExitCode(IntEnum):
    """The public contract's exit codes, and one for what is our own fault."""

    DONE = 0
    REGRESSION = 1
    USAGE = 2
    INCONCLUSIVE = 3
    TARGET = 4
    BUG = 70
    """BSD's EX_SOFTWARE (sysexits.h): an error inside the program."""
    INTERRUPTED = 130


def say(line: str) -> None:
    """One line to stderr, under the program's name."""
    typer.echo(f"candor: {line}", err=True)


def stop(line: str, code: ExitCode) -> typer.Exit:
    """Say the line; the exit to raise."""
    say(line)
    return typer.Exit(int(code))

"""`candor serve`: the gateway, from a file or from one upstream's URL."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifiers.exits import ExitCode, say

if TYPE_CHECKING:
    from gateway.config import Settings


def serve(
    config: Annotated[
        Path | None, typer.Option(help="The configuration, a YAML file.", metavar="FILE")
    ] = None,
    upstream: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Instead of a file: one OpenAI-compatible upstream, its URL ending in /v1.",
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; 127.0.0.1 unless the file says.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; 8080 unless the file says.", min=0, max=65535),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Worker processes behind the one port; 1 unless the file says.", min=1),
    ] = None,
) -> None:
    """Serve the gateway until interrupted. SIGHUP makes it read its configuration again."""
    if (config is None) == (upstream is None):
        raise _fail("serve needs either --config FILE or --upstream URL, and not both")
    from gateway.config import ConfigProblem, notes
    from gateway.config_sets import absent_sets
    from gateway.launch import Source, launch

    said = {"host": host, "port": port, "workers": workers}
    source = Source(config, upstream, {key: it for key, it in said.items() if it is not None})
    try:
        settings = source.load()
    except ConfigProblem as problem:
        raise _fail(*problem.lines) from None
    for line in (*notes(settings), *absent_sets(settings), *unpriced_lines(settings)):
        say(f"note: {line}")
    listener = _listening(settings.server.host, settings.server.port)
    if code := launch(settings, source, listener):
        raise typer.Exit(code)


def unpriced_lines(settings: Settings) -> list[str]:
    """What a budget does not count, where there is one: only then are prices looked up."""
    if all(key.usd_per_month is None for key in settings.keys):
        return []
    from gateway.limits import unpriced

    return unpriced(settings)


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that a taken port is one line and not a traceback."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as problem:
        raise _fail(f"--host {host} is no address of this machine: {problem.strerror}") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(2048)
    except OSError as problem:
        listener.close()
        taken = problem.errno == errno.EADDRINUSE
        remedy = "something listens there already; choose another --port" if taken else ""
        raise _fail(f"cannot listen on {host}:{port}: {remedy or problem.strerror}") from None
    return listener


def _fail(*lines: str) -> typer.Exit:
    for line in lines:
        say(line)
    return typer.Exit(ExitCode.USAGE)

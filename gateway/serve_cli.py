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
        int | None, typer.Option(help="Worker processes; this version serves from one.", min=1)
    ] = None,
) -> None:
    """Serve the gateway until interrupted."""
    settings = _overridden(_settings(config, upstream), host, port, workers)
    for line in _checked(settings):
        say(f"note: {line}")
    listener = _listening(settings.server.host, settings.server.port)
    from gateway.serving import run
    from gateway.store import StoreProblem
    from probes.home import HomeProblem

    try:
        run(settings, listener)
    except (StoreProblem, HomeProblem) as problem:
        raise _fail(str(problem)) from None


def _settings(config: Path | None, upstream: str | None) -> Settings:
    """The configuration that was asked for; exits with 2 on any problem with it."""
    from gateway.config import ConfigProblem, load_settings, settings_for_upstream

    if (config is None) == (upstream is None):
        raise _fail("serve needs either --config FILE or --upstream URL, and not both")
    try:
        if config is not None:
            return load_settings(config)
        return settings_for_upstream(str(upstream))
    except ConfigProblem as problem:
        raise _fail(*problem.lines) from None


def _overridden(
    settings: Settings, host: str | None, port: int | None, workers: int | None
) -> Settings:
    """The settings with what the command line says instead."""
    said = {"host": host, "port": port, "workers": workers}
    changes = {name: value for name, value in said.items() if value is not None}
    return settings.model_copy(update={"server": settings.server.model_copy(update=changes)})


def _checked(settings: Settings) -> list[str]:
    """What is exposed or without effect; exits with 2 on what stands in the way of serving."""
    from gateway.config import exposures, hindrances, not_yet_acted_on

    if problems := hindrances(settings):
        raise _fail(*problems)
    return [*exposures(settings), *not_yet_acted_on(settings)]


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

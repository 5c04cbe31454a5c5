"""From a configuration and a socket to what serves: this process, or workers of it."""

from __future__ import annotations

import fcntl
import gc
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from classifiers.exits import ExitCode, say
from gateway.config import (
    ConfigProblem,
    Settings,
    hindrances,
    load_settings,
    settings_for_upstream,
)
from gateway.config_sets import unknown_sets
from gateway.log_lines import configure_logging
from gateway.place import Place, own_url
from gateway.workers import Workers
from probes.home import HomeProblem, candor_home

_PREFIX = "run-"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the configuration comes from: a file or one upstream's URL, and the command line.

    ``said`` is what the command line says of ``server``; it overrules the file at each reading.
    """

    config: Path | None
    upstream: str | None
    said: Mapping[str, object]

    def load(self) -> Settings:
        """The configuration as it is now, fit to be served; raises ConfigProblem."""
        if self.config is not None:
            settings = load_settings(self.config)
        else:
            settings = settings_for_upstream(str(self.upstream))
        server = settings.server.model_copy(update=dict(self.said))
        settings = settings.model_copy(update={"server": server})
        if problems := [*hindrances(settings), *unknown_sets(settings)]:
            raise ConfigProblem(problems)
        return settings


def launch(settings: Settings, source: Source, listener: socket.socket) -> int:
    """Serve until told to end; the exit code. Raises KeyboardInterrupt where SIGINT told it."""
    configure_logging()
    launched = _Launched(settings, source, listener)
    try:
        if settings.server.workers == 1:
            return launched.serve(launched.place(0), None)
        with _run_folder(candor_home()) as folder:
            return Workers(
                settings.server.workers,
                lambda slot, orders: launched.serve(launched.place(slot, folder), orders),
                listener=listener,
                reload=launched.reload,
            ).run()
    except (HomeProblem, OSError) as problem:
        say(str(problem))
        return ExitCode.USAGE


class _Launched:
    """What workers are started with: the settings of the start, and those of the last reload."""

    def __init__(self, settings: Settings, source: Source, listener: socket.socket) -> None:
        self._settings = self._now = settings
        self._source = source
        self._listener = listener
        self._probe_key = secrets.token_urlsafe(32)

    def place(self, slot: int, folder: Path | None = None) -> Place:
        """A worker's place: every worker, a later one too, knows the key of the probe runs."""
        return Place(slot, folder, url=own_url(self._listener), probe_key=self._probe_key)

    def serve(self, place: Place, orders: socket.socket | None) -> int:
        """Be a worker, or the only one; the exit code."""
        _until_served(alone=orders is None)
        # Nothing that is imported becomes garbage: looking for it costs a twentieth of the start.
        # The server turns it on again.
        gc.disable()
        from gateway.serving import Service, run
        from gateway.store import StoreProblem

        service = Service(
            settings=self._settings,
            now=self._now,
            load=self._source.load,
            listener=self._listener,
            place=place,
            orders=orders,
        )
        try:
            run(service)
        except (StoreProblem, HomeProblem) as problem:
            say(str(problem))
            return ExitCode.USAGE
        return ExitCode.DONE

    def reload(self) -> bool:
        """Read the configuration again for the workers to come; whether it is good."""
        try:
            self._now = self._source.load()
        except ConfigProblem as problem:
            structlog.get_logger().error("not_reloaded", problems=list(problem.lines))
            return False
        return True


def _until_served(*, alone: bool) -> None:
    """Before the server takes signals, SIGTERM is a clean end, and a reload has nothing to change.

    A worker among several is never told by SIGINT: that goes to the whole terminal.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if not alone:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _run_folder(home: Path) -> Iterator[Path]:
    """A folder for what the workers of this gateway share, gone at its end.

    One that a gateway could not remove, because it was killed, is removed by the next: what a
    living gateway holds is locked.
    """
    for left in home.glob(f"{_PREFIX}*"):
        if (held := _locked(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(held)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home))
    held = _locked(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if held is not None:
            os.close(held)


def _locked(folder: Path) -> int | None:
    """A folder, opened and locked; None where another has it, or it is gone."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        return None
    return opened

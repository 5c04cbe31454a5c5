"""A real Redis that keeps nothing on disk, and that can be stopped and started in a test."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import binary, free_port
from tests.waiting import wait_until


class RedisServer:
    """Where it listens, or will again."""

    def __init__(self, folder: Path) -> None:
        self._program = binary("redis-server", "apt-get install redis-server")
        self._folder = folder
        self._port = free_port()
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Starts it, empty, on the same port as before."""
        command = [self._program, "--port", str(self._port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        self._running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(self._answers, what="redis-server ready")

    def stop(self) -> None:
        """Ends it; what it held is gone."""
        if self._running is not None:
            self._running.terminate()
            self._running.wait(timeout=10)
            self._running = None

    def pause(self, signal_number: int) -> None:
        """Sends it a signal: SIGSTOP makes it silent without closing anything."""
        assert self._running is not None
        self._running.send_signal(signal_number)

    def _answers(self) -> bool:
        assert self._running is not None
        assert self._running.poll() is None, "redis-server ended at once"
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as probe:
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A running server."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()

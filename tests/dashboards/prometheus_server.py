"""A real Prometheus with nothing to scrape, which parses and evaluates what it is asked."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.services import binary, free_port

START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """Where it listens."""

    url: str

    def query(self, expr: str) -> dict[str, Any]:
        """The answer to an instant query, errors included."""
        answer: dict[str, Any] = httpx2.post(
            f"{self.url}/api/v1/query", data={"query": expr}
        ).json()
        return answer

    def ready(self) -> bool:
        """Whether it answers yet."""
        try:
            return httpx2.get(f"{self.url}/-/ready").status_code == 200
        except httpx2.TransportError:
            return False


@contextmanager
def prometheus(folder: Path) -> Iterator[PrometheusServer]:
    """A running server that keeps its blocks in ``folder``."""
    program = binary("prometheus", "apt-get install prometheus")
    config, port = folder / "prometheus.yml", free_port()
    config.write_text("scrape_configs: []\n")
    server = PrometheusServer(f"http://127.0.0.1:{port}")
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'blocks'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    running = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.ready():
            assert running.poll() is None, "prometheus ended at once"
            assert time.monotonic() < deadline, f"prometheus is not ready after {START_SECONDS} s"
            running_for_a_moment(running)
        yield server
    finally:
        running.terminate()
        running.wait(timeout=10)


def running_for_a_moment(running: subprocess.Popen[bytes]) -> None:
    """Waits a twentieth of a second, less where the server ends first."""
    try:
        running.wait(timeout=0.05)
    except subprocess.TimeoutExpired:
        return

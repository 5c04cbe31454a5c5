"""A real Prometheus: scrapes a target if given one, loads rules if given some, answers queries."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes.http import Client, TransportError
from tests.services import binary, free_port
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """Where it listens."""

    url: str

    def query(self, expr: str) -> dict[str, Any]:
        """The answer to an instant query, errors included."""
        with Client(base_url=self.url) as client:
            answer: dict[str, Any] = client.post("/api/v1/query", data={"query": expr}).json()
            return answer

    def values(self, expr: str) -> dict[tuple[str, ...], float]:
        """The values that a query has now, by the labels' values; empty while it has none."""
        found = self.query(expr).get("data", {}).get("result", [])
        return {tuple(each["metric"].values()): float(each["value"][1]) for each in found}

    def alerts(self) -> list[dict[str, Any]]:
        """Alerts that are pending or firing."""
        with Client(base_url=self.url) as client:
            listed: list[dict[str, Any]] = client.get("/api/v1/alerts").json()["data"]["alerts"]
            return listed

    def ready(self) -> bool:
        """Whether it answers yet."""
        try:
            with Client(base_url=self.url) as client:
                return client.get("/-/ready").status_code == 200
        except TransportError:
            return False


@contextmanager
def prometheus(
    folder: Path, *, target: str | None = None, rules: Path | None = None
) -> Iterator[PrometheusServer]:
    """A running server that keeps its blocks in ``folder`` and scrapes five times a second."""
    program = binary("prometheus", "apt-get install prometheus")
    jobs = [{"job_name": "candor", "static_configs": [{"targets": [target]}]}] if target else []
    settings = {
        "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms"},
        "scrape_configs": jobs,
        "rule_files": [str(rules)] if rules else [],
    }
    config, port = folder / "prometheus.yml", free_port()
    config.write_text(json.dumps(settings))
    server = PrometheusServer(f"http://127.0.0.1:{port}")
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'blocks'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    running = subprocess.Popen(command)
    try:
        wait_until(lambda: running.poll() is not None or server.ready(), what="prometheus ready")
        assert running.poll() is None, "prometheus ended at once"
        yield server
    finally:
        running.terminate()
        running.wait(timeout=10)

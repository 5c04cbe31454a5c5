"""A real Prometheus reads the metrics, as it will in use."""

import asyncio
import contextlib
import json
import subprocess
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from classifiers.verdict import Label
from gateway.metrics import Metrics, exposition
from gateway.mirror.collector import MirrorCollector
from gateway.mirror.queue import LocalQueue
from gateway.store import Store
from tests.gateway.calls import call, record
from tests.gateway.serving import served
from tests.services import binary, free_port
from tests.waiting import wait_until


def app_of(registry: CollectorRegistry) -> Starlette:
    async def show(request):
        body, kind = await asyncio.to_thread(exposition, registry, request.headers.get("accept"))
        return Response(body, headers={"content-type": kind})

    return Starlette(routes=[Route("/metrics", show)])


@contextlib.contextmanager
def prometheus(home: Path, target: str):
    """The base URL of a Prometheus that scrapes the target five times a second."""
    server = binary("prometheus", "apt-get install prometheus")
    job = {"job_name": "candor", "static_configs": [{"targets": [target]}]}
    config = {"global": {"scrape_interval": "200ms"}, "scrape_configs": [job]}
    (home / "prometheus.yml").write_text(json.dumps(config))
    address = f"127.0.0.1:{free_port()}"
    arguments = (
        f"--config.file={home / 'prometheus.yml'}",
        f"--storage.tsdb.path={home / 'tsdb'}",
        f"--web.listen-address={address}",
        "--log.level=error",
    )
    child = subprocess.Popen([server, *arguments])
    try:
        yield f"http://{address}"
    finally:
        child.terminate()
        child.wait(timeout=20)


def asked(server: str, query: str) -> dict[tuple[str, ...], float]:
    """The values that a query has now, by the labels' values; empty while it has none."""
    with contextlib.suppress(httpx2.TransportError):
        reply = httpx2.get(f"{server}/api/v1/query?query={quote(query)}")
        if reply.status_code == 200:
            found = reply.json()["data"]["result"]
            return {tuple(each["metric"].values()): float(each["value"][1]) for each in found}
    return {}


@pytest.fixture
def store(tmp_path):
    opened = Store("sqlite:///candor.db", tmp_path)
    yield opened
    opened.close()


def test_prometheus_sees_verdicts_move_and_computes_the_refusal_rate(store, tmp_path):
    registry = CollectorRegistry()
    metrics = Metrics(registry, ["prod"])
    queue = LocalQueue(tmp_path / "spool.db")
    registry.register(MirrorCollector(store, queue, ["prod"]))
    verdicts = "sum by (label) (candor_verdicts_total{deployment='prod', traffic='live'})"
    with served(app_of(registry)) as gateway:
        target = gateway.removeprefix("http://")
        with prometheus(tmp_path, target) as server:
            wait_until(lambda: asked(server, verdicts).get(("compliance",)) == 0.0)
            store.record([record("c1"), record("c2"), record("c3", label=Label.DIRECT_REFUSAL)])
            metrics.finished(call())
            wait_until(lambda: asked(server, verdicts).get(("direct_refusal",)) == 1.0)
            assert asked(server, verdicts)["compliance",] == 2.0
            ratio = "candor_refusal_ratio{set='live'} * candor_refusal_trials{set='live'}"
            assert list(asked(server, ratio).values()) == [pytest.approx(1.0)]
            grown = (
                "increase(candor_verdicts_total{label='direct_refusal', source='model_text'}[1m])"
            )
            wait_until(lambda: sum(asked(server, grown).values()) > 0)
            calls = "candor_request_duration_seconds_count{endpoint='chat_completions'}"
            wait_until(lambda: list(asked(server, calls).values()) == [1.0])

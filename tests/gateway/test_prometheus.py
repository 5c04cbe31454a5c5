"""A real Prometheus reads the metrics, as it will in use."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from classifiers.verdict import Label
from gateway.counting import Metrics
from gateway.metrics import exposition
from gateway.mirror.collector import MirrorCollector
from gateway.mirror.queue import LocalQueue
from gateway.store import Store
from tests.gateway.calls import call, record
from tests.gateway.serving import served
from tests.prometheus_server import prometheus
from tests.waiting import wait_until


def app_of(registry: CollectorRegistry) -> Starlette:
    async def show(request):
        body, kind = await asyncio.to_thread(exposition, registry, request.headers.get("accept"))
        return Response(body, headers={"content-type": kind})

    return Starlette(routes=[Route("/metrics", show)])


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
        with prometheus(tmp_path, target=target) as server:
            wait_until(lambda: server.values(verdicts).get(("compliance",)) == 0.0)
            store.record([record("c1"), record("c2"), record("c3", label=Label.DIRECT_REFUSAL)])
            metrics.finished(call())
            wait_until(lambda: server.values(verdicts).get(("direct_refusal",)) == 1.0)
            assert server.values(verdicts)["compliance",] == 2.0
            ratio = "candor_refusal_ratio{set='live'} * candor_refusal_trials{set='live'}"
            assert list(server.values(ratio).values()) == [pytest.approx(1.0)]
            grown = (
                "increase(candor_verdicts_total{label='direct_refusal', source='model_text'}[1m])"
            )
            wait_until(lambda: sum(server.values(grown).values()) > 0)
            calls = "candor_request_duration_seconds_count{endpoint='chat_completions'}"
            wait_until(lambda: list(server.values(calls).values()) == [1.0])

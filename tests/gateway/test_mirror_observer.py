"""The observer that the relay tells of every call."""

import pytest
from prometheus_client import CollectorRegistry

from gateway.counting import Metrics
from gateway.mirror.observer import MirrorObserver
from gateway.proxy.endpoints import Endpoint
from gateway.proxy.observer import Traffic
from tests.gateway.calls import call


class FakeQueue:
    """Keeps what it is offered."""

    def __init__(self):
        self.offered = []

    def offer(self, capture):
        self.offered.append(capture)


@pytest.fixture
def queue():
    return FakeQueue()


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def observer(queue, registry):
    return MirrorObserver(Metrics(registry, ["prod"]), queue, sample=0.5)


def test_a_live_call_whose_bytes_were_kept_is_offered_as_it_was(observer, queue):
    made = call("r7", status=429, trimmed=True)
    observer.arrived("prod", made.endpoint)
    observer.finished(made)
    [capture] = queue.offered
    assert (capture.request_id, capture.status, capture.trimmed) == ("r7", 429, True)
    assert (capture.request, capture.reply) == (made.request, made.reply)


@pytest.mark.parametrize(
    "changed",
    [
        {"request": None},
        {"traffic": Traffic.PROBE},
        {"endpoint": Endpoint.EMBEDDINGS},
        {"endpoint": Endpoint.MODELS},
    ],
    ids=str,
)
def test_a_call_that_was_not_kept_or_cannot_refuse_is_measured_and_not_offered(
    observer, queue, registry, changed
):
    made = call(**changed)
    observer.arrived("prod", made.endpoint)
    observer.finished(made)
    assert queue.offered == []
    labels = {"deployment": "prod", "endpoint": made.endpoint.value, "status": "200"}
    assert registry.get_sample_value("candor_requests_total", labels) == 1


def test_a_call_without_any_reply_is_still_a_capture(observer, queue):
    observer.finished(call(status=None, reply=b"", cut=True, first_byte_seconds=None))
    assert queue.offered[0].reply == b""


def test_two_calls_with_one_request_id_are_two_captures(observer, queue):
    observer.finished(call("same"))
    observer.finished(call("same"))
    assert len({capture.capture_id for capture in queue.offered}) == 2


def test_the_sample_is_chosen_by_the_request_id_among_calls_that_can_refuse(observer):
    wanted = [n for n in range(100) if observer.wants(f"r{n}", "prod", Endpoint.CHAT_COMPLETIONS)]
    assert 30 < len(wanted) < 70
    assert not any(observer.wants(f"r{n}", "prod", Endpoint.EMBEDDINGS) for n in range(100))


def test_calls_in_flight_return_to_zero(observer, registry):
    for _ in range(3):
        observer.arrived("prod", Endpoint.CHAT_COMPLETIONS)
    in_flight = {"deployment": "prod"}
    assert registry.get_sample_value("candor_requests_in_flight", in_flight) == 3
    for _ in range(3):
        observer.finished(call())
    assert registry.get_sample_value("candor_requests_in_flight", in_flight) == 0


def test_a_hidden_refusal_is_counted_and_judged_and_the_call_itself_counted_once(
    observer, queue, registry
):
    observer.arrived("prod", Endpoint.CHAT_COMPLETIONS)
    observer.hidden(call("r1", status=400), "other-one")
    observer.fell_back("prod", "other-one")
    observer.finished(call("r1"))
    assert [capture.status for capture in queue.offered] == [400, 200]
    pair = {"deployment": "prod", "served_by": "other"}
    for name in ("candor_fallback_hidden_refusals_total", "candor_fallbacks_total"):
        assert registry.get_sample_value(name, pair) == 1
    labels = {"deployment": "prod", "endpoint": "chat_completions", "status": "400"}
    assert registry.get_sample_value("candor_requests_total", labels) is None


def test_a_hidden_refusal_whose_bytes_were_not_kept_is_counted_all_the_same(
    observer, queue, registry
):
    observer.hidden(call(request=None), "prod")
    observer.retried("prod")
    assert queue.offered == []
    pair = {"deployment": "prod", "served_by": "prod"}
    assert registry.get_sample_value("candor_fallback_hidden_refusals_total", pair) == 1
    assert registry.get_sample_value("candor_retries_total", {"deployment": "prod"}) == 1

"""What the relay tells those who watch: each call once, whatever comes of it."""

from __future__ import annotations

import pytest

from gateway.proxy.endpoints import Endpoint
from gateway.proxy.observer import Traffic
from tests.gateway.stage import STREAM_HEAD, FakeObserver, chunked, json_reply, replying, stage


def test_a_call_is_told_once_with_its_bytes_and_times():
    observer = FakeObserver()
    reply = json_reply(b'{"a":1}', b"Content-Encoding: x-odd", b"X-A: 1", status=b"201 Made")
    with stage(replying(reply), observer) as (running, _):
        seen = running.call(b"POST /v1/chat/completions?x=1", b'{"model":"m"}')
        call = observer.next_call()
    assert observer.calls == [call]
    assert observer.arrivals == [("default", Endpoint.CHAT_COMPLETIONS)]
    assert observer.asked == [call.request_id]
    assert seen.head.get(b"x-candor-request-id") == call.request_id.encode()
    assert (call.deployment, call.endpoint) == ("default", Endpoint.CHAT_COMPLETIONS)
    assert (call.path, call.status) == ("/v1/chat/completions", 201)
    assert (call.request, call.reply) == (b'{"model":"m"}', b'{"a":1}')
    assert (call.content_type, call.content_encoding) == ("application/json", "x-odd")
    assert (call.cut, call.trimmed, call.request_trimmed) == (False, False, False)
    assert call.traffic is Traffic.LIVE
    assert 0 <= call.overhead_seconds <= call.duration_seconds
    assert call.first_byte_seconds is not None
    assert call.first_byte_seconds <= call.duration_seconds


def test_no_bytes_are_kept_of_a_call_that_nobody_wants():
    observer = FakeObserver(wanted=False)
    with stage(replying(json_reply()), observer) as (running, _):
        running.call()
        call = observer.next_call()
    assert (call.request, call.reply, call.status) == (None, None, 200)


def test_only_the_opening_of_a_long_reply_is_kept():
    observer = FakeObserver()
    events = [b"%03d" % number * 200 for number in range(4)]
    bounds = {"max_reply_bytes": 1024, "max_request_bytes": 2048}
    with stage(replying(STREAM_HEAD, chunked(*events)), observer, mirror=bounds) as (running, _):
        assert running.call(body=b"r" * 3000).body == b"".join(events)
        call = observer.next_call()
    assert (call.reply, call.trimmed, call.cut) == (b"".join(events)[:1024], True, False)
    assert (call.request, call.request_trimmed) == (b"r" * 2048, True)


def test_a_reply_of_exactly_the_limit_is_whole():
    observer = FakeObserver()
    with stage(replying(json_reply(b"x" * 1024)), observer, mirror={"max_reply_bytes": 1024}) as (
        running,
        _,
    ):
        running.call()
        call = observer.next_call()
    assert (call.reply, call.trimmed) == (b"x" * 1024, False)


def test_a_probe_is_told_as_a_probe_and_never_mirrored():
    observer = FakeObserver()
    with stage(replying(json_reply()), observer) as (running, upstream):
        running.call(b"POST /v1/chat/completions", b"{}", b"x-candor-traffic: probe")
        call = observer.next_call()
        assert b"x-candor-traffic" not in upstream.seen[0].head.names
    assert (call.traffic, call.request, observer.asked) == (Traffic.PROBE, None, [])


@pytest.mark.parametrize(
    ("line", "endpoint", "asked"),
    [
        (b"POST /v1/completions", Endpoint.COMPLETIONS, True),
        (b"POST /v1/responses", Endpoint.RESPONSES, True),
        (b"POST /v1/messages", Endpoint.MESSAGES, True),
        (b"POST /v1/embeddings", Endpoint.EMBEDDINGS, False),
        (b"POST /v1/messages/count_tokens", Endpoint.OTHER, False),
        (b"GET /v1/chat/completions", Endpoint.OTHER, False),
        (b"GET /v1/models", Endpoint.MODELS, False),
        (b"POST /v1/moderations", Endpoint.OTHER, False),
    ],
)
def test_only_replies_that_can_refuse_are_offered_to_the_mirror(line, endpoint, asked):
    observer = FakeObserver()
    with stage(replying(json_reply()), observer) as (running, _):
        running.call(line, b"{}")
        call = observer.next_call()
    assert (call.endpoint, bool(observer.asked)) == (endpoint, asked)


def test_a_call_that_reached_no_deployment_is_told_under_other():
    observer = FakeObserver()
    with stage(replying(json_reply()), observer) as (running, _):
        running.call(
            b"POST /v1/chat/completions", b"{}", b"x-candor-deployment: invented-by-a-client"
        )
        call = observer.next_call()
    assert (call.deployment, call.status, call.request) == ("other", 404, None)
    assert observer.arrivals == [("other", Endpoint.CHAT_COMPLETIONS)]


class FakeBrokenObserver:
    """Fails at everything."""

    def arrived(self, deployment, endpoint):
        raise RuntimeError("arrived")

    def finished(self, call):
        raise ValueError("finished")

    def wants(self, request_id, deployment, endpoint):
        raise OSError("wants")


def test_an_observer_that_fails_changes_nothing_for_the_client_and_is_counted():
    with stage(replying(json_reply(b'{"a":1}')), FakeBrokenObserver()) as (running, _):
        for _ in range(3):
            reply = running.call()
            assert (reply.head.status, reply.body) == (200, b'{"a":1}')
    assert running.relay.plane.observer.failures == 9
    assert running.relay.in_flight == 0

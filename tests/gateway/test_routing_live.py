"""Retries, fallbacks and breakers over real sockets: who is asked, and what the client sees."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

from gateway.config import settings_from
from tests.gateway.stage import (
    PATIENCE,
    STREAM_HEAD,
    FakeUpstream,
    chunked,
    gateway,
    json_reply,
    replying,
)

SOON = b"retry-after-ms: 1"


def failing(status: bytes = b"503 Service Unavailable", body: bytes = b'{"no":1}') -> bytes:
    return json_reply(body, SOON, b"X-Mine: kept", status=status)


def turns(*replies: bytes | None):
    """A script that answers each request with the next reply, the last one for ever; None: RST."""
    left, lock = list(replies), threading.Lock()

    def script(wire, _):
        with lock:
            reply = left.pop(0) if len(left) > 1 else left[0]
        if reply is None:
            wire.reset()
        else:
            wire.send(reply)

    return script


@contextlib.contextmanager
def deployments(rules: dict, breaker: dict | None = None, observer=None, **scripts):
    """One upstream per script, each a model of its own name; ``rules`` are those of model ``a``."""
    with contextlib.ExitStack() as stack:
        upstreams = {
            name: stack.enter_context(FakeUpstream(script)) for name, script in scripts.items()
        }
        entries = [
            {"name": name, "model": name, "upstream": {"base_url": one.base_url},
             "breaker": breaker if name == "a" else None}
            for name, one in upstreams.items()
        ]  # fmt: skip
        settings = settings_from({"deployments": entries, "routes": {"a": rules}}, environ={})
        yield stack.enter_context(gateway(settings, observer)), upstreams


BODY = b'{"model":"a", "x" : 1e-7}'
LINE = b"POST /v1/chat/completions"


def test_a_call_is_tried_again_with_the_same_bytes_until_it_succeeds():
    script = turns(failing(), None, json_reply(b'{"yes":1}'))
    with deployments({"retries": 2}, a=script) as (running, upstreams):
        reply = running.call(LINE, BODY)
        assert (reply.head.status, reply.body) == (200, b'{"yes":1}')
        assert [message.body for message in upstreams["a"].seen] == [BODY] * 3


def test_without_rules_a_failure_is_the_clients_at_once():
    with deployments({}, a=turns(failing(), json_reply())) as (running, upstreams):
        assert running.call(LINE, BODY).head.status == 503
        assert len(upstreams["a"].seen) == 1


def test_the_last_reply_of_all_is_delivered_verbatim():
    script = turns(failing(), failing(b"529 Too Busy", b'{"last":1}'))
    with deployments({"retries": 1}, a=script) as (running, upstreams):
        reply = running.call(LINE, BODY)
        assert reply.head.line == b"HTTP/1.1 529 Too Busy"
        assert reply.body == b'{"last":1}'
        assert reply.head.get(b"x-mine") == b"kept"
        assert reply.head.get(b"retry-after-ms") == b"1"
        assert len(upstreams["a"].seen) == 2


def test_a_fallback_answers_in_its_own_name_when_all_tries_are_spent():
    rules = {"retries": 1, "fallbacks": ["b"]}
    with deployments(rules, a=turns(failing()), b=replying(json_reply(b'{"b":1}'))) as (
        running,
        upstreams,
    ):
        reply = running.call(LINE, BODY)
        assert (reply.head.status, reply.body) == (200, b'{"b":1}')
        assert reply.head.get(b"x-candor-deployment") == b"b"
        assert (len(upstreams["a"].seen), len(upstreams["b"].seen)) == (2, 1)


def test_a_pinned_call_is_tried_once_whatever_the_rules():
    rules = {"retries": 3, "fallbacks": ["b"]}
    with deployments(rules, a=turns(failing()), b=replying(json_reply())) as (running, upstreams):
        reply = running.call(LINE, BODY, b"x-candor-deployment: a")
        assert reply.head.status == 503
        assert (len(upstreams["a"].seen), len(upstreams["b"].seen)) == (1, 0)


def test_a_stream_that_breaks_off_is_not_tried_again():
    def script(wire, _):
        wire.send(STREAM_HEAD + chunked(b"data: 1\n\n", end=b""))
        wire.reset()

    rules = {"retries": 3, "fallbacks": ["b"]}
    with deployments(rules, a=script, b=replying(json_reply())) as (running, upstreams):
        wire = running.wire()
        wire.send(LINE + b" HTTP/1.1\r\nHost: g\r\nContent-Length: 25\r\n\r\n" + BODY)
        assert wire.head().status == 200
        assert wire.chunk() == b"data: 1\n\n"
        with contextlib.suppress(EOFError, ConnectionError):
            raise AssertionError(wire.chunk())
        assert (len(upstreams["a"].seen), len(upstreams["b"].seen)) == (1, 0)


def test_an_upload_that_streams_through_is_sent_once_alone():
    with deployments({"retries": 3}, a=turns(failing(), json_reply())) as (running, upstreams):
        kind = b"Content-Type: multipart/form-data; boundary=x"
        assert running.call(b"POST /v1/files", b"--x--", kind).head.status == 503
        assert len(upstreams["a"].seen) == 1


def test_a_call_ends_when_its_time_is_over_however_many_tries_are_left():
    silent = threading.Event()

    def script(wire, _):
        silent.wait(PATIENCE)

    rules = {"retries": 9, "timeout_seconds": 0.3}
    try:
        with deployments(rules, a=script) as (running, _):
            reply = running.call(LINE, BODY)
            assert reply.head.status == 504
            assert json.loads(reply.body)["error"]["code"] == "candor_upstream_timeout"
    finally:
        silent.set()


def test_a_try_that_takes_too_long_is_followed_by_another_one():
    silent = threading.Event()
    calls = []

    def script(wire, message):
        calls.append(message)
        if len(calls) == 1:
            silent.wait(PATIENCE)
        else:
            wire.send(json_reply())

    for limit in ("try_timeout_seconds", "first_byte_timeout_seconds"):
        calls.clear()
        silent.clear()
        try:
            with deployments({"retries": 1, limit: 0.2}, a=script) as (running, _):
                assert running.call(LINE, BODY).head.status == 200
                assert len(calls) == 2
        finally:
            silent.set()


def test_an_open_circuit_answers_at_once_and_says_when_to_come_back():
    breaker = {"failures": 2, "open_seconds": 60}
    with deployments({}, breaker, a=turns(failing())) as (running, upstreams):
        assert [running.call(LINE, BODY).head.status for _ in range(2)] == [503, 503]
        reply = running.call(LINE, BODY)
        assert json.loads(reply.body)["error"]["code"] == "candor_circuit_open"
        assert 1 <= int(reply.head.get(b"retry-after")) <= 60
        assert len(upstreams["a"].seen) == 2


def test_an_open_circuit_sends_calls_to_the_fallback_without_asking_again():
    breaker = {"failures": 1, "open_seconds": 60}
    rules = {"fallbacks": ["b"]}
    with deployments(rules, breaker, a=turns(failing()), b=replying(json_reply())) as (
        running,
        upstreams,
    ):
        for _ in range(3):
            assert running.call(LINE, BODY).head.get(b"x-candor-deployment") == b"b"
        assert (len(upstreams["a"].seen), len(upstreams["b"].seen)) == (1, 3)


def test_a_circuit_closes_again_when_its_probe_succeeds():
    breaker = {"failures": 1, "open_seconds": 0.05}
    with deployments({}, breaker, a=turns(failing(), json_reply())) as (running, _):
        assert running.call(LINE, BODY).head.status == 503
        statuses = iter(lambda: running.call(LINE, BODY).head.status, 200)
        assert set(statuses) <= {503}
        assert [running.call(LINE, BODY).head.status for _ in range(3)] == [200] * 3


def test_a_deployment_that_nobody_listens_at_falls_back_too():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    with FakeUpstream(replying(json_reply())) as second:
        tree = {
            "deployments": [
                {"name": "a", "model": "a", "upstream": {"base_url": gone}},
                {"name": "b", "model": "b", "upstream": {"base_url": second.base_url}},
            ],
            "routes": {"a": {"fallbacks": ["b"]}},
        }
        with gateway(settings_from(tree, environ={})) as running:
            assert running.call(LINE, BODY).head.get(b"x-candor-deployment") == b"b"


REFUSAL = json.dumps(
    {"choices": [{"message": {"role": "assistant"}, "finish_reason": "content_filter"}]}
).encode()


def test_a_refusal_of_the_providers_filter_goes_to_whoever_is_named_for_it():
    rules = {"retries": 2, "content_policy_fallbacks": ["b"]}
    with deployments(rules, a=replying(json_reply(REFUSAL)), b=replying(json_reply())) as (
        running,
        upstreams,
    ):
        assert running.call(LINE, BODY).head.get(b"x-candor-deployment") == b"b"
        assert (len(upstreams["a"].seen), len(upstreams["b"].seen)) == (1, 1)


def test_a_refusal_is_the_clients_where_nobody_is_named_for_it():
    rules = {"retries": 2, "fallbacks": ["b"]}
    with deployments(rules, a=replying(json_reply(REFUSAL)), b=replying(json_reply())) as (
        running,
        _,
    ):
        assert running.call(LINE, BODY).body == REFUSAL

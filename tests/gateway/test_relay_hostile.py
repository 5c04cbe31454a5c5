"""Clients that leave, stall or lie, and what nobody else may notice of them."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from gateway.config import settings_from
from tests.gateway.stage import (
    PATIENCE,
    STREAM_HEAD,
    FakeUpstream,
    Wire,
    chunked,
    gateway,
    json_reply,
    replying,
    stage,
)
from tests.waiting import wait_until

ASKED = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 13\r\n\r\n"
    + b'{"model":"m"}'
)
HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def echoing(wire, _):
    """Switches protocols and says whatever it hears."""
    wire.send(SWITCHING)
    wire.send(wire.exactly(5))


def test_a_client_that_leaves_with_a_request_queued_ends_its_current_call():
    asked, left = threading.Event(), threading.Event()

    def script(wire, _):
        asked.set()
        wire.rest()
        left.set()

    with stage(script) as (running, _):
        wire = running.wire()
        wire.send(ASKED * 3)
        assert asked.wait(PATIENCE)
        wire.close()
        assert left.wait(PATIENCE)
        wait_until(lambda: running.relay.in_flight == 0)


def test_a_client_that_resets_while_its_upload_is_not_taken_ends_the_call():
    begun, left = threading.Event(), threading.Event()

    def script(wire, _):
        begun.set()
        left.wait(PATIENCE)

    with (
        FakeUpstream(script, reads_body=False) as upstream,
        gateway(one_for_all(upstream.base_url)) as running,
    ):
        wire = running.wire()
        wire.send(b"POST /v1/files HTTP/1.1\r\nHost: g\r\nContent-Length: 90000000\r\n\r\n")
        wire.socket.setblocking(False)
        sent = [0]

        def stuck() -> bool:
            try:
                sent[0] += wire.socket.send(b"x" * 1_000_000)
            except BlockingIOError:
                return running.relay.in_flight == 1 and begun.is_set()
            return False

        wait_until(stuck)
        # By RST: a FIN would stand behind the bytes that nobody takes, and reach nobody.
        wire.reset()
        wait_until(lambda: running.relay.in_flight == 0)
        left.set()


def one_for_all(base_url: str, **deployment: object):
    entry = {"name": "default", "model": "*", "upstream": {"base_url": base_url}, **deployment}
    return settings_from({"deployments": [entry]}, environ={})


def test_a_client_that_takes_nothing_of_its_last_bytes_is_given_up():
    limits = {"limits": {"client_timeout_seconds": 0.1, "keep_alive_seconds": 0.1}}
    body = b"x" * 8_000_000
    with stage(replying(json_reply(body)), server=limits) as (running, _):
        with socket.socket() as small:
            small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            small.connect(("127.0.0.1", running.port))
            Wire(small).send(ASKED.replace(b"Host", b"Connection: close\r\nHost"))

            def given_up() -> bool:
                # The first byte of struct tcp_info is the state; 7 is TCP_CLOSE: it was reset.
                return small.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x07"

            wait_until(given_up)
        wait_until(lambda: running.relay.in_flight == 0)


@pytest.mark.parametrize(
    "fields",
    [b"Upgrade: websocket\r\n", b"Upgrade: websocket\r\nConnection: keep-alive\r\n"],
)
def test_an_offer_that_lacks_its_connection_header_is_an_ordinary_call(fields):
    with stage(replying(json_reply())) as (running, upstream):
        wire = running.wire()
        wire.send(ASKED.replace(b"Host", fields + b"Host"))
        assert wire.head().status == 200
        assert upstream.seen[0].body == b'{"model":"m"}'
        wire.close()


@pytest.mark.parametrize("length", [b"Content-Length: 2", b"Transfer-Encoding: chunked"])
def test_a_handshake_with_a_body_is_refused_and_blames_no_upstream(length):
    with FakeUpstream(echoing) as upstream:
        settings = one_for_all(upstream.base_url, breaker={"failures": 1, "ratio": 0})
        with gateway(settings) as running:
            wire = running.wire()
            wire.send(
                HANDSHAKE.replace(b"%s", b"/v1/realtime").replace(b"Host", length + b"\r\nHost")
            )
            assert wire.head().status == 400
            wire.close()
            assert upstream.seen == []
            tunnelled(running, b"/v1/realtime")


def tunnelled(running, target: bytes) -> None:
    """A WebSocket opens there and passes bytes both ways."""
    wire = running.wire()
    wire.send(HANDSHAKE % target, b"hello")
    assert wire.head().status == 101
    assert wire.exactly(5) == b"hello"
    wire.close()


def realtime(base_url: str, **branches: object):
    first = {"base_url": base_url, "model": "gpt-rt-2"}
    tree = {
        "deployments": [
            {"name": "rt", "model": "rt", "upstream": first},
            {"name": "second", "model": "other", "upstream": {"base_url": base_url}},
        ],
        **branches,
    }
    return settings_from(tree, environ={})


def test_a_websocket_is_routed_by_the_model_in_its_query_which_is_rewritten():
    with FakeUpstream(echoing) as upstream, gateway(realtime(upstream.base_url)) as running:
        tunnelled(running, b"/v1/realtime?a=%20&model=rt&b")
        line = upstream.seen[0].head.line
        assert line == b"GET /v1/realtime?a=%20&model=gpt-rt-2&b HTTP/1.1"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/v1/realtime?model=rt&model=other", 400),
        (b"/v1/realtime?model=other", 403),
        (b"/v1/files?model=rt", 403),
        (b"/v1/realtime", 403),
    ],
)
def test_a_limited_key_opens_no_websocket_to_another_model(target, status):
    keys = [{"name": "a", "key": "sk-a", "models": ["rt"]}]
    with FakeUpstream(echoing) as upstream:
        with gateway(realtime(upstream.base_url, keys=keys)) as running:
            wire = running.wire()
            wire.send((HANDSHAKE % target).replace(b"Host", b"Authorization: Bearer sk-a\r\nHost"))
            assert wire.head().status == status
            wire.close()
        assert upstream.seen == []


def test_a_websocket_is_not_held_back_where_refusals_are():
    routes = {"rt": {"content_policy_fallbacks": ["second"]}}
    with (
        FakeUpstream(echoing) as upstream,
        gateway(realtime(upstream.base_url, routes=routes)) as running,
    ):
        tunnelled(running, b"/v1/realtime?model=rt")


def test_a_client_that_reads_too_slowly_does_not_open_the_circuit():
    def script(wire, message):
        if b"slow" in message.body:
            wire.send(STREAM_HEAD, *(chunked(b"x" * 100_000, end=b"") for _ in range(200)))
        wire.send(json_reply())

    with FakeUpstream(script) as upstream:
        deployment = {
            "name": "a",
            "model": "m",
            "upstream": {"base_url": upstream.base_url},
            "breaker": {"failures": 1, "ratio": 0},
        }
        tree = {"deployments": [deployment], "routes": {"m": {"timeout_seconds": 0.3}}}
        with gateway(settings_from(tree, environ={})) as running:
            wire = running.wire()
            body = b'{"model":"m","x":"slow"}'
            wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\n")
            wire.send(b"Content-Length: %d\r\n\r\n" % len(body), body)
            wait_until(lambda: running.relay.in_flight == 1)
            wait_until(lambda: running.relay.in_flight == 0)
            assert running.call(body=b'{"model":"m"}').head.status == 200
            wire.close()


def test_a_key_goes_where_each_road_wants_it_whatever_came_before_on_the_connection():
    with FakeUpstream(replying(json_reply())) as upstream:
        entry = {
            "name": "a",
            "model": "m",
            "upstream": {"base_url": upstream.base_url, "api_key": "sk-up"},
        }
        settings = settings_from({"deployments": [entry]}, environ={})
        azure = ASKED.replace(b"/v1/chat", b"/openai/deployments/m/chat")
        with gateway(settings) as running:
            for requests in ((ASKED, azure), (azure, ASKED)):
                wire = running.wire()
                for request in requests:
                    wire.send(request.replace(b"Host", b"api-key: own\r\nHost"))
                    wire.body(wire.head())
                wire.close()
    sent = [(seen.head.get(b"api-key"), seen.head.get(b"authorization")) for seen in upstream.seen]
    assert sent[0] == sent[3] == (b"sk-up", None)
    assert sent[1] == sent[2] == (None, b"Bearer sk-up")


def test_thoughts_are_not_held_back_for_a_refusal_that_may_follow():
    shown = threading.Event()
    thought = json.dumps({"choices": [{"delta": {"reasoning_content": "Hm."}}]}).encode()

    def script(wire, _):
        wire.send(STREAM_HEAD, chunked(b"data: %s\n\n" % thought, end=b""))
        assert shown.wait(PATIENCE)
        wire.send(b"0\r\n\r\n")

    with FakeUpstream(script) as upstream:
        routes = {"rt": {"content_policy_fallbacks": ["second"]}}
        with gateway(realtime(upstream.base_url, routes=routes)) as running:
            wire = running.wire()
            wire.send(ASKED.replace(b'13\r\n\r\n{"model":"m"}', b'14\r\n\r\n{"model":"rt"}'))
            wire.head()
            assert wire.chunk() == b"data: %s\n\n" % thought
            shown.set()
            wire.close()

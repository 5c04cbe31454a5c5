"""Call after call on one connection: what was decided on the last one is no answer to another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from dataclasses import replace

import pytest

from gateway.config import settings_from
from gateway.upstreams.base import Framing, Reply, Sink, UpstreamCall, UpstreamTimeout
from tests.gateway.stage import (
    FakeUpstream,
    Gateway,
    Message,
    gateway,
    json_reply,
    replying,
    stage,
)

CHAT = b"POST /v1/chat/completions"


@contextlib.contextmanager
def several(*entries: dict, **branches):
    """A gateway with these deployments, each with an upstream of its own."""
    with contextlib.ExitStack() as stack:
        upstreams, deployments = [], []
        for place, entry in enumerate(entries):
            upstream = stack.enter_context(FakeUpstream(replying(json_reply(b"[%d]" % place))))
            upstreams.append(upstream)
            rewritten = {key: entry[key] for key in entry.keys() & {"model_there"}}
            there = {"base_url": upstream.base_url}
            if rewritten:
                there["model"] = rewritten["model_there"]
            kept = {key: value for key, value in entry.items() if key != "model_there"}
            deployments.append({**kept, "upstream": there})
        settings = settings_from({"deployments": deployments, **branches}, environ={})
        yield stack.enter_context(gateway(settings)), *upstreams


class OneConnection:
    """Asks again and again on the same connection."""

    def __init__(self, running: Gateway) -> None:
        self.wire = running.wire()

    def ask(self, body: bytes, line: bytes = CHAT, *headers: bytes) -> Message:
        fields = [b"Host: gateway", *headers, b"Content-Length: %d" % len(body)]
        self.wire.send(b"%b HTTP/1.1\r\n%b\r\n\r\n%b" % (line, b"\r\n".join(fields), body))
        head = self.wire.head()
        return Message(head, self.wire.body(head))


def of(model: str, **more: object) -> bytes:
    return json.dumps({"model": model, **more}).encode()


A = {"name": "a", "model": "first"}
B = {"name": "b", "model": "second"}


def test_each_call_of_a_connection_goes_to_the_model_that_it_names():
    with several(A, B) as (running, first, second):
        one = OneConnection(running)
        asked = ["first", "first", "second", "second", "first", "second"]
        replies = [one.ask(of(model)).body for model in asked]
        assert replies == [b"[0]" if model == "first" else b"[1]" for model in asked]
        assert [json.loads(sent.body)["model"] for sent in first.seen] == ["first"] * 3
        assert len(second.seen) == 3


def test_each_call_of_a_connection_states_the_length_of_its_own_body():
    with several({**A, "model_there": "written"}) as (running, upstream):
        one = OneConnection(running)
        bodies = [of("first", user="u" * size) for size in (1, 2000, 0, 30, 9)]
        for body in bodies:
            one.ask(body)
        for sent, body in zip(upstream.seen, bodies, strict=True):
            assert sent.body == body.replace(b'"first"', b'"written"')
            assert sent.head.all(b"content-length") == [b"%d" % len(sent.body)]
            assert sent.head.names == [b"host", b"content-length"]


def test_path_and_query_are_those_of_each_call():
    with several(A) as (running, upstream):
        one = OneConnection(running)
        lines = [CHAT, CHAT + b"?x=1", CHAT, b"POST /v1/embeddings", CHAT + b"?x=2", CHAT]
        for line in lines:
            one.ask(of("first"), line)
        assert [sent.head.line for sent in upstream.seen] == [line + b" HTTP/1.1" for line in lines]


def test_headers_are_those_of_each_call():
    with several(A) as (running, upstream):
        one = OneConnection(running)
        values = [b"x-mine: 1", b"x-mine: 1", b"x-mine: 2", b"X-Mine: 2"]
        for value in values:
            one.ask(of("first"), CHAT, value)
        sent = [dict(message.head.headers) for message in upstream.seen]
        assert [
            {key: one for key, one in found.items() if key.lower() == b"x-mine"} for found in sent
        ] == [dict([tuple(value.split(b": "))]) for value in values]


def test_a_deployment_is_drawn_for_every_call_of_a_connection():
    half = {"model": "first", "weight": 1}
    with several({"name": "a", **half}, {"name": "b", **half}) as (running, first, second):
        one = OneConnection(running)
        for _ in range(64):
            one.ask(of("first"))
        # All on one side would be drawn once in 2^63 runs.
        assert len(first.seen) + len(second.seen) == 64
        assert first.seen and second.seen


@pytest.mark.parametrize(
    "odd",
    [
        b'{"model":"first","model":"second"}',
        b'{"model":"second","model":"first"}',
        b'{"model":"second","x":{"model":"first"}}',
        b'{"mod\\u0065l":"second","x":"first"}',
        b'{"x":"first"}',
        b"not json",
        b'"model":"first"',
        b"",
    ],
)
def test_an_odd_body_after_plain_ones_is_answered_as_it_would_be_alone(odd: bytes):
    with several(A, B) as (running, _first, _second):
        alone = OneConnection(running).ask(odd)
        later = OneConnection(running)
        later.ask(of("first"))
        later.ask(of("first"))
        found = later.ask(odd)
        assert (found.head.status, found.body) == (alone.head.status, alone.body)
        assert found.head.get(b"x-candor-deployment") == alone.head.get(b"x-candor-deployment")


def test_a_key_that_may_not_ask_for_a_model_may_not_after_one_that_it_may_ask_for_either():
    keys = [{"name": "k", "key": "sk-test", "models": ["first"]}]
    with several(A, B, keys=keys) as (running, _, second):
        one = OneConnection(running)
        key = b"Authorization: Bearer sk-test"
        statuses = [one.ask(of(model), CHAT, key).head.status for model in ("first", "second")]
        assert statuses == [200, 403]
        assert one.ask(of("first"), CHAT, b"Authorization: Bearer sk-other").head.status == 401
        assert not second.seen


def test_a_pin_counts_for_its_own_call_alone():
    with several(A, {**B, "model": "first", "weight": 0}) as (running, _, _second):
        one = OneConnection(running)
        pin = b"x-candor-deployment: b"
        replies = [one.ask(of("first"), CHAT, *pins).body for pins in ((), (pin,), (pin,), ())]
        assert replies == [b"[0]", b"[1]", b"[1]", b"[0]"]


def test_a_large_body_after_small_ones_goes_the_same_way():
    with several(A, B) as (running, _first, second):
        one = OneConnection(running)
        large = of("second", messages=["m" * 200_000])
        one.ask(of("first"))
        assert one.ask(large).body == b"[1]"
        assert one.ask(of("first")).body == b"[0]"
        assert second.seen[0].body == large


def test_the_largest_body_holds_for_every_call_of_a_connection():
    with several(A, server={"limits": {"max_request_bytes": 1024}}) as (running, upstream):
        one = OneConnection(running)
        statuses = [one.ask(of("first", user="u" * size)).head.status for size in (1, 1, 5000)]
        assert statuses == [200, 200, 413]
        assert len(upstream.seen) == 2


@pytest.mark.parametrize("line", [CHAT, b"POST /v1/files", b"PUT /v1/files/f", b"POST /elsewhere"])
def test_a_body_is_no_second_request_whatever_protocol_its_head_asks_for(line: bytes):
    inner = b"%b HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n" % CHAT + b'{"model":"first" }'
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket"
    with several(A) as (running, upstream):
        wire = running.wire()
        wire.send(
            b"%b HTTP/1.1\r\nHost: g\r\n%b\r\nContent-Length: %d\r\n\r\n%b"
            % (line, upgrade, len(inner), inner)
        )
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.rest().count(b"HTTP/1.1 ") <= 1
        assert [sent.body for sent in upstream.seen if sent.body != inner] == []


class Prompt:
    """An upstream whose reply is here in time, by a loop that was busy until the time was over."""

    async def open(self, call: UpstreamCall) -> Reply:
        assert call.landing is not None
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass
        reply = Begun()
        call.landing.landed(reply)
        await asyncio.sleep(0)
        return reply

    async def aclose(self) -> None:
        pass


def test_a_reply_that_landed_is_not_cut_by_the_time_of_its_try():
    rules = {"*": {"retries": 1, "try_timeout_seconds": 0.05}}
    with stage(replying(json_reply()), routes=rules) as (running, _):
        running.relay.plane = replace(running.relay.plane, upstreams={"default": Prompt()})
        reply = running.call(CHAT, of("m"))
        assert (reply.head.status, reply.body) == (200, b"begun and done")


class Overtaken:
    """An upstream whose reply has begun when its try's time is found to be over."""

    def __init__(self) -> None:
        self.asked = 0

    async def open(self, call: UpstreamCall) -> Reply:
        self.asked += 1
        assert call.landing is not None
        call.landing.landed(Begun())
        raise UpstreamTimeout("timed out: the try took longer than 1 s")

    async def aclose(self) -> None:
        pass


class Begun:
    """A reply of which the head and one part are here."""

    status, reason, framing, ready = 200, b"OK", Framing.LENGTH, True
    headers = ((b"Content-Length", b"14"),)

    def start(self, sink: Sink) -> None:
        sink.part(b"begun")

    async def pass_to(self, sink: Sink) -> None:
        sink.part(b" and done")

    def close(self) -> None:
        pass

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass


def test_what_has_reached_the_client_is_not_asked_for_again():
    rules = {"*": {"retries": 3, "try_timeout_seconds": 1}}
    with stage(replying(json_reply()), routes=rules) as (running, upstream):
        overtaken = Overtaken()
        running.relay.plane = replace(running.relay.plane, upstreams={"default": overtaken})
        wire = running.wire()
        body = of("m")
        wire.send(b"%b HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % (CHAT, len(body)))
        wire.send(body)
        received = wire.rest()
        assert received.count(b"HTTP/1.1 ") == 1
        assert received.endswith(b"\r\n\r\nbegun")
        assert (overtaken.asked, upstream.seen) == (1, [])

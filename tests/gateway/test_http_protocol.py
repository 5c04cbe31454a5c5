"""What comes before anybody is admitted has a bound, and who passes it is told so in one answer."""

from __future__ import annotations

import json
import threading

import pytest

from tests.gateway.stage import PATIENCE, json_reply, replying, stage

REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
SMALL_HEADS = {"limits": {"max_head_bytes": 1024}}
"""What may come unparsed is this and one piece of 16 KiB."""


def refused(wire, status: int, code: str) -> None:
    """The wire brings this error, in OpenAI's shape, and then its end."""
    head = wire.head()
    assert (head.status, head.get(b"connection")) == (status, b"close")
    assert head.get(b"x-candor-request-id")
    error = json.loads(wire.body(head))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert wire.rest() == b""
    wire.close()


@pytest.mark.parametrize(
    "opening",
    [
        b"GET /v1/x?" + b"a" * 40_000,
        b"GET /v1/x HTTP/1.1\r\nX-A: " + b"a" * 40_000,
        b"GET /v1/x HTTP/1.1\r\n" + b"a" * 40_000,
        b"GET /v1/x HTTP/1.1\r\n" + b"X-A: a\r\n" * 5_000,
        b"\r\n" * 20_000,
    ],
    ids=["address", "value", "name", "many", "blank lines"],
)
def test_a_head_that_does_not_end_is_cut_off(opening):
    with stage(replying(json_reply()), server=SMALL_HEADS) as (running, upstream):
        wire = running.wire()
        wire.send(opening)
        refused(wire, 431, "candor_head_too_large")
        assert upstream.seen == []


@pytest.mark.parametrize(
    "head",
    [b"GET /v1/x?" + b"a" * 1024 + b" HTTP/1.1\r\nHost: g\r\n\r\n",
     b"GET /v1/x HTTP/1.1\r\nHost: g\r\nX-A: " + b"a" * 1024 + b"\r\n\r\n",
     b"GET /livez HTTP/1.1\r\nHost: g\r\nX-A: " + b"a" * 1024 + b"\r\n\r\n"],
    ids=["address", "header", "outside of /v1"],
)  # fmt: skip
def test_a_whole_head_over_the_limit_is_refused(head):
    with stage(replying(json_reply()), server=SMALL_HEADS) as (running, upstream):
        wire = running.wire()
        wire.send(head)
        refused(wire, 431, "candor_head_too_large")
        assert upstream.seen == []


def test_an_address_longer_than_the_parser_can_count_is_refused():
    with stage(replying(json_reply())) as (running, _):
        wire = running.wire()
        wire.send(b"GET /v1/" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: g\r\n\r\n")
        refused(wire, 431, "candor_head_too_large")


def test_a_head_up_to_the_limit_passes():
    with stage(replying(json_reply()), server=SMALL_HEADS) as (running, upstream):
        assert running.call(REQUEST[:25], b"{}", b"X-A: " + b"a" * 900).head.status == 200
        assert upstream.seen[0].head.get(b"x-a") == b"a" * 900


@pytest.mark.parametrize(
    "ending",
    [b"2\r\n{}\r\n0\r\nX-A: " + b"a" * 40_000, b"2;" + b"a" * 40_000],
    ids=["trailers", "extension"],
)
def test_what_frames_a_body_may_not_grow_without_end(ending):
    with stage(replying(json_reply()), server=SMALL_HEADS) as (running, upstream):
        wire = running.wire()
        wire.send(CHUNKED + ending)
        refused(wire, 431, "candor_head_too_large")
        assert upstream.seen == []


def test_a_large_body_in_small_chunks_is_no_large_head():
    with stage(replying(json_reply()), server=SMALL_HEADS) as (running, upstream):
        wire = running.wire()
        wire.send(CHUNKED + b"1\r\n{\r\n" + b"1\r\n \r\n" * 20_000 + b"1\r\n}\r\n0\r\n\r\n")
        assert wire.head().status == 200
        assert len(upstream.seen[0].body) == 20_002
        wire.close()


def test_a_trailer_reaches_no_upstream():
    asked = threading.Event()

    def script(wire, _):
        asked.set()
        wire.send(json_reply())

    with stage(script) as (running, upstream):
        wire = running.wire()
        wire.send(CHUNKED + b"2\r\n{}\r\n0\r\nX-Late: 1\r\nAuthorization: Bearer late\r\n\r\n")
        assert wire.head().status == 200
        assert asked.wait(PATIENCE)
        assert upstream.seen[0].body == b"{}"
        assert upstream.seen[0].head.get(b"x-late") is None
        assert upstream.seen[0].head.get(b"authorization") is None
        wire.close()


@pytest.mark.parametrize("begun", [b"", b"GET /v1/models HTTP/1.1\r\nHost", b"\r\n"])
def test_a_head_that_does_not_arrive_in_time_is_given_up(begun):
    limits = {"limits": {"client_timeout_seconds": 0.05}}
    with stage(replying(json_reply()), server=limits) as (running, _):
        wire = running.wire()
        wire.send(begun)
        refused(wire, 408, "candor_request_timeout")


def test_the_second_head_of_a_connection_must_arrive_in_time_too():
    limits = {"limits": {"client_timeout_seconds": 0.05}}
    with stage(replying(json_reply()), server=limits) as (running, _):
        wire = running.wire()
        wire.send(REQUEST)
        wire.body(wire.head())
        wire.send(b"GET /v1/mod")
        refused(wire, 408, "candor_request_timeout")


def test_a_slow_reply_is_not_taken_for_a_slow_head():
    limits = {"limits": {"client_timeout_seconds": 0.05}}
    late = threading.Event()

    def script(wire, _):
        late.wait(0.2)
        wire.send(json_reply())

    with stage(script, server=limits) as (running, _):
        assert running.call().head.status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GET /v1/x HTTP/1.1\r\nbad header\r\n\r\n"],
    ids=["TLS", "a header without a colon"],
)
def test_what_is_not_http_is_answered_in_openais_shape(request_bytes):
    with stage(replying(json_reply())) as (running, _):
        wire = running.wire()
        wire.send(request_bytes)
        refused(wire, 400, "candor_bad_request")


def test_several_requests_on_one_connection_are_answered_in_turn():
    with stage(replying(json_reply())) as (running, upstream):
        wire = running.wire()
        wire.send(REQUEST * 3)
        assert [wire.body(wire.head()) for _ in range(3)] == [b"{}"] * 3
        assert len(upstream.seen) == 3
        wire.close()

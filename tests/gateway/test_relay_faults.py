"""What happens when a side of the call fails: the other side learns it, and nothing worse."""

from __future__ import annotations

import dataclasses
import json
import threading

import pytest
from structlog.testing import capture_logs

from tests.gateway.stage import (
    PATIENCE,
    STREAM_HEAD,
    FakeObserver,
    FakeUpstream,
    chunked,
    gateway,
    json_reply,
    replying,
    settings_to,
    stage,
)

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}"


def code(reply) -> str:
    """The code of an error in OpenAI's shape."""
    error = json.loads(reply.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert reply.head.get(b"x-candor-request-id")
    return error["code"]


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize(
    ("head", "part"),
    [
        (STREAM_HEAD, chunked(b"data: 1\n\n", end=b"")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b"data: 1\n\n"),
    ],
    ids=["stream", "length"],
)
def test_a_reply_that_breaks_off_never_looks_complete(head, part, ending):
    reached = threading.Event()

    def script(wire, _):
        wire.send(head, part)
        assert reached.wait(PATIENCE)
        getattr(wire, ending)()

    observer = FakeObserver()
    with stage(script, observer) as (running, _):
        wire = running.wire()
        wire.send(REQUEST)
        assert wire.head().status == 200
        assert wire.exactly(len(part)) == part
        reached.set()
        if ending == "reset":
            with pytest.raises(ConnectionResetError):
                wire.rest()
        else:
            assert wire.rest() == b""
        call = observer.next_call()
        assert (call.cut, call.status, call.reply) == (True, 200, b"data: 1\n\n")


def test_an_upstream_that_is_down_is_said_to_be_unreachable():
    with FakeUpstream(replying()) as upstream:
        address = upstream.base_url
    with gateway(settings_to(address)) as running:
        reply = running.call()
        assert (reply.head.status, code(reply)) == (502, "candor_upstream_unreachable")
        assert reply.head.get(b"x-candor-deployment") == b"default"
        assert b"connection refused" in reply.body


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 999 No\r\n\r\n"],
    ids=["nothing", "another protocol", "half a head", "an odd status"],
)
def test_an_upstream_that_does_not_speak_http_is_said_to_be_unreachable(answer):
    def script(wire, _):
        wire.send(answer)
        wire.close()

    with stage(script) as (running, upstream):
        reply = running.call()
        assert (reply.head.status, code(reply)) == (502, "candor_upstream_unreachable")
        assert len(upstream.seen) == 1


def test_an_upstream_that_keeps_silent_is_given_up_after_its_limit():
    limits = {"limits": {"idle_timeout_seconds": 0.05}}
    with stage(lambda wire, _: None, server=limits) as (running, _):
        reply = running.call()
        assert (reply.head.status, code(reply)) == (504, "candor_upstream_timeout")


def test_a_stream_that_falls_silent_is_broken_off_after_its_limit():
    limits = {"limits": {"idle_timeout_seconds": 0.05}}
    with stage(replying(STREAM_HEAD, chunked(b"data: 1\n\n", end=b"")), server=limits) as (
        running,
        _,
    ):
        wire = running.wire()
        wire.send(REQUEST)
        wire.head()
        assert wire.rest() == chunked(b"data: 1\n\n", end=b"")


def test_a_client_that_leaves_ends_the_upstream_call():
    streaming, left = threading.Event(), threading.Event()

    def script(wire, _):
        wire.send(STREAM_HEAD, chunked(b"data: 1\n\n", end=b""))
        streaming.set()
        wire.rest()
        left.set()

    observer = FakeObserver()
    with stage(script, observer) as (running, _):
        wire = running.wire()
        wire.send(REQUEST)
        wire.head()
        assert streaming.wait(PATIENCE)
        wire.close()
        assert left.wait(PATIENCE)
        assert observer.next_call().cut
        assert running.relay.in_flight == 0


@pytest.mark.parametrize(
    ("request_bytes", "kept"),
    [(REQUEST, (b"{}", b"")), (b"GET /v1/files/f_1 HTTP/1.1\r\nHost: g\r\n\r\n", (None, None))],
    ids=["with a body", "without"],
)
def test_a_client_that_leaves_before_the_reply_began_ends_the_upstream_call(request_bytes, kept):
    asked, left = threading.Event(), threading.Event()

    def script(wire, _):
        asked.set()
        wire.rest()
        left.set()

    observer = FakeObserver()
    with stage(script, observer) as (running, _):
        wire = running.wire()
        wire.send(request_bytes)
        assert asked.wait(PATIENCE)
        wire.close()
        assert left.wait(PATIENCE)
        call = observer.next_call()
        assert (call.status, call.cut, call.request, call.reply) == (None, True, *kept)


def test_a_client_that_leaves_in_the_middle_of_its_request_bothers_no_upstream():
    observer = FakeObserver()
    with stage(replying(json_reply()), observer) as (running, upstream):
        wire = running.wire()
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\n{}")
        wire.close()
        call = observer.next_call()
        assert (call.deployment, call.status, call.cut) == ("other", None, True)
        assert upstream.seen == []


def test_a_client_that_leaves_in_the_middle_of_an_upload_ends_the_upstream_call():
    begun, left = threading.Event(), threading.Event()

    def script(wire, _):
        begun.set()
        wire.rest()
        left.set()

    with (
        FakeUpstream(script, reads_body=False) as upstream,
        gateway(settings_to(upstream.base_url)) as running,
    ):
        wire = running.wire()
        wire.send(b"POST /v1/files HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\nab")
        assert begun.wait(PATIENCE)
        wire.close()
        assert left.wait(PATIENCE)


@pytest.mark.parametrize("path", [b"/v1/chat/completions", b"/v1/files"])
def test_a_client_that_stops_sending_is_told_so(path):
    limits = {"limits": {"client_timeout_seconds": 0.05}}
    with stage(replying(json_reply()), server=limits) as (running, _):
        wire = running.wire()
        wire.send(b"POST %s HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\n{}" % path)
        head = wire.head()
        assert (head.status, head.get(b"connection")) == (408, b"close")
        assert b"candor_request_timeout" in wire.rest()


def test_a_body_larger_than_the_limit_is_refused_by_its_announced_length():
    limits = {"limits": {"max_request_bytes": 1024}}
    with stage(replying(json_reply()), server=limits) as (running, upstream):
        wire = running.wire()
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 1025\r\n\r\n")
        head = wire.head()
        assert head.status == 413
        assert b"candor_request_too_large" in wire.body(head)
        wire.close()
        assert running.call(b"POST /v1/chat/completions", b"x" * 1024).head.status == 200
        assert len(upstream.seen) == 1


def test_a_body_larger_than_the_limit_is_refused_where_no_length_was_announced():
    limits = {"limits": {"max_request_bytes": 1024}}
    with stage(replying(json_reply()), server=limits) as (running, upstream):
        wire = running.wire()
        wire.send(b"POST /v1/responses HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send(chunked(b"x" * 1025))
        assert wire.head().status == 413
        assert upstream.seen == []
        wire.close()


def test_an_upload_may_be_larger_than_what_is_held_in_memory():
    limits = {"limits": {"max_request_bytes": 1024}}
    with stage(replying(json_reply()), server=limits) as (running, upstream):
        body = b"x" * 100_000
        assert running.call(b"POST /v1/files", body).head.status == 200
        assert upstream.seen[0].body == body


def test_a_head_larger_than_the_limit_is_refused():
    limits = {"limits": {"max_head_bytes": 1024}}
    with stage(replying(json_reply()), server=limits) as (running, upstream):
        reply = running.call(b"POST /v1/chat/completions", b"{}", b"X-Long: " + b"x" * 1024)
        assert (reply.head.status, code(reply)) == (431, "candor_head_too_large")
        assert upstream.seen == []


def test_calls_beyond_the_limit_are_told_to_come_back():
    asked, answer = threading.Event(), threading.Event()

    def script(wire, _):
        asked.set()
        assert answer.wait(PATIENCE)
        wire.send(json_reply())

    limits = {"limits": {"max_concurrency": 1}}
    observer = FakeObserver()
    with stage(script, observer, server=limits) as (running, _):
        first = running.wire()
        first.send(REQUEST)
        assert asked.wait(PATIENCE)
        reply = running.call()
        assert (reply.head.status, code(reply)) == (503, "candor_overloaded")
        assert reply.head.get(b"retry-after") == b"1"
        answer.set()
        assert first.head().status == 200
        while observer.next_call().status == 503:
            pass
        first.close()
        assert running.call().head.status == 200


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/../admin",
        b"/v1/a/../../x",
        b"/v1/%2e%2e/admin",
        b"/v1/..%2Fadmin",
        b"/v1/a/..%5Cx",
        b"/v1/..;/admin",
        b"/v1/a/.;x/b",
        b"/v1//chat/completions",
        b"/v1/a//",
    ],
)
def test_no_path_leads_out_of_the_upstreams_base(target):
    with stage(replying(json_reply())) as (running, upstream):
        reply = running.call(b"GET " + target, None)
        assert (reply.head.status, code(reply)) == (400, "candor_bad_path")
        assert upstream.seen == []


@pytest.mark.parametrize(
    "coding",
    [b"gzip, chunked", b"xchunked", b"chunked, identity", b"identity", b"chunked, chunked"],
)
def test_a_body_framed_in_another_way_is_refused_and_the_connection_closed(coding):
    with stage(replying(json_reply())) as (running, upstream):
        wire = running.wire()
        wire.send(
            b"POST /v1/files HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: " + coding + b"\r\n\r\n"
        )
        head = wire.head()
        assert head.status in (400, 501)
        assert head.get(b"connection") == b"close"
        assert b"candor_" in wire.rest()
        assert upstream.seen == []


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        (b"200 OK\r\nContent-Length: 1\r\n" + CHUNKED + chunked(b"aa"), 200, b"aa"),
        (b"200 OK\r\nContent-Length: 50\r\n" + CHUNKED + chunked(b"aa"), 200, b"aa"),
        (b"304 Not Modified\r\nETag: x\r\nContent-Length: 55\r\n\r\n", 304, b""),
        (b"204 No Content\r\nContent-Length: 0\r\n\r\n", 204, b""),
    ],
    ids=["chunked and too short", "chunked and too long", "304", "204"],
)
def test_a_reply_is_framed_by_the_rules_and_not_by_a_stray_length(sent, status, body, caplog):
    with stage(replying(b"HTTP/1.1 " + sent)) as (running, _):
        for _ in range(2):
            reply = running.call()
            assert (reply.head.status, reply.body) == (status, body)
            assert reply.head.get(b"transfer-encoding") == (b"chunked" if body else None)
            assert (reply.head.get(b"content-length") is None) is bool(body)
    assert caplog.records == []


def test_a_bug_ends_one_reply_and_is_one_line(caplog):
    class Broken:
        async def open(self, call):
            raise LookupError("secret words of a prompt")

        async def aclose(self):
            pass

    observer = FakeObserver()
    with capture_logs() as lines, stage(replying(), observer) as (running, _):
        plane = running.relay.plane
        running.relay.plane = dataclasses.replace(plane, upstreams={"default": Broken()})
        reply = running.call()
        assert (reply.head.status, code(reply)) == (500, "candor_internal_error")
        assert b"secret" not in reply.body
        running.relay.plane = plane
    assert [(line["event"], line["error"]) for line in lines] == [("call_crashed", "LookupError")]
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("head", [b"", STREAM_HEAD], ids=["before the reply", "within it"])
def test_a_call_cut_at_the_end_of_the_drain_is_one_line(head, caplog):
    asked = threading.Event()

    def script(wire, _):
        wire.send(head)
        asked.set()
        wire.rest()

    with capture_logs() as lines:
        with stage(script) as (running, _):
            wire = running.wire()
            wire.send(REQUEST)
            assert asked.wait(PATIENCE)
            if head:
                wire.head()
        left = wire.rest()
        wire.close()
    assert (left == b"") if head else (b"candor_shutting_down" in left)
    assert [line["event"] for line in lines] == ["cut_at_shutdown"]
    assert [record for record in caplog.records if record.exc_info] == []


def test_clients_that_come_and_go_cost_the_upstream_one_connection():
    observer = FakeObserver()
    with stage(replying(STREAM_HEAD, chunked(b"a")), observer) as (running, upstream):
        for _ in range(20):
            assert running.call().body == b"a"
            assert not observer.next_call().cut
        assert upstream.connections == 1

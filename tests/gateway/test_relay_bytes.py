"""What a client may notice of the gateway: nothing but two headers."""

from __future__ import annotations

import gzip
import threading

import pytest

from tests.gateway.stage import (
    PATIENCE,
    STREAM_HEAD,
    FakeUpstream,
    chunked,
    gateway,
    json_reply,
    replying,
    settings_to,
    stage,
)


@pytest.fixture(scope="module")
def plain():
    """One gateway for the tests that need no script of their own."""
    with stage(replying(json_reply(b'{"ok":1}'))) as (running, upstream):
        yield running, upstream


REQUESTS = {
    "unknown fields": b'{"model":"m","x_new":{"a":[1,{}]},"messages":[]}',
    "order and spaces": b' {\n\t"messages" : [ ] ,\r\n "model":"m" } \n',
    "duplicate keys": b'{"model":"a","model":"m","temperature":1,"temperature":2}',
    "small numbers": b'{"model":"m","temperature":1e-7,"top_p":1.0,"seed":-0}',
    "big integers": b'{"model":"m","seed":123456789012345678901234567890}',
    "escapes": b'{"model":"m","messages":[{"content":"\\u00e9\\/\\ud83d\\ude00\\ud800"}]}',
    "raw unicode": '{"model":"m","messages":[{"content":"\u00e9\u2028\U0001f600"}]}'.encode(),
    "not a number": b'{"model":"m","temperature":NaN}',
    "half a document": b'{"model":"m","messages":[{"role"',
    "no json": b"\x00\xff\xfe not json",
    "an array": b'[{"model":"m"}]',
    "compressed": gzip.compress(b'{"model":"m"}', mtime=0),
    "nothing": b"",
}


@pytest.mark.parametrize("body", REQUESTS.values(), ids=REQUESTS)
def test_the_upstream_gets_the_exact_bytes_of_the_request(plain, body):
    running, upstream = plain
    assert running.call(b"POST /v1/chat/completions", body).head.status == 200
    assert upstream.seen[-1].body == body


def test_headers_go_out_in_order_less_those_of_one_connection(plain):
    running, upstream = plain
    running.call(
        b"POST /v1/chat/completions",
        b"{}",
        b"User-Agent: mine/1",
        b"X-Request-Id: abc",
        b"X-Twice: 1",
        b"Authorization: Bearer sk-own",
        b"Connection: keep-alive, X-Private",
        b"X-Private: secret",
        b"Keep-Alive: timeout=5",
        b"TE: trailers",
        b"Proxy-Authorization: Basic eA==",
        b"x-candor-traffic: probe",
        b"X-Twice: 2",
        b"Accept: text/event-stream",
    )
    assert upstream.seen[-1].head.headers == [
        (b"Host", upstream.host.encode()),
        (b"User-Agent", b"mine/1"),
        (b"X-Request-Id", b"abc"),
        (b"X-Twice", b"1"),
        (b"Authorization", b"Bearer sk-own"),
        (b"X-Twice", b"2"),
        (b"Accept", b"text/event-stream"),
        (b"Content-Length", b"2"),
    ]


def test_no_header_is_added_that_the_client_did_not_send(plain):
    running, upstream = plain
    running.call(b"GET /v1/models", None)
    assert upstream.seen[-1].head.names == [b"host"]


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/chat/completions?api-version=2024-10-21&a=%20%2F&a=2",
        b"/v1/files/a%2Fb/content",
        b"/v1/%E2%82%AC",
        b"/v1/a/b/",
        b"/v1/x?",
        b"/v1/assistants?q=a+b&empty=",
    ],
)
def test_path_and_query_go_out_as_they_came(plain, target):
    running, upstream = plain
    running.call(b"GET " + target, None)
    assert upstream.seen[-1].head.line == b"GET %s HTTP/1.1" % target


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"POST"])
def test_every_method_passes(plain, method):
    running, upstream = plain
    reply = running.call(method + b" /v1/threads/t_1", b'{"metadata":{}}')
    assert (reply.head.status, reply.body) == (200, b'{"ok":1}')
    assert upstream.seen[-1].head.line == method + b" /v1/threads/t_1 HTTP/1.1"
    assert upstream.seen[-1].body == b'{"metadata":{}}'


def test_a_chunked_request_keeps_its_bytes():
    with stage(replying(json_reply())) as (running, upstream):
        for path in (b"/v1/chat/completions", b"/v1/audio/transcriptions"):
            wire = running.wire()
            wire.send(b"POST %s HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n" % path)
            wire.send(chunked(b'{"model"', b":", b'"m"}'))
            assert wire.head().status == 200
            assert upstream.seen[-1].body == b'{"model":"m"}'
            wire.close()


def test_an_upload_flows_through_before_it_is_complete():
    reached = threading.Event()
    part = b"x" * 1000

    def script(wire, _):
        assert wire.exactly(1000) == part
        reached.set()
        assert wire.exactly(1000) == part
        wire.send(json_reply())

    with (
        FakeUpstream(script, reads_body=False) as upstream,
        gateway(settings_to(upstream.base_url)) as running,
    ):
        wire = running.wire()
        wire.send(b"POST /v1/files HTTP/1.1\r\nHost: g\r\nContent-Length: 2000\r\n\r\n", part)
        assert reached.wait(PATIENCE)
        wire.send(part)
        assert wire.head().status == 200
        wire.close()


def test_a_client_that_waits_to_be_told_to_go_on_is_told():
    with stage(replying(json_reply())) as (running, upstream):
        wire = running.wire()
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\n")
        wire.send(b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(b"{}")
        assert wire.head().status == 200
        assert upstream.seen[-1].head.get(b"expect") is None
        wire.close()


EVENTS = (
    b": keep-alive\r\n\r\n",
    b'data: {"choices":[{"delta":{"content":"a"}}]}\r\n\r\n',
    b"event: ping\ndata: 1\n\n",
    b"data: [DONE]\n\n",
    b"data: after\n\n",
    b"x" * 3_000_000 + b"\n\n",
)

REPLIES = {
    "json": json_reply(b'{"b":1e-7,"a":12345678901234567890}'),
    "an error": json_reply(b'{"error":{"x":1}}', status=b"500 Internal Server Error"),
    "too many": json_reply(b"{}", b"Retry-After: 3", status=b"429 Too Many Requests"),
    "a redirect": json_reply(b"", b"Location: http://elsewhere/v1", status=b"307 Moved"),
    "compressed": json_reply(gzip.compress(b"{}" * 50, mtime=0), b"Content-Encoding: gzip"),
    "compressed badly": json_reply(b"not gzip at all", b"Content-Encoding: gzip"),
    "binary": json_reply(bytes(range(256)) * 40),
    "no json": json_reply(b"<html>"),
    "nothing": json_reply(b""),
    "events": STREAM_HEAD + chunked(*EVENTS),
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_the_client_gets_the_exact_bytes_of_the_reply(reply):
    with stage(replying(reply)) as (running, upstream):
        seen = running.call()
        head, _, body = reply.partition(b"\r\n\r\n")
        assert seen.head.status == int(head.split(b" ")[1])
        assert seen.body == (b"".join(EVENTS) if b"chunked" in head else body)
        assert len(upstream.seen) == 1


def test_headers_come_back_in_order_and_repeated_as_they_were():
    fields = (
        b"Date: Thu, 01 Jan 2026 00:00:00 GMT",
        b"Server: model/1",
        b"Set-Cookie: a=1",
        b"x-request-id: req_1",
        b"Set-Cookie: b=2",
        b"openai-processing-ms: 12",
        b"x-ratelimit-remaining-tokens: 9",
        b"Connection: keep-alive, x-hop",
        b"x-hop: 1",
        b"x-candor-request-id: of-another-gateway",
    )
    with stage(replying(json_reply(b"{}", *fields))) as (running, _):
        seen = running.call()
        (request_id,) = seen.head.all(b"x-candor-request-id")
        assert len(request_id) == 32
        assert seen.head.headers == [
            (b"Content-Type", b"application/json"),
            (b"Date", b"Thu, 01 Jan 2026 00:00:00 GMT"),
            (b"Server", b"model/1"),
            (b"Set-Cookie", b"a=1"),
            (b"x-request-id", b"req_1"),
            (b"Set-Cookie", b"b=2"),
            (b"openai-processing-ms", b"12"),
            (b"x-ratelimit-remaining-tokens", b"9"),
            (b"Content-Length", b"2"),
            (b"x-candor-request-id", request_id),
            (b"x-candor-deployment", b"default"),
        ]


def test_the_answer_to_head_has_the_length_and_no_body():
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 120\r\n\r\n"
    with stage(replying(reply)) as (running, upstream):
        seen = running.call(b"HEAD /v1/files/f_1", None)
        assert seen.head.get(b"content-length") == b"120"
        assert upstream.seen[0].head.line == b"HEAD /v1/files/f_1 HTTP/1.1"


def test_a_reply_without_content_has_none_here_either():
    with stage(replying(b"HTTP/1.1 204 No Content\r\n\r\n")) as (running, _):
        seen = running.call(b"DELETE /v1/files/f_1", None)
        assert seen.head.status == 204
        assert b"transfer-encoding" not in seen.head.names


def test_each_chunk_reaches_the_client_before_the_next_is_sent():
    arrived = threading.Semaphore(0)

    def script(wire, _):
        wire.send(STREAM_HEAD)
        for number in range(5):
            wire.send(chunked(b"data: %d\n\n" % number, end=b""))
            assert arrived.acquire(timeout=PATIENCE)
        wire.send(b"0\r\n\r\n")

    with stage(script) as (running, _):
        wire = running.wire()
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}")
        assert wire.head().get(b"content-type") == b"text/event-stream"
        for number in range(5):
            assert wire.chunk() == b"data: %d\n\n" % number
            arrived.release()
        assert wire.chunk() == b""
        wire.close()


def test_the_head_reaches_the_client_before_the_first_chunk_is_sent():
    arrived = threading.Event()

    def script(wire, _):
        wire.send(STREAM_HEAD)
        assert arrived.wait(PATIENCE)
        wire.send(chunked(b"data: 1\n\n"))

    with stage(script) as (running, _):
        wire = running.wire()
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}")
        assert wire.head().status == 200
        arrived.set()
        assert wire.chunk() == b"data: 1\n\n"
        wire.close()

"""The upstream that passes bytes through: one call, one request, its failures by name."""

from __future__ import annotations

import pytest

from gateway.config import LimitSettings
from gateway.upstreams.base import (
    UpstreamBroken,
    UpstreamCall,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.upstreams.passthrough import PassthroughUpstream
from tests.gateway.stage import STREAM_HEAD, FakeUpstream, chunked, json_reply, replying

CALL = UpstreamCall("POST", b"/x", b"a=1", [(b"Content-Length", b"2"), (b"X-A", b"1")], b"{}")


async def answer(upstream: FakeUpstream, call: UpstreamCall = CALL, **limits):
    """Status, headers and body of one call."""
    passthrough = PassthroughUpstream(upstream.base_url, LimitSettings(**limits))
    try:
        async with passthrough.send(call) as reply:
            return reply.status, reply.headers, [chunk async for chunk in reply.chunks]
    finally:
        await passthrough.aclose()


async def test_request_and_reply_keep_case_order_and_bytes():
    reply = b"HTTP/1.1 200 Fine\r\nX-Mixed-Case: A\r\nx-two: 1\r\nX-Two: 2\r\n"
    with FakeUpstream(replying(reply + b"Content-Length: 2\r\n\r\n{}")) as upstream:
        status, headers, chunks = await answer(upstream)
        assert (status, b"".join(chunks)) == (200, b"{}")
        assert headers == [
            (b"X-Mixed-Case", b"A"),
            (b"x-two", b"1"),
            (b"X-Two", b"2"),
            (b"Content-Length", b"2"),
        ]
        seen = upstream.seen[0]
        assert seen.head.line == b"POST /v1/x?a=1 HTTP/1.1"
        assert seen.head.headers == [
            (b"Host", upstream.host.encode()),
            (b"Content-Length", b"2"),
            (b"X-A", b"1"),
        ]


async def test_a_body_that_arrives_in_parts_goes_out_whole():
    async def parts():
        yield b"one"
        yield b"two"

    call = UpstreamCall("PUT", b"/x", b"", [(b"Transfer-Encoding", b"chunked")], parts())
    with FakeUpstream(replying(json_reply())) as upstream:
        await answer(upstream, call)
        assert upstream.seen[0].body == b"onetwo"


async def test_a_connection_serves_several_calls():
    with FakeUpstream(replying(json_reply())) as upstream:
        passthrough = PassthroughUpstream(upstream.base_url, LimitSettings())
        for _ in range(3):
            async with passthrough.send(CALL) as reply:
                assert [chunk async for chunk in reply.chunks] == [b"{}"]
        await passthrough.aclose()
        assert len(upstream.seen) == 3
        assert upstream.connections == 1


async def test_a_call_that_is_left_early_does_not_spoil_the_next_one():
    def script(wire, request):
        if request.body == b"{}" and len(upstream.seen) == 1:
            wire.send(STREAM_HEAD, chunked(b"a", end=b""))
            wire.rest()
        wire.send(json_reply(b"second"))

    with FakeUpstream(script) as upstream:
        passthrough = PassthroughUpstream(upstream.base_url, LimitSettings())
        async with passthrough.send(CALL) as reply:
            assert await anext(reply.chunks) == b"a"
        async with passthrough.send(CALL) as reply:
            assert [chunk async for chunk in reply.chunks] == [b"second"]
        await passthrough.aclose()


async def test_an_address_where_nobody_listens_is_unreachable():
    with FakeUpstream(replying()) as upstream:
        pass
    with pytest.raises(UpstreamUnreachable, match="connection refused"):
        await answer(upstream)


async def test_a_request_that_is_not_http_is_never_sent():
    call = UpstreamCall("POST", b"/a b", b"", [], b"")
    with (
        FakeUpstream(replying(json_reply())) as upstream,
        pytest.raises(UpstreamUnreachable, match="not valid HTTP"),
    ):
        await answer(upstream, call)
    assert upstream.seen == []


async def test_silence_before_the_reply_is_a_timeout():
    with (
        FakeUpstream(lambda wire, _: None) as upstream,
        pytest.raises(UpstreamTimeout, match="timed out"),
    ):
        await answer(upstream, idle_timeout_seconds=0.02)


async def test_silence_within_the_reply_breaks_it():
    with (
        FakeUpstream(replying(STREAM_HEAD, chunked(b"a", end=b""))) as upstream,
        pytest.raises(UpstreamBroken, match="timed out"),
    ):
        await answer(upstream, idle_timeout_seconds=0.02)


@pytest.mark.parametrize(
    "part", [chunked(b"a", end=b""), b"5\r\nab", b"not a chunk size\r\n"], ids=["a", "b", "c"]
)
async def test_a_reply_without_its_end_is_broken(part):
    def script(wire, _):
        wire.send(STREAM_HEAD, part)
        wire.close()

    with FakeUpstream(script) as upstream, pytest.raises(UpstreamBroken):
        await answer(upstream)

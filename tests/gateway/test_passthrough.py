"""The upstream that passes bytes through: one call, one request, its failures by name."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from gateway.config import LimitSettings, settings_from
from gateway.upstreams.base import (
    Framing,
    UpstreamBroken,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.upstreams.opening import close_upstreams, open_upstreams
from gateway.upstreams.passthrough import PassthroughUpstream
from tests.gateway.asking import (
    GET,
    LIMITS,
    POST,
    FakeSink,
    FakeSource,
    asking,
    streaming,
    taken,
)
from tests.gateway.stage import STREAM_HEAD, FakeUpstream, chunked, json_reply, replying
from tests.waiting import wait_until_async


async def test_request_and_reply_keep_case_order_and_bytes():
    head = b"HTTP/1.1 200 Fine\r\nX-Mixed-Case: A\r\nx-two: 1\r\nX-Two: 2\r\n"
    with FakeUpstream(replying(head + b"Content-Length: 2\r\n\r\n{}")) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            assert (reply.status, reply.reason) == (200, b"Fine")
            assert (reply.framing, await taken(reply)) == (Framing.LENGTH, b"{}")
        assert reply.headers == [
            (b"X-Mixed-Case", b"A"),
            (b"x-two", b"1"),
            (b"X-Two", b"2"),
            (b"Content-Length", b"2"),
        ]
        seen = fake.seen[0]
        assert seen.head.line == b"POST /v1/x?a=1 HTTP/1.1"
        assert seen.head.headers == [(b"Host", fake.host.encode()), *POST.headers]


@pytest.mark.parametrize(
    ("base", "path", "query", "target"),
    [
        ("/v1", b"/chat/completions", None, b"/v1/chat/completions"),
        ("/v1", b"/chat/completions", b"", b"/v1/chat/completions?"),
        ("/openai/v1/", b"/a%2Fb/", b"x=%C3%BC&&y", b"/openai/v1/a%2Fb/?x=%C3%BC&&y"),
        ("", b"", None, b"/"),
        ("/v1", b"", b"q", b"/v1?q"),
        ("/v1", b"//x/../y;z", b"?", b"/v1//x/../y;z??"),
    ],
)
async def test_the_target_is_the_base_and_the_path_and_the_query_untouched(
    base, path, query, target
):
    with FakeUpstream(replying(json_reply())) as fake:
        upstream = PassthroughUpstream(f"http://{fake.host}{base}", LimitSettings())
        await taken(await upstream.open(replace(GET, path=path, query=query)))
        assert fake.seen[0].head.line == b"GET " + target + b" HTTP/1.1"
        await upstream.aclose()


async def test_a_body_that_arrives_in_parts_goes_out_whole():
    source = FakeSource(early=[b"one", b"two"], ends=True)
    with FakeUpstream(replying(json_reply())) as fake:
        async with asking(fake) as upstream:
            await taken(await upstream.open(streaming(source)))
        assert fake.seen[0].body == b"onetwo"


async def test_a_connection_serves_several_calls():
    with FakeUpstream(replying(json_reply())) as fake:
        async with asking(fake) as upstream:
            for _ in range(3):
                assert await taken(await upstream.open(POST)) == b"{}"
        assert (len(fake.seen), fake.connections) == (3, 1)


async def test_a_call_that_is_left_early_does_not_spoil_the_next_one():
    def script(wire, _):
        if len(fake.seen) == 1:
            wire.send(STREAM_HEAD, chunked(b"a", end=b""))
            wire.rest()
            left.set()
        else:
            wire.send(json_reply(b"second"))

    left = threading.Event()
    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply, sink = await upstream.open(POST), FakeSink()
            passing = asyncio.create_task(reply.pass_to(sink))
            await wait_until_async(lambda: sink.body == b"a")
            passing.cancel()
            assert await taken(await upstream.open(POST)) == b"second"
            await wait_until_async(left.is_set)


async def test_an_address_where_nobody_listens_is_unreachable():
    with FakeUpstream(replying()) as fake:
        pass
    async with asking(fake) as upstream:
        with pytest.raises(UpstreamUnreachable, match=r"^connection refused$"):
            await upstream.open(POST)


async def test_a_request_that_is_not_http_is_never_sent():
    with FakeUpstream(replying(json_reply())) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamUnreachable, match="not valid HTTP"):
                await upstream.open(replace(POST, path=b"/a b"))
        assert fake.seen == []


async def test_silence_is_a_timeout_before_the_reply_and_a_break_within_it():
    quick = replace(POST, timeouts=replace(LIMITS, first_byte=0.02, idle=0.02))
    with FakeUpstream(lambda wire, _: None) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamTimeout, match="timed out"):
                await upstream.open(quick)
    with FakeUpstream(replying(STREAM_HEAD, chunked(b"a", end=b""))) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamBroken, match="timed out"):
                await taken(await upstream.open(quick))


@pytest.mark.parametrize(
    "part", [chunked(b"a", end=b""), b"5\r\nab", b"not a chunk size\r\n"], ids=["a", "b", "c"]
)
async def test_a_reply_without_its_end_is_broken(part):
    def script(wire, _):
        wire.send(STREAM_HEAD, part)
        wire.close()

    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamBroken):
                await taken(await upstream.open(POST))


async def test_every_deployment_has_an_upstream_of_its_own_and_all_are_closed():
    with FakeUpstream(replying(json_reply(b"1"))) as one, FakeUpstream(replying(json_reply())) as b:
        deployments = [
            {"name": name, "model": name, "upstream": {"base_url": fake.base_url}}
            for name, fake in (("one", one), ("two", b))
        ]
        upstreams = open_upstreams(settings_from({"deployments": deployments}, environ={}))
        assert await taken(await upstreams["one"].open(POST)) == b"1"
        assert await taken(await upstreams["two"].open(POST)) == b"{}"
        await close_upstreams(upstreams)
        assert (one.connections, b.connections) == (1, 1)

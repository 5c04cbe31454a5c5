"""Many calls to one origin: which connection each takes, and what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.config import LimitSettings
from gateway.upstreams.base import UpstreamTimeout, UpstreamUnreachable
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.http1.connecting import Origin
from gateway.upstreams.http1.pool import Pool
from gateway.upstreams.http1.request import head_of, whole
from gateway.upstreams.passthrough import PassthroughUpstream
from tests.gateway.asking import (
    GET,
    LIMITS,
    POST,
    FakeSink,
    FakeSource,
    asking,
    blackhole,
    on_each_loop,
    streaming,
    taken,
)
from tests.gateway.stage import (
    PATIENCE,
    STREAM_HEAD,
    FakeUpstream,
    Wire,
    chunked,
    json_reply,
    replying,
)
from tests.waiting import wait_until_async


class Asked:
    """A pool and a shorthand for calls on it."""

    def __init__(self, fake: FakeUpstream, limit: int = 8) -> None:
        self.pool = Pool(Origin.of(fake.base_url), Deadlines(0.01), limit=limit)

    async def open(self, call=POST):
        request = head_of(call, b"/v1", b"Host: x\r\n")
        if isinstance(call.body, bytes):
            request = whole(request, call.body, call.headers)
        return await self.pool.ask(call, request)

    async def whole(self, call=POST) -> bytes:
        return await taken(await self.open(call))


@on_each_loop
async def test_calls_one_after_another_share_a_connection():
    with FakeUpstream(replying(json_reply())) as fake:
        asked = Asked(fake)
        for _ in range(5):
            assert await asked.whole() == b"{}"
        assert (fake.connections, asked.pool.open) == (1, 1)
        asked.pool.close()
        assert asked.pool.open == 0


@on_each_loop
async def test_calls_at_once_have_a_connection_each_and_the_last_to_end_is_taken_first():
    release = [threading.Event() for _ in range(3)]
    wires: list[Wire] = []

    def script(wire, message):
        if wire not in wires:
            wires.append(wire)
        number = int(message.head.line.split(b"/")[-2][:1])
        if number < 3:
            assert release[number].wait(PATIENCE)
        wire.send(json_reply(b"%d" % wires.index(wire)))

    def numbered(number: int):
        return replace(GET, path=b"/%d" % number, query=b"")

    with FakeUpstream(script) as fake:
        asked = Asked(fake)
        waiting = [asyncio.create_task(asked.whole(numbered(at))) for at in range(3)]
        await wait_until_async(lambda: len(fake.seen) == 3)
        served = []
        for number in (1, 2, 0):
            release[number].set()
            served.append(await waiting[number])
        assert sorted(served) == [b"0", b"1", b"2"]
        assert await asked.whole(numbered(9)) == served[-1]
        assert asked.pool.open == 3
        asked.pool.close()


@on_each_loop
@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        json_reply() + b"junk",
        json_reply() + json_reply(b"smuggled"),
        json_reply(b"{}", b"Keep-Alive: timeout=1"),
    ],
)
async def test_a_connection_that_cannot_be_trusted_with_another_call_gets_none(reply):
    with FakeUpstream(replying(reply)) as fake:
        asked = Asked(fake)
        for count in (1, 2):
            assert await asked.whole() == b"{}"
            assert (fake.connections, asked.pool.open) == (count, 0)


@on_each_loop
async def test_a_connection_that_ends_or_speaks_while_idle_is_thrown_away():
    for parting in (Wire.close, Wire.reset, lambda wire: wire.send(json_reply(b"smuggled"))):
        part = threading.Event()

        def script(wire, _, *, part=part, parting=parting):
            wire.send(json_reply())
            if fake.connections == 1:
                assert part.wait(PATIENCE)
                parting(wire)

        with FakeUpstream(script) as fake:
            asked = Asked(fake)
            await asked.whole()
            part.set()
            await wait_until_async(lambda asked=asked: asked.pool.open == 0)
            assert await asked.whole() == b"{}"
            assert fake.connections == 2
            asked.pool.close()


@contextlib.contextmanager
def stale(ending, *, closed: threading.Event) -> Iterator[FakeUpstream]:
    """An upstream that ends its first connection right after its first reply."""

    def script(wire, _):
        wire.send(json_reply(b"%d" % fake.connections))
        if fake.connections == 1:
            ending(wire)
            closed.set()

    with FakeUpstream(script) as fake:
        yield fake


@on_each_loop
@pytest.mark.parametrize("call", [POST, GET], ids=["post", "get"])
async def test_a_request_that_a_kept_connections_end_overtook_is_sent_again(call):
    closed = threading.Event()
    with stale(Wire.close, closed=closed) as fake:
        asked = Asked(fake)
        assert await asked.whole() == b"1"
        # The loop stands still, so that the end is not seen before the next request is written.
        assert closed.wait(PATIENCE)
        assert await asked.whole(call) == b"2"
        assert len(fake.seen) == 2
        asked.pool.close()


@on_each_loop
async def test_a_request_that_the_upstream_heard_is_sent_again_only_if_that_does_no_harm():
    def script(wire, _):
        if len(fake.seen) % 2:
            wire.send(json_reply())
        else:
            wire.close()

    with FakeUpstream(script) as fake:
        asked = Asked(fake)
        await asked.whole()
        with pytest.raises(UpstreamUnreachable, match="closed the connection without a reply"):
            await asked.open(POST)
        assert len(fake.seen) == 2
        await asked.whole()
        assert await asked.whole(GET) == b"{}"
        assert len(fake.seen) == 5
        asked.pool.close()


@on_each_loop
async def test_a_request_is_sent_again_once_and_only_from_a_kept_connection():
    with FakeUpstream(lambda wire, _: wire.close()) as fake:
        asked = Asked(fake)
        with pytest.raises(UpstreamUnreachable):
            await asked.open(GET)
        assert len(fake.seen) == 1

    def script(wire, _):
        wire.send(json_reply()) if len(fake.seen) == 1 else wire.close()

    with FakeUpstream(script) as fake:
        asked = Asked(fake)
        await asked.whole()
        with pytest.raises(UpstreamUnreachable):
            await asked.open(GET)
        assert len(fake.seen) == 3


@on_each_loop
async def test_a_request_whose_reply_began_is_not_sent_again():
    def script(wire, _):
        if len(fake.seen) == 1:
            wire.send(json_reply())
        else:
            wire.send(b"H")
            wire.close()

    with FakeUpstream(script) as fake:
        asked = Asked(fake)
        await asked.whole()
        with pytest.raises(UpstreamUnreachable, match="within its reply's head"):
            await asked.open(GET)
        assert len(fake.seen) == 2


@on_each_loop
async def test_a_body_that_cannot_be_sent_twice_takes_a_fresh_connection():
    with FakeUpstream(replying(json_reply())) as fake:
        asked = Asked(fake)
        await asked.whole()
        await asked.whole(streaming(FakeSource(early=[b"a"], ends=True)))
        assert fake.connections == 2
        await asked.whole()
        assert fake.connections == 2
        asked.pool.close()


@on_each_loop
async def test_there_are_never_more_connections_than_the_limit():
    with FakeUpstream(replying(STREAM_HEAD)) as fake:
        asked = Asked(fake, limit=2)
        replies = [await asked.open(), await asked.open()]
        with pytest.raises(UpstreamUnreachable, match="all its 2 connections are in use"):
            await asked.open()
        replies[0].close()
        replies.append(await asked.open())
        assert (asked.pool.open, fake.connections) == (2, 3)
        for reply in replies:
            reply.close()
        assert asked.pool.open == 0


@on_each_loop
async def test_an_idle_connection_makes_room_for_one_that_must_be_fresh():
    with FakeUpstream(replying(json_reply())) as fake:
        asked = Asked(fake, limit=1)
        await asked.whole()
        await asked.whole(streaming(FakeSource(ends=True)))
        assert (asked.pool.open, fake.connections) == (1, 2)
        asked.pool.close()


@on_each_loop
async def test_a_closed_pool_lets_calls_end_serves_new_ones_and_keeps_nothing():
    finish = threading.Event()

    def script(wire, message):
        if message.head.line.startswith(b"GET"):
            wire.send(json_reply(b"late"))
            return
        wire.send(STREAM_HEAD, chunked(b"a", end=b""))
        assert finish.wait(PATIENCE)
        wire.send(chunked(b"b"))

    with FakeUpstream(script) as fake:
        asked = Asked(fake)
        reply, sink = await asked.open(), FakeSink()
        passing = asyncio.create_task(reply.pass_to(sink))
        await asked.whole(GET)
        asked.pool.close()
        assert asked.pool.open == 1
        finish.set()
        await passing
        assert sink.body == b"ab"
        assert await asked.whole(GET) == b"late"
        assert asked.pool.open == 0


@on_each_loop
async def test_a_failed_or_cancelled_attempt_to_connect_gives_its_place_back():
    with FakeUpstream(replying(json_reply())) as fake:
        pass
    asked = Asked(fake, limit=1)
    for _ in range(3):
        with pytest.raises(UpstreamUnreachable, match="connection refused"):
            await asked.open()
    opening = asyncio.create_task(asked.open())
    await asyncio.sleep(0)
    assert asked.pool.open == 1
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert asked.pool.open == 0


@on_each_loop
async def test_calls_that_are_cancelled_at_any_moment_leave_nothing_behind():
    with FakeUpstream(replying(STREAM_HEAD, chunked(b"a"))) as fake:
        asked = Asked(fake, limit=100)
        for turns in range(40):
            calling = asyncio.create_task(asked.whole(POST if turns % 2 else GET))
            for _ in range(turns // 2):
                await asyncio.sleep(0)
            calling.cancel()
            await asyncio.wait([calling])
        assert await asked.whole() == b"a"
        asked.pool.close()
        await wait_until_async(lambda: asked.pool.open == 0)


@on_each_loop
async def test_a_host_that_accepts_nobody_is_a_timeout():
    call = replace(POST, timeouts=replace(LIMITS, connect=0.05))
    with blackhole() as port:
        upstream = PassthroughUpstream(f"http://127.0.0.1:{port}/v1", LimitSettings())
        with pytest.raises(UpstreamTimeout, match=r"connecting timed out after 0\.05 s"):
            await upstream.open(call)


@on_each_loop
async def test_a_name_that_is_none_is_said_not_to_resolve():
    upstream = PassthroughUpstream("http://gw..example/v1", LimitSettings())
    with pytest.raises(UpstreamUnreachable, match=r"^the name gw\.\.example does not resolve$"):
        await upstream.open(POST)


@on_each_loop
async def test_a_thousand_calls_mixed_with_every_fault_end_each_with_its_own_reply_or_a_problem():
    def script(wire, message):
        name = message.head.get(b"x-name")
        fate = int(name) % 10
        if fate == 0:
            wire.close()
        elif fate == 1:
            wire.reset()
        elif fate == 2:
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + name)
            wire.close()
        elif fate == 3:
            wire.send(json_reply(name) + json_reply(b"another's"))
        elif fate == 4:
            wire.send(json_reply(name))
            wire.close()
        else:
            wire.send(STREAM_HEAD, chunked(name))

    async def one(asked: Asked, number: int) -> None:
        name = b"%d" % number
        call = replace(POST, headers=[(b"X-Name", name), (b"Content-Length", b"2")])
        try:
            body = await asked.whole(call)
        except Exception as problem:
            outcomes.append(type(problem).__name__)
        else:
            outcomes.append("whole")
            assert body == name

    outcomes: list[str] = []
    with FakeUpstream(script) as fake:
        asked = Asked(fake)
        for start in range(0, 1000, 5):
            await asyncio.gather(*[one(asked, start + at) for at in range(5)])
        assert set(outcomes) == {"whole", "UpstreamUnreachable", "UpstreamBroken"}
        # A call that ran into the end of its connection may have been heard: it fails, once.
        assert 600 <= outcomes.count("whole") <= 700
        assert len(fake.seen) <= 1000
        asked.pool.close()
        await wait_until_async(lambda: asked.pool.open == 0)


async def test_an_upstream_lets_go_of_its_idle_connections_when_it_is_closed():
    gone = threading.Event()

    def script(wire, _):
        wire.send(json_reply())
        wire.rest()
        gone.set()

    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            await taken(await upstream.open(POST))
            assert not gone.is_set()
        await wait_until_async(gone.is_set)

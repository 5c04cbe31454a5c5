"""One call on one connection, over real sockets: bytes, backpressure, silence, and every ending."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field, replace

import pytest

from gateway.upstreams.base import (
    Framing,
    Timeouts,
    UpstreamBroken,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from tests.gateway.asking import (
    GET,
    HEAD,
    LIMITS,
    POST,
    UPGRADE,
    FakeSink,
    FakeSource,
    asking,
    on_each_loop,
    streaming,
    taken,
)
from tests.gateway.stage import (
    PATIENCE,
    STREAM_HEAD,
    FakeUpstream,
    chunked,
    json_reply,
    replying,
)
from tests.waiting import wait_until_async

SWITCHED = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
LARGE = b"x" * 65_536
COUNT = 1000
"""Together 64 MB: more than the buffers of two sockets ever hold."""


@on_each_loop
async def test_the_head_of_a_request_travels_as_it_was_given():
    headers = [(b"X-B", b"2"), (b"x-a", b""), (b"X-b", b"3"), (b"Content-Length", b"2")]
    call = replace(POST, path=b"/%7Ea//b", query=b"q=%20&q", headers=headers)
    with FakeUpstream(replying(json_reply())) as fake:
        async with asking(fake) as upstream:
            await taken(await upstream.open(call))
        message = fake.seen[0]
        assert message.head.line == b"POST /v1/%7Ea//b?q=%20&q HTTP/1.1"
        assert message.head.headers == [(b"Host", fake.host.encode()), *headers]
        assert message.body == b"{}"


@on_each_loop
async def test_a_reply_that_came_whole_is_passed_on_without_a_wait():
    with FakeUpstream(replying(json_reply(b"[1]"))) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            assert reply.ready
            sink = FakeSink()
            with pytest.raises(StopIteration):
                reply.pass_to(sink).send(None)
            assert sink.parts == [b"[1]"]


@on_each_loop
async def test_each_part_is_handed_on_when_it_comes_and_as_it_comes():
    seen = threading.Semaphore(0)
    parts = [b"data: 1\n\n", b": ping\n\n", b"data: [DONE]\n\n", b"more"]

    def script(wire, _):
        wire.send(STREAM_HEAD)
        for part in parts:
            wire.send(chunked(part, end=b""))
            assert seen.acquire(timeout=PATIENCE)
        wire.send(b"0\r\nX-Trailer: dropped\r\n\r\n")

    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            assert reply.framing is Framing.CHUNKED
            sink = FakeSink(at_each=seen.release)
            await reply.pass_to(sink)
            assert sink.parts == parts


@dataclass
class FakeHints:
    """Remembers the interim replies it was told of."""

    told: list[tuple] = field(default_factory=list)

    def interim(self, *told):
        self.told.append(told)


@on_each_loop
async def test_interim_replies_are_told_to_who_wants_them_but_a_100():
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    parts = [interim + b"HTTP/1.1 102 Wait\r\n\r\n" + json_reply()]
    hints = FakeHints()
    with FakeUpstream(replying(*parts)) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(replace(POST, hints=hints))
            assert hints.told == [
                (103, b"Early Hints", [(b"Link", b"</a>")]),
                (102, b"Wait", []),
            ]
            assert (reply.status, await taken(reply)) == (200, b"{}")
            await taken(await upstream.open(POST))
        assert (len(hints.told), fake.connections) == (2, 1)


@on_each_loop
async def test_interim_replies_are_swallowed_and_the_last_one_counts():
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with FakeUpstream(replying(interim, json_reply(b"1", status=b"201 Made"))) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            assert (reply.status, reply.reason, await taken(reply)) == (201, b"Made", b"1")


@on_each_loop
async def test_a_reply_to_head_says_a_length_and_has_no_body():
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
    with FakeUpstream(replying(reply)) as fake:
        async with asking(fake) as upstream:
            for _ in range(3):
                reply = await upstream.open(HEAD)
                assert reply.framing is Framing.NONE
                assert reply.headers == [(b"Content-Length", b"7")]
                assert await taken(reply) == b""
        assert fake.connections == 1


@on_each_loop
async def test_a_body_until_the_end_of_the_connection_ends_with_fin():
    def script(wire, _):
        wire.send(b"HTTP/1.1 200 OK\r\n\r\nall", b" of it")
        wire.close()

    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            assert reply.framing is Framing.UNTIL_CLOSE
            assert await taken(reply) == b"all of it"


@on_each_loop
async def test_while_the_client_takes_nothing_the_upstream_is_not_read():
    sent = []

    def script(wire, _):
        wire.send(STREAM_HEAD)
        for _ in range(COUNT):
            wire.send(chunked(LARGE, end=b""))
            sent.append(1)
        wire.send(b"0\r\n\r\n")

    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            sink = FakeSink()
            sink.at_each = reply.pause
            passing = asyncio.create_task(reply.pass_to(sink))
            await wait_until_async(lambda: sink.parts)
            before = len(sink.body)
            for _ in range(50):
                await asyncio.sleep(0)
            assert len(sink.body) == before < 2_000_000
            assert len(sent) < COUNT
            sink.at_each = lambda: None
            reply.resume()
            await passing
            assert len(sink.body) == COUNT * len(LARGE)


@on_each_loop
async def test_what_comes_before_anybody_takes_it_is_bounded():
    sent = []

    def script(wire, _):
        wire.send(STREAM_HEAD)
        for _ in range(COUNT):
            wire.send(chunked(LARGE, end=b""))
            sent.append(1)
        wire.send(b"0\r\n\r\n")

    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            await wait_until_async(lambda: len(sent) > 1)
            for _ in range(50):
                await asyncio.sleep(0)
            assert len(sent) < COUNT
            sink = FakeSink()
            passing = reply.pass_to(sink)
            passing.send(None)
            assert 0 < len(sink.body) < 65_536 + 300_000
            passing.close()
            reply.close()


@on_each_loop
async def test_a_client_that_takes_nothing_yet_is_not_overrun_by_pass_to():
    with FakeUpstream(replying(STREAM_HEAD, chunked(*[LARGE] * COUNT))) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            reply.pause()
            sink = FakeSink()
            passing = asyncio.create_task(reply.pass_to(sink))
            for _ in range(50):
                await asyncio.sleep(0)
            assert len(sink.body) < 2_000_000
            reply.resume()
            await passing
            assert len(sink.body) == COUNT * len(LARGE)


# Bodies that stream out.


@on_each_loop
@pytest.mark.parametrize(
    "headers", [[], [(b"Content-Length", b"6")]], ids=["chunked", "with a length"]
)
async def test_a_body_that_streams_goes_out_whole(headers):
    source = FakeSource(early=[b"one"])
    with FakeUpstream(replying(json_reply())) as fake:
        async with asking(fake) as upstream:
            opening = asyncio.create_task(upstream.open(streaming(source, *headers)))
            await wait_until_async(lambda: source.outlet)
            source.outlet.part(b"")
            source.outlet.part(b"two")
            source.outlet.end()
            assert await taken(await opening) == b"{}"
            await taken(await upstream.open(POST))
        assert fake.seen[0].body == b"onetwo"
        assert fake.connections == 1


@on_each_loop
async def test_a_part_of_a_body_leaves_when_it_comes():
    heard = threading.Event()

    def script(wire, _):
        assert wire.chunk() == b"first"
        heard.set()
        assert wire.chunk() == b"second"
        assert wire.chunk() == b""
        wire.send(json_reply())

    source = FakeSource(early=[b"first"])
    with FakeUpstream(script, reads_body=False) as fake:
        async with asking(fake) as upstream:
            opening = asyncio.create_task(upstream.open(streaming(source)))
            await wait_until_async(heard.is_set)
            source.outlet.part(b"second")
            source.outlet.end()
            await taken(await opening)


@on_each_loop
async def test_an_upstream_that_does_not_read_stops_the_source_and_starts_it_again():
    read_on = threading.Event()

    def script(wire, _):
        assert read_on.wait(PATIENCE)
        while wire.chunk():
            pass
        wire.send(json_reply())

    source = FakeSource()
    with FakeUpstream(script, reads_body=False) as fake:
        async with asking(fake) as upstream:
            opening = asyncio.create_task(upstream.open(streaming(source)))
            await wait_until_async(lambda: source.outlet)
            sent = 0
            while not source.pauses:
                source.outlet.part(LARGE)
                sent += 1
                assert sent < COUNT
                await asyncio.sleep(0)
            assert (source.pauses, source.resumes) == (1, 0)
            read_on.set()
            await wait_until_async(lambda: source.resumes)
            source.outlet.end()
            await taken(await opening)


@on_each_loop
@pytest.mark.parametrize("pieces", [[b"1234", b"567"], [b"12345"]], ids=["more", "less"])
async def test_a_body_that_is_not_as_long_as_it_says_breaks_the_call(pieces):
    source = FakeSource(early=pieces, ends=True)
    with FakeUpstream(lambda wire, _: None) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamUnreachable, match="not valid HTTP"):
                await upstream.open(streaming(source, (b"Content-Length", b"6")))
        assert fake.seen == []


@on_each_loop
async def test_a_body_that_breaks_off_is_told_to_who_waits_and_to_the_upstream():
    gone = threading.Event()

    def script(wire, _):
        wire.rest()
        gone.set()

    source = FakeSource(early=[b"half"])
    with FakeUpstream(script, reads_body=False) as fake:
        async with asking(fake) as upstream:
            opening = asyncio.create_task(upstream.open(streaming(source)))
            await wait_until_async(lambda: fake.seen)
            source.outlet.fail(LookupError("the client left"))
            with pytest.raises(LookupError, match="the client left"):
                await opening
            await wait_until_async(gone.is_set)


@on_each_loop
@pytest.mark.parametrize("status", [b"413 Too Large", b"200 OK"])
async def test_a_reply_before_the_end_of_the_request_is_passed_on_and_ends_the_connection(status):
    gone = threading.Event()

    def script(wire, _):
        first = len(fake.seen) == 1
        wire.send(json_reply(b"early", status=status))
        if first:
            wire.rest()
            gone.set()

    source = FakeSource(early=[b"half"])
    with FakeUpstream(script, reads_body=False) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(streaming(source))
            assert (reply.status, await taken(reply)) == (int(status[:3]), b"early")
            source.outlet.part(b"nobody wants this")
            source.outlet.end()
            assert await taken(await upstream.open(GET)) == b"early"
            await wait_until_async(gone.is_set)
        assert fake.connections == 2


@on_each_loop
async def test_a_request_may_go_on_while_its_reply_already_streams():
    def script(wire, _):
        wire.send(STREAM_HEAD)
        while piece := wire.chunk():
            wire.send(chunked(piece.upper(), end=b""))
        wire.send(b"0\r\n\r\n")

    source = FakeSource(early=[b"a"])
    with FakeUpstream(script, reads_body=False) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(streaming(source))
            sink = FakeSink()
            passing = asyncio.create_task(reply.pass_to(sink))
            await wait_until_async(lambda: sink.body == b"A")
            source.outlet.part(b"b")
            await wait_until_async(lambda: sink.body == b"AB")
            source.outlet.end()
            await passing
            await taken(await upstream.open(streaming(FakeSource(ends=True))))


# How it ends.


@on_each_loop
@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize(
    ("sent", "said"),
    [(b"", "without a reply"), (b"HTTP/1.1 200 OK\r\nContent-", "within its reply's head")],
    ids=["nothing", "half a head"],
)
async def test_an_upstream_that_dies_before_its_reply_is_unreachable(sent, said, ending):
    def script(wire, _):
        wire.send(sent)
        getattr(wire, ending)()

    words = {"close": "the server closed the connection", "reset": "connection reset"}[ending]
    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamUnreachable) as raised:
                await upstream.open(POST)
        assert str(raised.value).startswith(words)
        assert ending == "reset" or str(raised.value) == f"{words} {said}"
        assert len(fake.seen) == 1


@on_each_loop
@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize(
    "head",
    [STREAM_HEAD, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"],
    ids=["chunked", "length", "until close"],
)
async def test_a_reply_that_breaks_off_says_how(head, ending):
    reached = threading.Event()

    def script(wire, _):
        wire.send(head, chunked(b"abc", end=b""))
        assert reached.wait(PATIENCE)
        getattr(wire, ending)()

    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            sink = FakeSink(at_each=reached.set)
            if head == b"HTTP/1.1 200 OK\r\n\r\n" and ending == "close":
                await reply.pass_to(sink)
                return
            with pytest.raises(UpstreamBroken) as raised:
                await reply.pass_to(sink)
        assert raised.value.reset is (ending == "reset")
        assert "within its reply" in str(raised.value)
        assert b"abc" in sink.body


@on_each_loop
async def test_what_came_before_a_break_is_handed_on_before_the_break_is_told():
    def script(wire, _):
        wire.send(STREAM_HEAD, chunked(b"abc", end=b""))
        wire.close()
        ended.set()

    ended = threading.Event()
    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            await wait_until_async(ended.is_set)
            for _ in range(20):
                await asyncio.sleep(0)
            sink = FakeSink()
            with pytest.raises(UpstreamBroken):
                await reply.pass_to(sink)
        assert sink.body == b"abc"


@on_each_loop
@pytest.mark.parametrize("garbage", [b"SSH-2.0\r\n", b"HTTP/1.1 999 Odd\r\n\r\n", b"\x16\x03\x01"])
async def test_what_is_no_reply_makes_it_unreachable(garbage):
    with FakeUpstream(replying(garbage)) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamUnreachable, match="not valid HTTP"):
                await upstream.open(POST)


@on_each_loop
async def test_garbage_in_a_body_breaks_it():
    with FakeUpstream(replying(STREAM_HEAD, b"1\r\na\r\nno chunk")) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            with pytest.raises(UpstreamBroken, match="not valid HTTP") as raised:
                await reply.pass_to(FakeSink())
        assert not raised.value.reset


def hanging(gone: threading.Event, *parts: bytes):
    """A script that sends the parts and waits for the end of the connection."""

    def script(wire, _):
        wire.send(*parts)
        wire.rest()
        gone.set()

    return script


@on_each_loop
async def test_a_cancelled_call_ends_its_connection():
    gone = threading.Event()
    with FakeUpstream(hanging(gone)) as fake:
        async with asking(fake) as upstream:
            opening = asyncio.create_task(upstream.open(POST))
            await wait_until_async(lambda: fake.seen)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            await wait_until_async(gone.is_set)


@on_each_loop
async def test_a_cancelled_passing_ends_its_connection():
    gone = threading.Event()
    with FakeUpstream(hanging(gone, STREAM_HEAD, chunked(b"a", end=b""))) as fake:
        async with asking(fake) as upstream:
            reply, sink = await upstream.open(POST), FakeSink()
            passing = asyncio.create_task(reply.pass_to(sink))
            await wait_until_async(lambda: sink.parts)
            passing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await passing
            await wait_until_async(gone.is_set)


@on_each_loop
async def test_a_reply_that_is_closed_early_ends_its_connection_and_whoever_waits_for_it():
    gone = threading.Event()
    with FakeUpstream(hanging(gone, STREAM_HEAD, chunked(b"a", end=b""))) as fake:
        async with asking(fake) as upstream:
            reply, sink = await upstream.open(POST), FakeSink()
            passing = asyncio.create_task(reply.pass_to(sink))
            await wait_until_async(lambda: sink.parts)
            reply.close()
            with pytest.raises(UpstreamBroken, match="closed before its end"):
                await passing
            reply.close()
            await wait_until_async(gone.is_set)


@on_each_loop
async def test_what_is_done_to_a_reply_after_its_end_does_not_reach_the_next_one():
    def script(wire, _):
        wire.send(json_reply(b"first") if len(fake.seen) == 1 else STREAM_HEAD)
        if len(fake.seen) == 2:
            assert proceed.wait(PATIENCE)
            wire.send(chunked(b"second"))

    proceed = threading.Event()
    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            first = await upstream.open(POST)
            second = await upstream.open(POST)
            first.pause()
            first.send(b"junk")
            first.send_eof()
            first.close()
            proceed.set()
            assert (await taken(first), await taken(second)) == (b"first", b"second")
        assert fake.connections == 1


@on_each_loop
async def test_a_sink_that_fails_breaks_the_call():
    def fails() -> None:
        raise LookupError("nobody home")

    gone, trouble = threading.Event(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: trouble.append(told))
    taking = threading.Event()

    def script(wire, _):
        wire.send(STREAM_HEAD)
        assert taking.wait(PATIENCE)
        wire.send(chunked(b"a", end=b""))
        wire.rest()
        gone.set()

    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(POST)
            passing = asyncio.create_task(reply.pass_to(FakeSink(at_each=fails)))
            await asyncio.sleep(0)
            taking.set()
            with pytest.raises(UpstreamBroken):
                await passing
            await wait_until_async(gone.is_set)
    assert trouble


# Silence.


def within(**seconds: float) -> Timeouts:
    return replace(LIMITS, **seconds)


@on_each_loop
async def test_silence_before_the_reply_is_a_timeout():
    gone = threading.Event()
    with FakeUpstream(hanging(gone)) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamTimeout, match=r"timed out after 0\.03 s without a reply"):
                await upstream.open(replace(POST, timeouts=within(first_byte=0.03)))
            await wait_until_async(gone.is_set)


@on_each_loop
async def test_interim_replies_and_half_a_head_do_not_put_the_timeout_off():
    parts = [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-"]
    with FakeUpstream(hanging(threading.Event(), *parts)) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamTimeout):
                await upstream.open(replace(POST, timeouts=within(first_byte=0.03)))


@on_each_loop
async def test_silence_within_the_reply_breaks_it():
    with FakeUpstream(hanging(threading.Event(), STREAM_HEAD, b"1\r\na\r\n")) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(replace(POST, timeouts=within(idle=0.03)))
            with pytest.raises(UpstreamBroken, match=r"timed out after 0\.03 s of silence"):
                await reply.pass_to(FakeSink())


@on_each_loop
async def test_a_call_as_a_whole_ends_at_its_deadline():
    clock = asyncio.get_running_loop().time
    gone = threading.Event()
    with FakeUpstream(hanging(gone)) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamTimeout, match="timed out: the time for the whole call"):
                await upstream.open(replace(POST, deadline=clock() + 0.03))
            await wait_until_async(gone.is_set)

    with FakeUpstream(hanging(gone, STREAM_HEAD)) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(replace(POST, deadline=clock() + 0.05))
            with pytest.raises(UpstreamBroken, match="timed out: the time for the whole call"):
                await reply.pass_to(FakeSink())


@on_each_loop
async def test_a_deadline_that_is_past_reaches_nobody():
    deadline = asyncio.get_running_loop().time() - 1
    with FakeUpstream(replying(json_reply())) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamTimeout):
                await upstream.open(replace(POST, deadline=deadline))
        assert fake.seen == []


@on_each_loop
async def test_an_upstream_that_stops_reading_the_request_is_given_up():
    source = FakeSource()
    release = threading.Event()

    def script(wire, _):
        assert release.wait(PATIENCE)
        wire.close()

    with FakeUpstream(script, reads_body=False) as fake:
        async with asking(fake) as upstream:
            call = replace(streaming(source), timeouts=within(idle=0.05))
            opening = asyncio.create_task(upstream.open(call))
            await wait_until_async(lambda: source.outlet)
            while not opening.done():
                if source.pauses == source.resumes:
                    source.outlet.part(LARGE)
                await asyncio.sleep(0)
            with pytest.raises(UpstreamTimeout, match="took nothing of the request"):
                await opening
            release.set()


# Tunnels.


@on_each_loop
async def test_a_tunnel_carries_bytes_both_ways_and_ends_either_way():
    def script(wire, _):
        wire.send(SWITCHED, b"hello ")
        assert wire.exactly(4) == b"ping"
        wire.send(b"pong")
        assert wire.rest() == b" bye"
        wire.send(b" bye too")
        wire.close()

    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(UPGRADE)
            assert (reply.status, reply.framing) == (101, Framing.NONE)
            sink = FakeSink()
            passing = asyncio.create_task(reply.pass_to(sink))
            await wait_until_async(lambda: sink.body == b"hello ")
            reply.send(b"ping")
            await wait_until_async(lambda: sink.body == b"hello pong")
            reply.send(b" bye")
            reply.send_eof()
            await passing
            reply.close()
            assert sink.body == b"hello pong bye too"


@on_each_loop
async def test_after_the_upstreams_half_of_a_tunnel_the_other_half_goes_on():
    def script(wire, _):
        wire.send(SWITCHED)
        wire.socket.shutdown(1)
        assert wire.rest() == LARGE + b"last"
        heard.set()

    heard = threading.Event()
    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(UPGRADE)
            await taken(reply)
            reply.send(LARGE)
            reply.send(b"last")
            reply.close()
            await wait_until_async(heard.is_set)


@on_each_loop
async def test_a_tunnel_whose_upstream_does_not_read_holds_up_who_feeds_it():
    read_on = threading.Event()

    def script(wire, _):
        wire.send(SWITCHED)
        assert read_on.wait(PATIENCE)
        while wire.socket.recv(1 << 20):
            pass
        wire.close()

    client = FakeSource(ends=True)
    with FakeUpstream(script) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(replace(UPGRADE, body=client))
            sent = 0
            while not client.pauses:
                reply.send(LARGE)
                sent += 1
                assert sent < COUNT
                await asyncio.sleep(0)
            assert client.resumes == 0
            read_on.set()
            await wait_until_async(lambda: client.resumes)
            reply.send_eof()
            assert await taken(reply) == b""
            reply.close()


@on_each_loop
async def test_a_tunnel_that_nobody_asked_for_is_refused():
    gone = threading.Event()
    with FakeUpstream(hanging(gone, SWITCHED)) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamUnreachable, match="without being asked"):
                await upstream.open(POST)
            await wait_until_async(gone.is_set)


@on_each_loop
async def test_an_upgrade_that_is_declined_is_an_ordinary_reply():
    with FakeUpstream(replying(json_reply(b"no", status=b"400 Bad"))) as fake:
        async with asking(fake) as upstream:
            reply = await upstream.open(UPGRADE)
            assert (reply.status, await taken(reply)) == (400, b"no")


# Requests that are none.


@on_each_loop
@pytest.mark.parametrize(
    "wrong",
    [
        {"path": b"/a b"},
        {"path": b"/a\r\nX: y"},
        {"query": b"a\n"},
        {"query": b"a b"},
        {"method": b"GET /x"},
        {"method": b""},
        {"headers": [(b"Content-Length", b"2"), (b"X", b"a\r\nY: b")]},
        {"headers": [(b"Content-Length", b"2"), (b"X", b"a\nY: b")]},
        {"headers": [(b"Content-Length", b"2"), (b"X", b"a\rb")]},
        {"headers": [(b"Content-Length", b"2"), (b"X", b"a\0")]},
        {"headers": [(b"Content-Length", b"2"), (b"X\n", b"a")]},
        {"headers": [(b"Content-Length", b"3")]},
        {"headers": [(b"Content-Length", b"1")]},
        {"headers": []},
        {"headers": [(b"Content-Length", b"2"), (b"Content-Length", b"3")]},
        {"headers": [(b"Content-Length", b"2"), (b"Transfer-Encoding", b"chunked")]},
        {"headers": [(b"Transfer-Encoding", b"gzip")]},
        {"headers": [(b"Content-Length", b"+2")]},
    ],
    ids=repr,
)
async def test_what_would_not_be_one_request_is_never_sent(wrong):
    with FakeUpstream(replying(json_reply())) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamUnreachable, match="not valid HTTP"):
                await upstream.open(replace(POST, **wrong))
        assert fake.connections == 0


@on_each_loop
@pytest.mark.parametrize(
    "headers",
    [
        [(b"Content-Length", b"2"), (b"Transfer-Encoding", b"chunked")],
        [(b"Content-Length", b"2"), (b"Content-Length", b"2")],
        [(b"Content-Length", b"9" * 5000)],
        [(b"Transfer-Encoding", b"gzip, chunked")],
    ],
    ids=["both", "two", "vast", "another coding"],
)
async def test_a_body_that_streams_without_one_clear_frame_is_never_sent(headers):
    source = FakeSource(early=[b"{}"], ends=True)
    with FakeUpstream(replying(json_reply())) as fake:
        async with asking(fake) as upstream:
            with pytest.raises(UpstreamUnreachable, match="framing is not one length or chunked"):
                await upstream.open(streaming(source, *headers))
        assert (fake.connections, source.outlet) == (0, None)


@on_each_loop
async def test_a_length_may_be_written_in_another_way():
    call = replace(POST, headers=[(b"CONTENT-length", b"002")])
    with FakeUpstream(replying(json_reply())) as fake:
        async with asking(fake) as upstream:
            await taken(await upstream.open(call))
        assert fake.seen[0].body == b"{}"


@on_each_loop
@pytest.mark.parametrize("body", [b"{}", b""])
async def test_a_body_that_is_whole_may_be_chunked(body):
    call = replace(POST, headers=[(b"transfer-encoding", b"chunked")], body=body)
    with FakeUpstream(replying(json_reply())) as fake:
        async with asking(fake) as upstream:
            await taken(await upstream.open(call))
            await taken(await upstream.open(call))
        assert [message.body for message in fake.seen] == [body, body]

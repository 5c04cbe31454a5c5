"""A connection without a socket: what it writes, and how long it waits for what, by a clock that
the test turns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from gateway.upstreams.base import Timeouts, UpstreamBroken, UpstreamTimeout, UpstreamUnreachable
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.http1.connection import Connection
from gateway.upstreams.http1.unheard import may_ask_again
from tests.gateway.asking import GET, POST, FakeSink, FakeSource, streaming
from tests.gateway.stage import STREAM_HEAD, chunked, json_reply

LIMITS = Timeouts(connect=1.0, first_byte=40.0, idle=8.0)
REQUEST = b"POST / HTTP/1.1\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """Takes everything at once, unless a test says that it is ``full``."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.ended = ""
        self.reading = True
        self.full = 0

    def write(self, piece):
        self.written.append(bytes(piece))

    def get_write_buffer_size(self):
        return self.full

    def can_write_eof(self):
        return True

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def abort(self):
        self.ended = self.ended or "abort"

    def close(self):
        self.ended = self.ended or "close"


@dataclass
class FakeHome:
    """Remembers what it was told."""

    told: list[str] = field(default_factory=list)

    def idle(self, connection):
        self.told.append("idle")

    def gone(self, connection):
        self.told.append("gone")


class FakeDeadlines(Deadlines):
    """Knows who is watched, and looks at nobody by itself."""

    def __init__(self) -> None:
        self.watched: list[Connection] = []

    def watch(self, item):
        self.watched.append(item)

    def forget(self, item):
        self.watched.remove(item)


@dataclass
class Line:
    """A connection without a socket."""

    transport: FakeTransport = field(default_factory=FakeTransport)
    home: FakeHome = field(default_factory=FakeHome)
    deadlines: FakeDeadlines = field(default_factory=FakeDeadlines)
    connection: Connection = None

    def __post_init__(self) -> None:
        self.connection = Connection(self.home, self.deadlines, "host")
        self.connection.connection_made(self.transport)
        self.began = asyncio.get_running_loop().time()

    async def asked(self, call=POST) -> asyncio.Task:
        """An exchange that waits for its reply's head."""
        asking = asyncio.create_task(self.connection.ask(replace(call, timeouts=LIMITS), REQUEST))
        await asyncio.sleep(0)
        return asking

    def look(self) -> float:
        """Lets the time come for which the next look is due; seconds since the start."""
        due = self.connection.due
        self.connection.overdue(due)
        return due - self.began

    def look_until_it_ends(self) -> float:
        """How many seconds passed until it was given up."""
        while not self.transport.ended:
            seconds = self.look()
            assert seconds < 1000
        return seconds


async def test_a_small_request_is_one_write():
    line = Line()
    await line.asked()
    assert line.transport.written == [REQUEST]


async def test_a_part_of_a_streamed_body_is_one_write():
    source, line = FakeSource(early=[b"hello"], ends=True), Line()
    await line.asked(streaming(source))
    assert line.transport.written == [REQUEST, b"5\r\nhello\r\n", b"0\r\n\r\n"]


async def test_nothing_of_a_body_leaves_beyond_the_length_it_states():
    source, line = FakeSource(early=[b"1234", b"567", b"8"], ends=True), Line()
    asking = await line.asked(streaming(source, (b"Content-Length", b"6")))
    assert line.transport.written == [REQUEST, b"1234"]
    assert line.transport.ended == "abort"
    with pytest.raises(UpstreamUnreachable, match="its body is longer than it states"):
        await asking


async def test_before_the_reply_the_first_byte_is_waited_for_and_no_longer():
    line = Line()
    asking = await line.asked()
    assert line.look_until_it_ends() == pytest.approx(40, abs=0.5)
    with pytest.raises(UpstreamTimeout, match="after 40 s without a reply"):
        await asking


async def test_an_interim_reply_does_not_put_the_first_byte_off():
    line = Line()
    asking = await line.asked()
    line.connection.data_received(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert line.look_until_it_ends() == pytest.approx(40, abs=0.5)
    with pytest.raises(UpstreamTimeout):
        await asking


async def test_within_the_reply_its_silence_counts_from_its_last_part():
    line = Line()
    asking = await line.asked()
    line.connection.data_received(STREAM_HEAD)
    reply = await asking
    passing = asyncio.create_task(reply.pass_to(FakeSink()))
    await asyncio.sleep(0)
    for _ in range(100):
        line.connection.data_received(chunked(b"a", end=b""))
        line.look()
    last = line.look() - 1
    assert last > 90
    assert 8 <= line.look_until_it_ends() - last <= 8 + 2
    with pytest.raises(UpstreamBroken, match="after 8 s of silence within its reply"):
        await passing


async def test_a_reply_is_ready_once_a_part_of_its_body_is_here():
    line = Line()
    asking = await line.asked()
    line.connection.data_received(STREAM_HEAD)
    reply = await asking
    assert not reply.ready
    line.connection.data_received(chunked(b"a", end=b""))
    assert reply.ready
    reply.close()


async def test_while_the_client_takes_nothing_the_upstream_is_not_silent():
    line = Line()
    asking = await line.asked()
    line.connection.data_received(STREAM_HEAD)
    reply = await asking
    reply.pause()
    assert not line.transport.reading
    for _ in range(100):
        line.look()
    assert line.transport.ended == ""
    reply.resume()
    assert line.transport.reading
    line.look_until_it_ends()


async def test_while_the_clients_body_is_on_its_way_the_upstream_is_not_silent():
    source, line = FakeSource(early=[b"a"]), Line()
    asking = await line.asked(streaming(source))
    for _ in range(100):
        line.look()
    assert line.transport.ended == ""
    ended = line.look() + 0.99
    source.outlet.end()
    assert 40 <= line.look_until_it_ends() - ended <= 41
    with pytest.raises(UpstreamTimeout):
        await asking


async def test_while_the_upstream_takes_some_of_the_request_it_is_not_silent():
    line = Line()
    line.transport.full = 1_000_000
    line.connection.pause_writing()
    asking = await line.asked()
    for _ in range(100):
        line.transport.full -= 1
        line.look()
    assert line.transport.ended == ""
    moved = line.look()
    line.transport.full -= 1
    assert 8 <= line.look_until_it_ends() - moved <= 8 + 1
    with pytest.raises(UpstreamTimeout, match="after 8 s in which it took nothing of the request"):
        await asking


async def test_a_request_that_was_long_in_leaving_is_given_its_whole_time_for_the_reply():
    line = Line()
    line.transport.full = 10
    line.connection.pause_writing()
    asking = await line.asked()
    left = line.look() + 0.99
    line.connection.resume_writing()
    assert 40 <= line.look_until_it_ends() - left <= 41
    with pytest.raises(UpstreamTimeout, match="without a reply"):
        await asking


@pytest.mark.parametrize("begun", [False, True])
async def test_a_deadline_is_kept_to_the_moment_whatever_moves(begun):
    line = Line()
    asking = await line.asked(replace(POST, deadline=line.began + 3))
    if begun:
        line.connection.data_received(STREAM_HEAD)
    while not line.transport.ended:
        if begun:
            line.connection.data_received(chunked(b"a", end=b""))
        seconds = line.look()
    assert seconds == pytest.approx(3)
    with pytest.raises((UpstreamTimeout, UpstreamBroken), match="the whole call is over"):
        await (await asking).pass_to(FakeSink())


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (None, 4),
        (b"timeout=5", 4),
        (b"timeout=5, max=100", 4),
        (b"max=100, Timeout=31", 30),
        (b"timeout=100000", 60),
        (b"nonsense", 4),
    ],
)
async def test_an_idle_connection_is_kept_as_long_as_its_upstream_says_less_a_second(told, seconds):
    line = Line()
    for _ in range(2):
        asking = await line.asked()
        line.connection.data_received(
            json_reply(b"{}", *([b"Keep-Alive: " + told] if told else []))
        )
        await asking
    assert line.home.told == ["idle", "idle"]
    assert line.look() == pytest.approx(seconds, abs=0.5)
    assert line.transport.ended == "abort"
    assert line.home.told == ["idle", "idle", "gone"]


@pytest.mark.parametrize("ending", ["lost", "closed", "aborted"])
async def test_a_connection_is_watched_from_its_start_to_its_end_and_no_longer(ending):
    line = Line()
    assert line.deadlines.watched == [line.connection]
    if ending == "closed":
        line.connection.close()
    elif ending == "aborted":
        line.connection.abort()
    line.connection.connection_lost(None)
    assert (line.deadlines.watched, line.home.told) == ([], ["gone"])


@pytest.mark.parametrize("told", [b"timeout=1", b"timeout=0"])
async def test_a_connection_that_is_kept_for_a_second_is_not_kept(told):
    line = Line()
    asking = await line.asked()
    line.connection.data_received(json_reply(b"{}", b"Keep-Alive: " + told))
    await asking
    assert (line.home.told, line.transport.ended) == (["gone"], "close")


@pytest.mark.parametrize("ending", ["bytes", "fin", "reset"])
async def test_an_idle_connection_that_says_anything_or_ends_is_gone_at_once(ending):
    line = Line()
    asking = await line.asked()
    line.connection.data_received(json_reply())
    await asking
    if ending == "bytes":
        line.connection.data_received(b"\r\n")
    elif ending == "fin":
        line.connection.eof_received()
    else:
        line.connection.connection_lost(ConnectionResetError())
    assert line.home.told == ["idle", "gone"]


async def test_a_connection_is_given_back_once_and_reads_again_after_a_paused_reply():
    line = Line()
    asking = await line.asked(GET)
    line.connection.data_received(STREAM_HEAD)
    reply = await asking
    reply.pause()
    line.connection.data_received(chunked(b"a"))
    assert line.home.told == ["idle"]
    assert line.transport.reading
    reply.pause()
    reply.close()
    assert line.transport.reading
    assert line.transport.ended == ""


async def test_a_connection_that_was_given_up_while_it_was_made_ends_as_soon_as_it_is_there():
    transport, home = FakeTransport(), FakeHome()
    connection = Connection(home, Deadlines(3600), "host")
    connection.leave()
    connection.connection_made(transport)
    assert (transport.ended, home.told) == ("abort", ["gone"])


async def test_a_tunnel_that_is_closed_gets_its_last_bytes_out_but_not_for_ever():
    line = Line()
    asking = await line.asked(replace(GET, headers=[(b"Upgrade", b"websocket")]))
    line.connection.data_received(
        b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    )
    reply = await asking
    line.transport.full = 10
    reply.send(b"last words")
    reply.close()
    assert line.transport.ended == "close"
    line.transport.ended = ""
    assert line.look() == pytest.approx(5, abs=0.5)
    assert line.transport.ended == "abort"


async def test_a_tunnel_over_tls_which_knows_no_half_ends_with_the_clients_half():
    line = Line()
    line.transport.can_write_eof = lambda: False
    asking = await line.asked(replace(GET, headers=[(b"Upgrade", b"websocket")]))
    line.connection.data_received(
        b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello"
    )
    reply, sink = await asking, FakeSink()
    passing = asyncio.create_task(reply.pass_to(sink))
    await asyncio.sleep(0)
    reply.send_eof()
    assert line.transport.ended == "abort"
    await passing
    line.connection.connection_lost(None)
    assert sink.body == b"hello"


@pytest.mark.parametrize(("status", "goes_on"), [(b"200 OK", True), (b"413 Large", False)])
async def test_the_rest_of_a_request_is_sent_unless_the_reply_is_an_error(status, goes_on):
    source, line = FakeSource(early=[b"a"]), Line()
    asking = await line.asked(streaming(source))
    line.connection.pause_writing()
    line.connection.data_received(STREAM_HEAD.replace(b"200 OK", status))
    reply = await asking
    assert (source.pauses, source.resumes) == (1, 0 if goes_on else 1)
    written = len(line.transport.written)
    source.outlet.part(b"b")
    source.outlet.end()
    assert (len(line.transport.written) > written) is goes_on
    line.connection.resume_writing()
    assert (source.pauses, source.resumes) == (1, 1)
    line.connection.data_received(chunked(b"x"))
    assert (reply.status, line.home.told) == (int(status[:3]), ["idle" if goes_on else "gone"])


async def test_a_tunnel_that_ended_well_stays_so_whatever_becomes_of_its_connection():
    line = Line()
    asking = await line.asked(replace(GET, headers=[(b"Upgrade", b"websocket")]))
    line.connection.data_received(
        b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello"
    )
    reply, sink = await asking, FakeSink()
    assert line.connection.eof_received()
    line.connection.connection_lost(ConnectionResetError())
    await reply.pass_to(sink)
    assert sink.body == b"hello"


def test_where_nobody_knows_what_was_heard_only_what_does_no_harm_is_sent_again():
    class Nothing(FakeTransport):
        def get_extra_info(self, name, default=None):
            return default

    for method, again in ((b"POST", False), (b"PATCH", False), (b"GET", True), (b"PUT", True)):
        assert may_ask_again(method, Nothing(), reset=False) is again
        assert may_ask_again(method, Nothing(), reset=True) is again

"""Replies as an upstream may write them, whole, cut anywhere, and wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise, product

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.upstreams.base import Framing
from gateway.upstreams.http1.reading import MAX_HEAD_BYTES, ReplyGarbled, ReplyReader

FINE = b"HTTP/1.1 200 OK\r\n"
SIZED = FINE + b"Content-Length: 5\r\n\r\n"
CHUNKED = FINE + b"Transfer-Encoding: chunked\r\n\r\n"
EMPTY = FINE + b"Content-Length: 0\r\n\r\n"


@dataclass
class Read:
    """What a reader told of a reply."""

    status: int = 0
    reason: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    framing: Framing | None = None
    parts: list[bytes] = field(default_factory=list)
    begun: bool = False
    complete: bool = False
    reusable: bool = False
    garbled: str = ""
    tunnel: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def gist(self) -> tuple:
        """All that must not depend on how the bytes were cut."""
        head = (self.status, self.reason, self.headers, self.framing) if self.begun else ()
        ending = (self.begun, self.complete, self.reusable and self.complete, bool(self.garbled))
        return (*head, self.body, *ending, self.tunnel)


def read(*pieces: bytes, headless: bool = False, end: bool = False) -> Read:
    """One reply, as it is read from these pieces, and from the end of the connection if asked."""
    reader, told = ReplyReader(), Read()
    reader.expect(told.parts.append, headless=headless)
    try:
        for piece in pieces:
            reader.feed(piece)
        if end:
            reader.end()
    except ReplyGarbled as fault:
        told.garbled = str(fault)
    told.begun, told.complete, told.reusable = reader.begun, reader.complete, reader.reusable
    told.tunnel = reader.tunnel
    told.status, told.reason, told.headers = reader.status, reader.reason, reader.headers
    told.framing = reader.framing
    return told


REPLIES = {
    "length": b"HTTP/1.1 200 Fine By Me\r\nX-Mixed-Case: A\r\nx-two: 1\r\nX-Two: 2\r\nE:\r\n"
    b"Content-Length: 5\r\n\r\nhello",
    "no reason": b"HTTP/1.1 404\r\ncontent-length: 2\r\n\r\nno",
    "empty": EMPTY,
    "chunked": CHUNKED + b"5\r\nhello\r\n1;a=b;c\r\n!\r\n0;last\r\nX-Trailer: t\r\nY: u\r\n\r\n",
    "until close": FINE + b"Connection: close\r\n\r\nhello",
    "old": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "interim": b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
    b"HTTP/1.1 102 Processing\r\n\r\n" + SIZED + b"hello",
    "no content": b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\nETag: x\r\n\r\n",
    "tunnel": b"HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x02hi",
    "one too many": SIZED + b"helloHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "junk after": SIZED + b"hellojunk",
    "two lengths": FINE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "bad chunk": CHUNKED + b"5\r\nhello\r\nfive\r\nhello",
    "cut": CHUNKED + b"5\r\nhel",
}


@pytest.mark.parametrize("headless", [False, True], ids=["get", "head"])
@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_is_the_same_wherever_it_is_cut(name, headless):
    reply = REPLIES[name]
    whole = read(reply, headless=headless)
    for first in range(len(reply) + 1):
        assert read(reply[:first], reply[first:], headless=headless).gist == whole.gist
        for second in range(first, min(first + 4, len(reply)) + 1):
            pieces = (reply[:first], reply[first:second], reply[second:])
            assert read(*pieces, headless=headless).gist == whole.gist
    single = [reply[at : at + 1] for at in range(len(reply))]
    assert read(*single, headless=headless).gist == whole.gist


def test_names_values_and_reason_stay_as_they_were_sent():
    told = read(REPLIES["length"])
    assert (told.status, told.reason) == (200, b"Fine By Me")
    assert told.headers == [
        (b"X-Mixed-Case", b"A"),
        (b"x-two", b"1"),
        (b"X-Two", b"2"),
        (b"E", b""),
        (b"Content-Length", b"5"),
    ]


def test_trailers_and_chunk_extensions_go_nowhere():
    told = read(REPLIES["chunked"])
    assert told.headers == [(b"Transfer-Encoding", b"chunked")]
    assert told.parts == [b"hello", b"!"]
    assert (told.complete, told.reusable) == (True, True)


@pytest.mark.parametrize("name", ["chunked", "length", "until close"])
def test_every_byte_of_a_body_is_handed_on_by_the_piece_it_came_in(name):
    reply = REPLIES[name]
    start = reply.index(b"hello")
    for count in range(1, 6):
        assert read(reply[: start + count]).body == b"hello"[:count]


@pytest.mark.parametrize(
    ("reply", "framing", "complete", "reusable"),
    [
        (SIZED + b"hello", Framing.LENGTH, True, True),
        (SIZED + b"hell", Framing.LENGTH, False, False),
        (EMPTY, Framing.LENGTH, True, True),
        (CHUNKED + b"0\r\n\r\n", Framing.CHUNKED, True, True),
        (CHUNKED + b"0\r\n", Framing.CHUNKED, False, False),
        (FINE + b"\r\nhello", Framing.UNTIL_CLOSE, False, False),
        (b"HTTP/1.1 204 No\r\n\r\n", Framing.NONE, True, True),
        (b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", Framing.NONE, True, True),
        (FINE + b"Connection: close\r\nContent-Length: 0\r\n\r\n", Framing.LENGTH, True, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Framing.LENGTH, True, False),
        (
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
            Framing.LENGTH,
            True,
            True,
        ),
        (
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\n",
            Framing.CHUNKED,
            True,
            False,
        ),
        (FINE + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", Framing.UNTIL_CLOSE, False, False),
    ],
)
def test_the_end_of_a_body_and_the_fate_of_its_connection_follow_from_the_head(
    reply, framing, complete, reusable
):
    told = read(reply)
    assert (told.framing, told.complete) == (framing, complete)
    assert told.reusable is reusable or not complete


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n",
        SIZED + b"hello!",
        EMPTY + b"x",
        EMPTY + EMPTY,
        FINE + b"Connection: close\r\nContent-Length: 0\r\n\r\nx",
    ],
)
def test_a_reply_that_may_be_followed_by_stray_bytes_ends_its_connection(reply):
    told = read(reply)
    assert (told.complete, told.reusable, told.garbled) == (True, False, "")


@pytest.mark.parametrize("length", [b"1", b"5", b"50"])
def test_chunks_outweigh_a_length_beside_them_and_end_the_connection(length):
    size, coding = b"Content-Length: %b\r\n" % length, b"Transfer-Encoding: chunked\r\n"
    for both in (size + coding, coding + size):
        told = read(FINE + both + b"\r\n5\r\nhello\r\n0\r\n\r\n")
        assert (told.framing, told.body) == (Framing.CHUNKED, b"hello")
        assert (told.complete, told.reusable) == (True, False)


def test_bytes_after_the_end_are_never_taken_for_a_body_or_a_reply():
    told = read(SIZED + b"hello", EMPTY)
    assert (told.body, told.complete, told.reusable) == (b"hello", True, False)


@pytest.mark.parametrize(
    "head",
    [SIZED, CHUNKED, FINE + b"\r\n", EMPTY],
    ids=["length", "chunked", "neither", "empty"],
)
def test_a_reply_to_head_has_no_body_whatever_its_head_says(head):
    told = read(head, headless=True)
    assert (told.framing, told.complete, told.body) == (Framing.NONE, True, b"")
    more = read(head + b"5\r\nhello", headless=True)
    assert (more.complete, more.reusable, more.body) == (True, False, b"")


def test_a_connection_reads_one_reply_after_another_and_leaves_nothing_behind():
    reader = ReplyReader()
    for headless in (False, True, False, True, True, False):
        parts: list[bytes] = []
        reader.expect(parts.append, headless=headless)
        assert not (reader.begun or reader.complete or reader.touched)
        reply = SIZED + b"hello" if not headless else SIZED
        reader.feed(CHUNKED + b"1\r\na\r\n0\r\nTrailer: t\r\n\r\n" if parts else reply)
        assert (reader.complete, reader.reusable) == (True, True)
        assert b"".join(parts) == (b"" if headless else b"hello")
        assert reader.headers == [(b"Content-Length", b"5")]
    parts = []
    reader.expect(parts.append, headless=False)
    reader.feed(CHUNKED + b"1\r\na\r\n0\r\nTrailer: t\r\n\r\n")
    reader.expect(parts.append, headless=False)
    reader.feed(b"HTTP/1.1 201\r\nContent-Length: 0\r\n\r\n")
    assert (reader.status, reader.reason) == (201, b"")
    assert reader.headers == [(b"Content-Length", b"0")]


def test_a_tunnel_carries_raw_bytes_both_while_it_opens_and_after():
    told = read(REPLIES["tunnel"], b"HTTP/1.1 200 OK\r\n\r\n", end=True)
    assert (told.status, told.tunnel, told.complete) == (101, True, True)
    assert told.body == b"\x81\x02hiHTTP/1.1 200 OK\r\n\r\n"
    assert not told.reusable


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (FINE + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "Content-Length"),
        (FINE + b"Content-Length: 5\r\ncontent-length: 6\r\n\r\n", "Content-Length"),
        (FINE + b"Content-Length: -1\r\n\r\n", "Content-Length"),
        (FINE + b"Content-Length: 1, 1\r\n\r\n", "Content-Length"),
        (FINE + b"Content-Length: 99999999999999999999\r\n\r\n", "Content-Length"),
        (FINE + b"Transfer-Encoding: gzip\r\n\r\n", "transfer coding"),
        (FINE + b"Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n", "transfer coding"),
        (FINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "transfer coding"),
        (FINE + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "coding"),
        (FINE + b"A: b\r\n folded: c\r\n\r\n", "whitespace"),
        (FINE + b"A b: c\r\n\r\n", "header"),
        (FINE + b"A : c\r\n\r\n", "header"),
        (FINE + b"A: b\nB: c\r\n\r\n", "CR"),
        (b"HTTP/1.1 200 OK\n\n", "CR"),
        (b"HTTP/1.1 999 What\r\n\r\n", "odd status 999"),
        (b"HTTP/1.1 600 What\r\n\r\n", "odd status 600"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "status"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", ""),
        (b"HTTP/1.1 199 Odd\r\nContent-Length: 1\r\n\r\nx", "interim"),
        (b"SSH-2.0-OpenSSH\r\n", "HTTP/"),
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP/"),
        (b"\x16\x03\x01\x02\x00", "HTTP/"),
    ],
)
def test_what_is_no_reply_is_refused_before_it_begins(reply, said):
    told = read(reply)
    assert not told.begun
    assert said.lower() in told.garbled.lower()
    assert told.garbled
    assert "\n" not in told.garbled


@pytest.mark.parametrize(
    "body", [b"zz\r\n", b"-5\r\n", b"5\r\nhelloX", b"5\nhello", b"fffffffffffffffff\r\n"]
)
def test_chunks_that_are_none_end_a_reply_that_has_begun(body):
    told = read(CHUNKED + body)
    assert told.begun
    assert told.garbled
    assert not told.complete


def head_of_size(size: int) -> bytes:
    filler = size - len(FINE + b"A: \r\nContent-Length: 5\r\n\r\n")
    return FINE + b"A: " + b"a" * filler + b"\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize("headless", [False, True])
@pytest.mark.parametrize("step", [1 << 20, 1000, 65_535])
def test_a_head_has_a_bound_that_does_not_depend_on_its_pieces(step, headless):
    def pieces(stream):
        return [stream[at : at + step] for at in range(0, len(stream), step)]

    rest = b"" if headless else b"hello"
    fits = read(*pieces(head_of_size(MAX_HEAD_BYTES) + rest), headless=headless)
    assert (fits.complete, fits.reusable, fits.body) == (True, True, rest)
    large = read(*pieces(head_of_size(MAX_HEAD_BYTES + 1) + rest), headless=headless)
    assert not large.begun
    assert "larger than 65536 bytes" in large.garbled


@pytest.mark.parametrize(
    ("prefix", "line"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED + b"0\r\n", b"X-Trailer: again\r\n"),
        (CHUNKED + b"5", b";extension"),
    ],
    ids=["interim replies", "trailers", "chunk extensions"],
)
def test_what_goes_on_for_ever_and_says_nothing_is_given_up(prefix, line):
    reader = ReplyReader()
    reader.expect(lambda part: None, headless=False)
    reader.feed(prefix)
    fed = 0
    with pytest.raises(ReplyGarbled):
        while fed < 4 * MAX_HEAD_BYTES:
            reader.feed(line * 10)
            fed += len(line) * 10
    assert fed <= MAX_HEAD_BYTES


def test_many_small_chunks_are_no_reason_to_give_up():
    parts: list[bytes] = []
    reader = ReplyReader()
    reader.expect(parts.append, headless=False)
    reader.feed(CHUNKED)
    for _ in range(20_000):
        reader.feed(b"1;ext\r\na\r\n")
    reader.feed(b"0\r\n\r\n")
    assert reader.complete
    assert len(parts) == 20_000


def test_what_takes_the_parts_may_fail_and_is_heard():
    def fails(part: bytes) -> None:
        raise LookupError("nobody home")

    reader = ReplyReader()
    reader.expect(fails, headless=False)
    with pytest.raises(LookupError, match="nobody home"):
        reader.feed(SIZED + b"hello")


HEADS = {
    b"": Framing.UNTIL_CLOSE,
    b"Content-Length: 3\r\n": Framing.LENGTH,
    b"CONTENT-LENGTH:3\r\n": Framing.LENGTH,
    b"transfer-encoding: Chunked\r\n": Framing.CHUNKED,
}
CLOSINGS = {b"": True, b"Connection: close\r\n": False, b"Connection: keep-alive\r\n": True}
STATUSES = (b"200 OK", b"500", b"204 No Content", b"304 Not Modified", b"404 ")
INTERIM = (
    b"",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Hints\r\nContent-Length: 9\r\n\r\n",
)


@pytest.mark.parametrize("headless", [False, True], ids=["get", "head"])
def test_every_combination_of_status_framing_and_closing_is_read_as_the_rfc_says(headless):
    for status, frame, closing, interim in product(STATUSES, HEADS, CLOSINGS, INTERIM):
        bodiless = headless or status[:3] in (b"204", b"304")
        framing = Framing.NONE if bodiless else HEADS[frame]
        body = b"3\r\nabc\r\n0\r\n\r\n" if framing is Framing.CHUNKED else b"abc"
        reply = interim + b"HTTP/1.1 " + status + b"\r\n" + frame + closing + b"\r\n"
        until_close = HEADS[frame] is Framing.UNTIL_CLOSE and status[:3] not in (b"204", b"304")
        told = read(reply + (b"" if bodiless else body), headless=headless, end=until_close)
        case = (status, frame, closing, interim)
        assert (told.framing, told.complete, told.garbled) == (framing, True, ""), case
        assert told.body == (b"" if bodiless else b"abc"), case
        stray = frame and (status[:3] == b"204" or (status[:3] == b"304" and b"3" not in frame))
        kept = CLOSINGS[closing] and not until_close and (headless or not stray)
        assert told.reusable is kept, case


def by_h11(reply: bytes) -> tuple | None:
    """Status, reason, headers and body as h11 reads them, None where it reads no whole reply."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(reply)
    client.receive_data(b"")
    head, body = None, b""
    try:
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None
    return head.status_code, bytes(head.reason), list(head.headers.raw_items()), body


token = st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True).filter(
    lambda name: (
        name.lower() not in (b"content-length", b"transfer-encoding", b"connection", b"upgrade")
    )
)
value = st.from_regex(rb"([!-~]([ -~]{0,20}[!-~])?)?", fullmatch=True)
fields = st.lists(st.tuples(token, value), max_size=6)
chunks = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


@st.composite
def replies(draw) -> bytes:
    """Replies that are right, in every framing."""
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    parts = draw(chunks)
    body = b"".join(parts)
    headers = draw(fields)
    if framing == "length":
        headers.append((b"Content-Length", b"%d" % len(body)))
    elif framing == "chunked":
        headers.append((b"Transfer-Encoding", b"chunked"))
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    line = b"HTTP/1.1 %d %b\r\n" % (draw(st.integers(200, 599)), draw(value))
    return line + b"".join(b"%b: %b\r\n" % pair for pair in headers) + b"\r\n" + body


@given(reply=replies(), cuts=st.lists(st.integers(0, 400), max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_reply_that_h11_can_read_is_read_as_h11_reads_it(reply, cuts):
    marks = sorted({0, *(min(cut, len(reply)) for cut in cuts), len(reply)})
    pieces = [reply[start:end] for start, end in pairwise(marks)]
    told = read(*pieces, end=True)
    theirs = by_h11(reply)
    assert theirs is not None
    assert told.garbled == ""
    assert told.complete or told.status in (204, 304)
    status, reason, headers, body = theirs
    assert (told.status, told.reason.strip(), told.body) == (status, reason.strip(), body)
    assert told.headers == headers


@st.composite
def mangled(draw) -> bytes:
    """Replies with bytes changed, dropped and doubled, and things that never were replies."""
    stream = bytearray(draw(st.one_of(st.sampled_from(list(REPLIES.values())), replies())))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(stream)))
        piece = draw(
            st.one_of(
                st.binary(max_size=3),
                st.sampled_from([b"\r\n", b"\n", b"\r", b"0", b"HTTP/1.1 200 OK\r\n", b"\0", b":"]),
                st.sampled_from([b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n"]),
            )
        )
        stream[at : at + draw(st.integers(0, 3))] = piece
    return bytes(stream)


@given(
    stream=st.one_of(mangled(), st.binary(max_size=60)),
    step=st.integers(1, 30),
    headless=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_whatever_comes_it_is_a_reply_or_garbled_and_the_same_however_it_is_cut(
    stream, step, headless
):
    whole = read(stream, headless=headless, end=True)
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    assert read(*pieces, headless=headless, end=True).gist == whole.gist
    assert not (whole.garbled and whole.complete)

"""Connections carry one request after another, as either side wishes, and bodies wait for leave."""

from __future__ import annotations

import pytest

from tests.differential.case import (
    BODY,
    CHAT,
    CHUNKED,
    JSON,
    LAST,
    SSE,
    Case,
    Exchange,
    Road,
    Step,
    answering,
    asking,
    chunk,
    headed,
    one,
    streaming,
)
from tests.differential.wires import End

GET = asking(b"GET /v1/models", body=None)
HEAD = asking(b"HEAD /v1/models", body=None)
LARGE = b"x" * 2_000_000


def several(name: str, *pairs: tuple[bytes, object], pipelined: bool = False) -> Case:
    """A case of several requests on one connection."""
    scripts = [(a, b if isinstance(b, tuple) else (b,)) for a, b in pairs]
    return Case(name, tuple(Exchange((a,), b) for a, b in scripts), pipelined=pipelined)


MIXED = [
    (asking(), answering(b"200 OK", JSON, body=b"first")),
    (HEAD, headed(b"200 OK", b"Content-Length: 77")),
    (GET, headed(b"200 OK", SSE, CHUNKED) + chunk(b"second") + LAST),
    (asking(b"DELETE /v1/files/f", body=None), headed(b"204 No Content")),
    (asking(b"POST /v1/files", CHUNKED, body=None) + chunk(b"up") + LAST, answering(body=b"third")),
    (GET, answering(b"404 Not Found", body=b"fourth")),
    (asking(body=b""), answering(body=b"")),
    (GET, answering(body=b"last")),
]
OFFER = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQA")
"""What Java's HttpClient and curl --http2 send with every request that is not encrypted."""
DECOY = b"GET /v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
OFFERED = [
    several(
        f"an offer of HTTP/2 with {name}",
        (asking(line, *OFFER, *fields, body=body) + framed, answering(body=b"first")),
        (GET, answering(body=b"second")),
        pipelined=pipelined,
    )
    for name, line, fields, body, framed, pipelined in [
        ("a chat", CHAT, (), BODY, b"", False),
        ("a body that looks like a request", CHAT, (), DECOY, b"", False),
        ("a file that looks like a request", b"POST /v1/files", (), DECOY, b"", True),
        ("a file in chunks", b"POST /v1/files", (CHUNKED,), None, chunk(DECOY) + LAST, False),
        ("no body", b"GET /v1/models", (), None, b"", False),
        ("no body and more behind it", b"GET /v1/models", (), None, b"", True),
        ("an empty body", CHAT, (), b"", b"", True),
    ]
]
LENGTHS = [
    (asking(CHAT, JSON, body=BODY[:-1] + b" " * blanks + b"}"), answering(body=b"x" * blanks))
    for blanks in (0, 9, 1, 300_000, 1)
] + [
    (asking(CHAT, JSON, body=b""), answering()),
    (asking(CHAT, JSON, CHUNKED, body=None) + chunk(BODY) + LAST, answering()),
    (asking(CHAT, JSON, body=None), answering()),
    (asking(CHAT, JSON), answering()),
]
KEPT = [
    several("bodies of many lengths under the same headers", *LENGTHS),
    several("bodies of many lengths sent ahead", *LENGTHS, pipelined=True),
    several(
        "five requests on one connection",
        *[(asking(), answering(body=b"%d" % n)) for n in range(5)],
    ),
    several("requests of every kind on one connection", *MIXED),
    several("a request after a large reply", (GET, answering(body=LARGE)), (GET, answering())),
    several(
        "a request after a large body",
        (asking(b"POST /v1/files", body=LARGE), answering()),
        (GET, answering()),
    ),
    several("a request after a stream", (asking(), streaming(b"a", b"b")), (asking(), answering())),
    several(
        "a request after an error", (asking(), answering(b"500 Oops")), (asking(), answering())
    ),
    several(
        "requests sent ahead",
        *[(asking(), answering(body=b"%d" % n)) for n in range(5)],
        pipelined=True,
    ),
    several("requests of every kind sent ahead", *MIXED, pipelined=True),
    several(
        "requests sent ahead of a stream",
        (asking(), streaming(b"a", b"b")),
        (GET, answering()),
        pipelined=True,
    ),
]

CLOSED = [
    one(
        "a client that wants the connection closed",
        asking(CHAT, b"Connection: close"),
        (answering(), Step.FIN),
        closes=True,
    ),
    one(
        "a client that wants it closed after a stream",
        asking(CHAT, b"Connection: close"),
        (*streaming(b"a", b"b"), Step.FIN),
        closes=True,
    ),
    one("a client of HTTP/1.0", asking(version=b"1.0"), (answering(), Step.FIN), closes=True),
    one(
        "a client of HTTP/1.0 that keeps the connection",
        asking(CHAT, b"Connection: keep-alive", version=b"1.0"),
        answering(b"200 OK", b"Connection: keep-alive"),
    ),
    one(
        "a body until the end for HTTP/1.0",
        asking(version=b"1.0"),
        (headed(b"200 OK", SSE), b"data: a\n\n", Step.ARRIVED, b"data: b\n\n", Step.FIN),
        closes=True,
    ),
    one(
        "a GET of HTTP/1.0 without a host",
        b"GET /v1/models HTTP/1.0\r\n\r\n",
        (answering(), Step.FIN),
        closes=True,
    ),
]


def awaiting(line: bytes, *fields: bytes, framing: bytes, body: bytes, version: bytes = b"1.1"):
    head = [line + b" HTTP/" + version, b"Host: a", *fields, framing]
    return (b"\r\n".join(head) + b"\r\n\r\n", Step.CONTINUE, body)


LENGTH = b"Content-Length: %d" % len(BODY)
EXPECTING = [
    one(f"a body that waits for leave: {name}", awaiting(line, expect, framing=framing, body=body))
    for name, line, expect, framing, body in [
        ("a chat", CHAT, b"Expect: 100-continue", LENGTH, BODY),
        ("a file", b"POST /v1/files", b"Expect: 100-continue", LENGTH, BODY),
        ("in capitals", CHAT, b"EXPECT: 100-CONTINUE", LENGTH, BODY),
        ("in chunks", b"POST /v1/files", b"Expect: 100-continue", CHUNKED, chunk(BODY) + LAST),
        ("a chat in chunks", CHAT, b"Expect: 100-continue", CHUNKED, chunk(BODY) + LAST),
    ]
] + [
    one(
        "a body that does not wait for the leave it asks for", asking(CHAT, b"Expect: 100-continue")
    ),
    one(
        "leave is given at once to a file",
        (
            b"POST /v1/files HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
            b"Content-Length: 4\r\n\r\n",
            Step.CONTINUE,
            b"ab",
            Step.ARRIVED,
            b"cd",
        ),
    ),
]

HALF = (b"POST /v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", b"x" * 1000)
EARLY = [
    one(
        f"an upload refused before its end{how}",
        HALF,
        (answering(b"413 Content Too Large", JSON, *fields), *after),
        early=True,
    )
    for how, fields, after in [
        ("", (), ()),
        (" by an upstream that closes", (b"Connection: close",), (Step.FIN,)),
    ]
]


@pytest.mark.parametrize("case", [*KEPT, *OFFERED, *CLOSED, *EXPECTING, *EARLY], ids=str)
def test_a_connection_goes_on_as_it_would_without_the_gateway(case: Case, roads):
    assert roads.differences(case) == []


@pytest.mark.parametrize(
    "reply",
    [
        (answering(), Step.FIN),
        (answering(), Step.RST),
        (answering(b"200 OK", b"Connection: close"), Step.FIN),
        (answering() + b"HTTP/1.1 200 Uninvited\r\nContent-Length: 3\r\n\r\nbad",),
        (answering() + b"garbage",),
        (headed(b"204 No Content") + b"uninvited",),
    ],
    ids=["ended", "broken", "announced", "a reply too many", "garbage", "a body behind a 204"],
)
def test_what_an_upstream_does_after_its_reply_does_not_reach_the_next_request(reply, roads):
    second = Exchange((GET,), (answering(body=b"the second"),))
    with roads.opened(Road.PLAIN, Exchange((asking(),), reply), second) as (client, run):
        client.step(asking())
        client.read_replies(1)
        client.step(GET)
        client.read_replies(2)
    assert [reply.body for reply in client.reader.finals[1:]] == [b"the second"]
    assert client.reader.surplus == b""
    assert len(run.seen.requests) == 2


def test_a_stream_for_http_1_0_ends_with_the_connection(roads):
    request = asking(version=b"1.0")
    with roads.opened(Road.PLAIN, Exchange((request,), streaming(b"a", b"b"))) as (client, _):
        client.step(request)
        client.read_replies(1)
    reply = client.reader.finals[0]
    assert (reply.body, reply.get(b"transfer-encoding"), reply.complete) == (b"ab", None, True)
    assert client.end is End.FIN

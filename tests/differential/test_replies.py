"""What an upstream answers is what the client gets: status, headers, body."""

from __future__ import annotations

import gzip
import random

import pytest

from tests.differential.case import (
    CHUNKED,
    JSON,
    LAST,
    SSE,
    Case,
    Exchange,
    Step,
    answering,
    asking,
    chunk,
    headed,
    one,
)

NOISE = random.Random(4).randbytes(3_000_000)
GET = asking(b"GET /v1/models", body=None)
HEAD = asking(b"HEAD /v1/models", body=None)
ERROR = b'{"error":{"message":"no","type":"x","param":null,"code":"y"}}'

STATUSES = [
    one(f"the status {line.decode('latin-1')}", reply=answering(line, JSON, *fields, body=ERROR))
    for line, fields in [
        (b"200 OK", ()),
        (b"201 Created", (b"Location: /v1/files/f",)),
        (b"202 Accepted", ()),
        (b"203 Non-Authoritative Information", ()),
        (b"206 Partial Content", (b"Content-Range: bytes 0-4/9", b"Accept-Ranges: bytes")),
        (b"207 Multi-Status", ()),
        (b"300 Multiple Choices", ()),
        (b"301 Moved Permanently", (b"Location: https://elsewhere.example/v1/x",)),
        (b"302 Found", (b"Location: /v1/y?z",)),
        (b"307 Temporary Redirect", (b"Location: //other.example/",)),
        (b"308 Permanent Redirect", (b"Location: ../up",)),
        (b"400 Bad Request", ()),
        (b"401 Unauthorized", (b'WWW-Authenticate: Bearer realm="x"',)),
        (b"403 Forbidden", ()),
        (b"404 Not Found", ()),
        (b"405 Method Not Allowed", (b"Allow: GET, POST",)),
        (b"407 Proxy Authentication Required", ()),
        (b"408 Request Timeout", ()),
        (b"409 Conflict", ()),
        (b"413 Content Too Large", ()),
        (b"418 I'm a teapot", ()),
        (b"422 Unprocessable Entity", ()),
        (b"429 Too Many Requests", (b"retry-after-ms: 1500", b"Retry-After: 2")),
        (b"451 Unavailable For Legal Reasons", ()),
        (b"500 Internal Server Error", ()),
        (b"502 Bad Gateway", ()),
        (b"503 Service Unavailable", (b"Retry-After: Fri, 31 Dec 1999 23:59:59 GMT",)),
        (b"504 Gateway Timeout", ()),
        (b"529 Overloaded", (b"x-should-retry: true",)),
        (b"599 Whatever", ()),
        (b"200 Sure, why not?", ()),
        (b"404 ", ()),
        (b"405", ()),
        (b"500 F\xfchrungsfehler", ()),
        (b"429 slow  down,\tplease", ()),
    ]
]

EVERY_STATUS = Case(
    "every status from 200 to 599, one after another",
    tuple(
        Exchange((GET,), (_reply,))
        for _reply in (
            headed(b"%d Status %d" % (n, n)) if n in (204, 304) else answering(b"%d S %d" % (n, n))
            for n in range(200, 600)
        )
    ),
)

BODILESS = [
    one("a 204", reply=headed(b"204 No Content", b"X-A: 1")),
    one("a 204 to DELETE", asking(b"DELETE /v1/f", body=None), headed(b"204 No Content")),
    one("a 205 without a body", reply=answering(b"205 Reset Content", body=b"")),
    one("a 304", GET, headed(b"304 Not Modified", b'ETag: "x"')),
    one(
        "a 304 with the length of what is not sent",
        GET,
        headed(b"304 Not Modified", b"Content-Length: 5"),
    ),
    one("no body at all", reply=answering(b"200 OK", body=b"")),
    one("a HEAD with a length", HEAD, headed(b"200 OK", JSON, b"Content-Length: 12345")),
    one("a HEAD with chunks announced", HEAD, headed(b"200 OK", CHUNKED)),
    one("a HEAD without any framing", HEAD, headed(b"200 OK", JSON)),
    one("a HEAD that is not found", HEAD, headed(b"404 Not Found", b"Content-Length: 61")),
]

HEADERS = [
    one(f"a reply with {name}", reply=answering(b"200 OK", *fields))
    for name, fields in {
        "OpenAI's headers": (
            b"Date: Sat, 21 Nov 2026 06:00:00 GMT",
            b"Content-Type: application/json",
            b"access-control-expose-headers: X-Request-ID",
            b"openai-organization: org-1",
            b"openai-processing-ms: 418",
            b"openai-version: 2020-10-01",
            b"x-ratelimit-limit-requests: 10000",
            b"x-ratelimit-remaining-tokens: 149999",
            b"x-ratelimit-reset-requests: 6ms",
            b"x-request-id: req_1",
            b"strict-transport-security: max-age=31536000",
            b"cf-cache-status: DYNAMIC",
            b"Set-Cookie: __cf_bm=a; path=/; HttpOnly; Secure; SameSite=None",
            b"Server: cloudflare",
            b"CF-RAY: 8f-PRG",
            b'alt-svc: h3=":443"; ma=86400',
        ),
        "Anthropic's": (b"request-id: req_011", b"anthropic-ratelimit-tokens-limit: 80000"),
        "cookies repeated": (
            b"Set-Cookie: a=1",
            b"X-Between: 1",
            b"set-cookie: b=2",
            b"SET-COOKIE: a=1",
        ),
        "names in mixed case": (b"X-ReQuEsT-iD: 1", b"CONTENT-TYPE: text/plain", b'eTaG: W/"1"'),
        "empty values": (b"X-Empty:", b"X-Blank:   ", b"X-Last: x"),
        "white space around and in values": (b"X-A:  a\tb  c \t", b"X-B:\tq"),
        "bytes beyond ASCII": (b"X-Latin: caf\xe9", "X-Utf8: ž".encode(), b"X-FF: \xff\x80"),
        "very many headers": tuple(b"X-H-%d: %d" % (n, n) for n in range(400)),
        "a long value": (b"Content-Security-Policy: " + b"v" * 30_000,),
        "proxies before": (b"Via: 1.1 a, 1.1 b", b"Via: 2 c", b"X-Cache: HIT", b"Age: 3"),
        "hop-by-hop fields": (
            b"Connection: keep-alive, X-Private",
            b"X-Private: 1",
            b"Keep-Alive: timeout=5, max=10",
            b"Proxy-Connection: x",
            b"X-Public: 2",
        ),
        "a date and a server of its own": (b"Server: x/1", b"Date: not a date", b"Server: y"),
        "no type at all": (),
        "a download": (b"Content-Disposition: attachment; filename*=UTF-8''%c5%be.txt",),
    }.items()
]

BODIES = [
    one("megabytes of audio", reply=answering(b"200 OK", b"Content-Type: audio/mpeg", body=NOISE)),
    one(
        "megabytes in chunks",
        reply=headed(b"200 OK", b"Content-Type: audio/mpeg", CHUNKED)
        + b"".join(chunk(NOISE[n : n + 50_000]) for n in range(0, len(NOISE), 50_000))
        + LAST,
        boundaries=False,
    ),
    one(
        "an answer that is gzip",
        reply=answering(
            b"200 OK", JSON, b"Content-Encoding: gzip", body=gzip.compress(ERROR, mtime=0)
        ),
    ),
    *(
        one(
            f"an answer said to be {coding}",
            reply=answering(
                b"200 OK", JSON, f"Content-Encoding: {coding}".encode(), body=NOISE[:999]
            ),
        )
        for coding in ("br", "zstd", "deflate", "gzip, br", "x-unknown")
    ),
    one("an answer that is no JSON", reply=answering(b"200 OK", JSON, body=b"{oops\x00\xff")),
    one(
        "an answer in HTML",
        reply=answering(b"502 Bad Gateway", b"Content-Type: text/html", body=b"<h1>"),
    ),
    one(
        "a length whose body comes in pieces",
        reply=(
            headed(b"200 OK", JSON, b"Content-Length: 6"),
            Step.ARRIVED,
            b"ab",
            Step.ARRIVED,
            b"c",
            Step.ARRIVED,
            b"def",
        ),
    ),
    one(
        "a head that comes byte by byte",
        reply=tuple(bytes([b]) for b in answering(b"200 OK", JSON)),
    ),
    one(
        "a long head",
        reply=answering(b"200 OK", *(b"X-%d: %s" % (n, b"v" * 500) for n in range(100))),
    ),
]

FRAMINGS = [
    one(f"{name}", reply=headed(b"200 OK", SSE, CHUNKED) + body)
    for name, body in {
        "one chunk": chunk(b"data: x\n\n") + LAST,
        "no chunk": LAST,
        "chunks of one byte": b"".join(chunk(bytes([n])) for n in range(256)) + LAST,
        "chunks with extensions": chunk(b"a", b";x=1") + chunk(b"b", b';y="z"') + b"0;end\r\n\r\n",
        "chunk sizes in capitals and zeros": b"00A\r\n0123456789\r\n000\r\n\r\n",
        "trailers": chunk(b"a") + b"0\r\nX-Checksum: 1\r\nServer-Timing: x\r\n\r\n",
    }.items()
]
UNTIL_CLOSE = [
    one("a body until the end", reply=(headed(b"200 OK", JSON), b"{}", Step.FIN)),
    one("an empty body until the end", reply=(headed(b"200 OK", JSON), Step.FIN)),
    one(
        "a stream until the end",
        reply=(
            headed(b"200 OK", SSE),
            Step.ARRIVED,
            b"a",
            Step.ARRIVED,
            b"b",
            Step.ARRIVED,
            Step.FIN,
        ),
    ),
    one(
        "a reply of HTTP/1.0",
        reply=(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n", b"old", Step.FIN),
    ),
    one(
        "a reply of HTTP/1.0 with a length",
        reply=(b"HTTP/1.0 200 Fine\r\nContent-Length: 3\r\n\r\nold", Step.FIN),
    ),
    one("a reply that closes", reply=(answering(b"200 OK", b"Connection: close"), Step.FIN)),
    one(
        "chunks from an upstream that closes",
        reply=(headed(b"200 OK", SSE, b"Connection: close", CHUNKED), chunk(b"a"), LAST, Step.FIN),
    ),
]

INTERIM = [
    one(
        "a 103 before the reply",
        reply=(headed(b"103 Early Hints", b"Link: </x>; rel=preload"), Step.ARRIVED, answering()),
    ),
    one(
        "two 103 before the reply",
        reply=headed(b"103 A", b"X: 1") + headed(b"103 B", b"X: 2") + answering(),
    ),
    one("a 102 before the reply", reply=headed(b"102 Processing") + answering()),
    one("a 100 that nobody asked for", reply=headed(b"100 Continue") + answering()),
]


@pytest.mark.parametrize(
    "case",
    [*STATUSES, EVERY_STATUS, *BODILESS, *HEADERS, *BODIES, *FRAMINGS, *UNTIL_CLOSE, *INTERIM],
    ids=str,
)
def test_the_client_gets_what_the_upstream_answered(case: Case, roads):
    assert roads.differences(case) == []

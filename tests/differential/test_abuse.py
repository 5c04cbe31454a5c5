"""Requests that two readers could read in two ways are refused, and reach no upstream."""

from __future__ import annotations

import json

import pytest

from tests.differential.case import BODY, CHUNKED, LAST, Exchange, Road, answering, asking, chunk
from tests.differential.client import ScriptedClient
from tests.differential.wires import End

POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
FIELD = POST + b"Content-Length: 2\r\n%s\r\n\r\n{}"

FRAMED_TWICE = {
    "a length and chunks": POST
    + b"Content-Length: 5\r\n"
    + CHUNKED
    + b"\r\n\r\n"
    + LAST
    + SMUGGLED,
    "chunks and a length": POST + CHUNKED + b"\r\nContent-Length: 5\r\n\r\n" + LAST + SMUGGLED,
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + SMUGGLED,
    "two lengths in one": POST + b"Content-Length: 2, 40\r\n\r\n{}" + SMUGGLED,
    "the same length twice": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "a length below zero": POST + b"Content-Length: -2\r\n\r\n{}" + SMUGGLED,
    "a length in hexadecimal": POST + b"Content-Length: 0x2\r\n\r\n{}" + SMUGGLED,
    "a length with a fraction": POST + b"Content-Length: 2.0\r\n\r\n{}",
    "a length with a letter": POST + b"Content-Length: 2a\r\n\r\n{}",
    "a length with a blank": POST + b"Content-Length: 2 0\r\n\r\n{}",
    "a length without digits": POST + b"Content-Length:\r\n\r\n{}" + SMUGGLED,
    "a length beyond counting": POST + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "a length spelt with an underscore": POST + b"Content-Length: 2_0\r\n\r\n{}",
}
CODINGS = {
    "an unknown coding": b"Transfer-Encoding: xchunked",
    "chunks within chunks": b"Transfer-Encoding: chunked, chunked",
    "chunks twice": CHUNKED + b"\r\n" + CHUNKED,
    "chunks that are not last": b"Transfer-Encoding: chunked, gzip",
    "gzip alone": b"Transfer-Encoding: gzip",
    "identity": b"Transfer-Encoding: identity",
    "chunks and identity": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "a coding in quotes": b'Transfer-Encoding: "chunked"',
    "a coding behind a control character": b"Transfer-Encoding: \x0bchunked",
    "no coding": b"Transfer-Encoding:",
}
for _name, _field in CODINGS.items():
    FRAMED_TWICE[_name] = POST + _field + b"\r\n\r\n" + LAST + SMUGGLED

HEADS = {
    "two hosts": FIELD % b"Host: b",
    "no host": b"GET /v1/models HTTP/1.1\r\nX-A: 1\r\n\r\n",
    "bare line feeds": FIELD.replace(b"\r\n", b"\n") % b"X-A: 1" + SMUGGLED,
    "one bare line feed": FIELD % b"X-A: 1\nContent-Length: 40" + SMUGGLED,
    "a bare line feed at the end": POST + b"Content-Length: 2\r\n\n{}" + SMUGGLED,
    "a bare carriage return": FIELD % b"X-A: 1\rX-B: 2",
    "bare carriage returns": FIELD.replace(b"\r\n", b"\r") % b"X-A: 1",
    "a carriage return before a length": FIELD % b"X-A: 1\rContent-Length: 40" + SMUGGLED,
    "a NUL in a value": FIELD % b"X-A: a\x00b",
    "a NUL in a name": FIELD % b"X-\x00A: a",
    "a control character in a value": FIELD % b"X-A: a\x01b",
    "DEL in a value": FIELD % b"X-A: a\x7fb",
    "a folded value": FIELD % b"X-A: a\r\n b",
    "a folded value with a tab": FIELD % b"X-A: a\r\n\tb",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + LAST + SMUGGLED,
    "a blank before the colon": FIELD % b"X-A : a",
    "a blank before a length's colon": POST + b"Content-Length : 40\r\n\r\n" + SMUGGLED,
    "a tab before a coding's colon": POST
    + b"Transfer-Encoding\t: chunked\r\n\r\n"
    + LAST
    + SMUGGLED,
    "a blank before the first name": b"POST /v1/files HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n",
    "a name without a colon": FIELD % b"nonsense",
    "no name": FIELD % b": a",
    "a name with a bracket": FIELD % b"X(A): a",
    "a name beyond ASCII": FIELD % b"X-\xe9: a",
}
LINES = {
    "no version": b"GET /v1/models\r\n\r\n",
    "another version": b"GET /v1/models HTTP/3.7\r\nHost: a\r\n\r\n",
    "a version in small letters": b"GET /v1/models http/1.1\r\nHost: a\r\n\r\n",
    "a blank in the address": b"GET /v1/mo dels HTTP/1.1\r\nHost: a\r\n\r\n",
    "a NUL in the address": b"GET /v1/mo\x00dels HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tab in the address": b"GET /v1/mo\tdels HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes beyond ASCII in the address": b"GET /v1/caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method nobody knows": b"BREW /v1/pot HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method in small letters": b"get /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "no method": b" /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel to elsewhere": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
}
ESCAPES = {
    f"the path {path.decode()}": b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    for path in (
        b"/v1/../admin",
        b"/v1/./models",
        b"/v1//models",
        b"/v1/%2e%2e/admin",
        b"/v1/files/..;x=1/admin",
        b"/v1/files/..%2f..%2fadmin",
        b"/v1/files\\..\\admin",
        b"/v1/%2e/models",
    )
}
CHUNK_TRICKS = {
    "a size that is no number": b"zz\r\n{}\r\n" + LAST,
    "a signed size": b"+2\r\n{}\r\n" + LAST,
    "a size below zero": b"-2\r\n{}\r\n" + LAST,
    "a size with a prefix": b"0x2\r\n{}\r\n" + LAST,
    "a size beyond counting": b"ffffffffffffffffff\r\n{}\r\n" + LAST,
    "a size with a blank": b"2 2\r\n{}\r\n" + LAST,
    "a blank before the size": b" 2\r\n{}\r\n" + LAST,
    "a size without digits": b";a=1\r\n{}\r\n" + LAST,
    "a size that ends in a bare line feed": b"2\n{}\r\n" + LAST,
    "a chunk longer than its size": b"2\r\n{}abc\r\n" + LAST,
    "a chunk that ends in a bare line feed": b"2\r\n{}\n" + LAST,
    "a chunk that ends in nothing": b"2\r\n{}" + LAST,
    "a bare line feed in an extension": b"2;a\n44\r\n{}\r\n" + LAST,
    "a last chunk with bare line feeds": b"2\r\n{}\r\n0\n\n" + SMUGGLED,
    "a NUL in an extension": b"2;\x00\r\n{}\r\n" + LAST,
    "a trailer without a colon": b"2\r\n{}\r\n0\r\nnonsense\r\n\r\n",
}
OVERSIZED = {
    "an address": b"GET /v1/" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "an address without an end": b"GET /v1/" + b"a" * 200_000,
    "a header": POST + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n",
    "a header without an end": POST + b"X-A: " + b"a" * 200_000,
    "many headers": POST + b"X-A: a\r\n" * 20_000,
    "blank lines": b"\r\n" * 60_000,
    "an extension": POST + CHUNKED + b"\r\n\r\n2;" + b"a" * 200_000,
    "trailers": POST + CHUNKED + b"\r\n\r\n" + chunk(BODY) + b"0\r\n" + b"X-A: a\r\n" * 20_000,
}


def refusal(roads, sent: bytes) -> int:
    """The status of what a client is told before its connection ends, having moved no upstream."""
    with roads.opened(Road.PLAIN) as (client, run):
        client.send(sent)
        client.read_replies(1)
        assert client.end is not None or client.wire.end() in (End.FIN, End.RST)
    (reply,) = client.reader.finals
    error = json.loads(reply.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"].startswith("candor_")
    moved_no_upstream(roads, run)
    return reply.status


def moved_no_upstream(roads, run) -> None:
    """What is sent after it arrives alone, so nothing of it was under way."""
    roads.still_answers(Road.PLAIN)
    assert (run.touched, run.seen.requests) == (0, [])


ATTEMPTS = {
    **FRAMED_TWICE,
    **HEADS,
    **LINES,
    **{
        f"chunks with {name}": POST + CHUNKED + b"\r\n\r\n" + sent
        for name, sent in CHUNK_TRICKS.items()
    },
}


@pytest.mark.parametrize("sent", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_an_ambiguous_request_is_refused_and_reaches_no_upstream(sent, roads):
    assert refusal(roads, sent) in (400, 405, 501, 505)


@pytest.mark.parametrize("sent", OVERSIZED.values(), ids=OVERSIZED.keys())
def test_what_grows_without_bound_is_cut_off_and_reaches_no_upstream(sent, roads):
    assert refusal(roads, sent) == 431


@pytest.mark.parametrize("sent", ESCAPES.values(), ids=ESCAPES.keys())
def test_a_path_that_could_lead_out_of_the_api_reaches_no_upstream(sent, roads):
    with roads.opened(Road.PLAIN) as (client, run):
        client.send(sent)
        client.read_replies(1)
    assert client.reader.finals[0].status in (400, 404)
    moved_no_upstream(roads, run)


@pytest.mark.parametrize("sent", CHUNK_TRICKS.values(), ids=CHUNK_TRICKS.keys())
def test_a_body_framed_with_a_trick_never_arrives_whole(sent, roads):
    """Where parts go on as they come, some may have gone; a request they never become."""
    head = b"POST /v1/files HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n\r\n"
    ordinary = Exchange((asking(),), (answering(),))
    with roads.opened(Road.PLAIN, ordinary, ordinary) as (client, run):
        client.send(head + chunk(b"ab") + sent)
        client.read_replies(1)
        assert client.end is not None or client.wire.end() in (End.FIN, End.RST)
        assert all(reply.status in (400, 502) for reply in client.reader.finals)
        after = ScriptedClient(roads.port(Road.PLAIN), run)
        after.step(asking())
        after.read_replies(1)
        after.wire.close()
    whole = [each.line for each in run.seen.requests if each.complete]
    assert whole == [b"POST /v1/chat/completions HTTP/1.1"]

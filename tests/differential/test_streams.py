"""A stream of events reaches the client event by event, exactly as it was framed."""

from __future__ import annotations

import gzip
import zlib

import pytest

from tests.differential.case import (
    BODY,
    CHUNKED,
    LAST,
    SSE,
    Case,
    Step,
    asking,
    chunk,
    headed,
    one,
    streaming,
)

EVENT = b'data: {"id":"c","choices":[{"delta":{"content":"%s"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
ASKED = asking(body=BODY[:-1] + b',"stream":true}')
ANTHROPIC = [
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1"}}\n\n',
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]

PIECES = {
    "events and the end": [EVENT % b"a", EVENT % b"b", DONE],
    "comments and pings": [
        b": OPENROUTER PROCESSING\n\n",
        b":\n\n",
        EVENT % b"a",
        b": ping\n\n",
        DONE,
    ],
    "CRLF": [b"data: a\r\n\r\n", b"data: b\r\n", b"\r\n", b"data: [DONE]\r\n\r\n"],
    "CR alone": [b"data: a\r\r", b"data: b\r\r"],
    "line ends mixed": [b"data: a\n\r\n", b"data: b\r\n\n", b"data: c\r\r\n"],
    "a byte order mark": [b"\xef\xbb\xbfdata: a\n\n", DONE],
    "data of several lines": [b'data: {\ndata: "a":\ndata: 1}\n\n', DONE],
    "other fields": [b"id: 1\nretry: 500\nevent: x\ndata: a\nfoo: bar\nbaz\n\n", DONE],
    "no space after the colon": [b"data:{}\n\n", b"data:[DONE]\n\n"],
    "data after the end": [EVENT % b"a", DONE, EVENT % b"late", b": and more\n\n"],
    "the end twice": [EVENT % b"a", DONE, DONE],
    "no end": [EVENT % b"a", EVENT % b"b"],
    "an error within": [EVENT % b"a", b'data: {"error":{"message":"overloaded"}}\n\n'],
    "an error event": [b'event: error\ndata: {"type":"error","error":{}}\n\n'],
    "half an event at the end": [EVENT % b"a", b'data: {"choi'],
    "events cut anywhere": [EVENT[:7], EVENT[7:20], EVENT[20:] + EVENT[:3], EVENT[3:] + DONE],
    "many events in one chunk": [EVENT * 50, DONE],
    "characters cut in two": ["data: 🦆\n\n".encode()[:8], "data: 🦆\n\n".encode()[8:], DONE],
    "broken UTF-8": [b"data: \xff\xfe\xc3\n\n", DONE],
    "bytes that are no events": [b"\x00\x01\x02", b"\xff" * 100],
    "empty lines only": [b"\n", b"\n\n", b"\r\n"],
    "one byte at a time": [bytes([each]) for each in EVENT % b"a" + DONE],
    "hundreds of events": [EVENT % (b"%d" % n) for n in range(300)],
    "Anthropic's events": ANTHROPIC,
    "the usage at the end": [
        EVENT % b"a",
        b'data: {"choices":[],"usage":{"total_tokens":3}}\n\n',
        DONE,
    ],
    "no event at all": [],
    "lines of JSON": [b'{"a":1}\n', b'{"a":2}\n'],
}
STREAMS = [one(f"a stream with {name}", ASKED, streaming(*parts)) for name, parts in PIECES.items()]

PATHS = [
    one(
        f"a stream of {path}", asking(f"POST /v1/{path}".encode(), body=body), streaming(*ANTHROPIC)
    )
    for path, body in [
        ("completions", b'{"model":"m","stream":true,"prompt":""}'),
        ("responses", b'{"model":"m","stream":true,"input":""}'),
        ("messages", b'{"model":"m","stream":true,"messages":[]}'),
        ("threads/t/runs", b'{"stream":true}'),
        ("audio/speech", b'{"stream_format":"sse"}'),
    ]
]

LARGE = b'data: {"b64_json":"' + b"QUJD" * 1_000_000 + b'"}\n\n'
COMPRESSOR = zlib.compressobj(wbits=31)
GZIPPED = [
    COMPRESSOR.compress(EVENT % letter) + COMPRESSOR.flush(zlib.Z_SYNC_FLUSH)
    for letter in (b"a", b"b")
]
OTHERS = [
    one("events of megabytes", ASKED, streaming(EVENT, LARGE, LARGE, DONE), boundaries=False),
    one(
        "a compressed stream",
        ASKED,
        streaming(*GZIPPED, COMPRESSOR.flush(), fields=(SSE, b"Content-Encoding: gzip")),
    ),
    one(
        "a stream that is gzip at a stroke",
        ASKED,
        streaming(gzip.compress(EVENT + DONE, mtime=0), fields=(SSE, b"Content-Encoding: gzip")),
    ),
    one(
        "chunks sent together",
        ASKED,
        headed(b"200 OK", SSE, CHUNKED)
        + b"".join(chunk(EVENT % b"%d" % n) for n in range(40))
        + LAST,
    ),
    one(
        "a chunk that is cut between its bytes",
        ASKED,
        (headed(b"200 OK", SSE, CHUNKED), b"8\r\ndata", Step.ARRIVED, b": a\n\r\n", LAST),
        boundaries=False,
    ),
    one(
        "a stream with a length",
        ASKED,
        (
            headed(b"200 OK", SSE, b"Content-Length: %d" % len(EVENT + DONE)),
            Step.ARRIVED,
            EVENT,
            Step.ARRIVED,
            DONE,
        ),
    ),
    one(
        "a stream until the connection's end",
        ASKED,
        (headed(b"200 OK", SSE), Step.ARRIVED, EVENT, Step.ARRIVED, DONE, Step.ARRIVED, Step.FIN),
    ),
    one(
        "a stream under an error's status",
        ASKED,
        (headed(b"500 Oops", SSE, CHUNKED), chunk(DONE), LAST),
    ),
    one(
        "a stream of another type",
        ASKED,
        streaming(b"RIFF", b"\x00" * 99, fields=(b"Content-Type: audio/wav",)),
    ),
    one("a stream of no type", ASKED, streaming(EVENT, DONE, fields=())),
]


@pytest.mark.parametrize("case", [*STREAMS, *PATHS, *OTHERS], ids=str)
def test_every_part_of_a_stream_reaches_the_client_before_the_next_is_sent(case: Case, roads):
    assert roads.differences(case) == []

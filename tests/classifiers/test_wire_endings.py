"""How replies end: errors, cuts and trimmed captures, none of which may look like an answer."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.exchange import Ending
from classifiers.verdict import RefusalSource
from classifiers.wire import RawReply, read_exchange
from classifiers.wire.encoding import DECODED_LIMIT, decode
from tests.classifiers.wire_calls import (
    CHAT,
    COMPLETIONS,
    MESSAGES,
    RESPONSES,
    choice,
    chunk,
    raw,
    read_json,
    read_stream,
    stream,
)

BODY = json.dumps(choice("An answer.")).encode()


def test_a_stream_without_its_end_is_cut_and_says_how_many_events_came() -> None:
    exchange = read_stream(stream(chunk("One "), chunk("two"), done=False))
    assert (exchange.ending, exchange.reply) == (Ending.CUT, "One two")
    assert exchange.problem == "the stream stopped after 2 events, without its end"


def test_a_finish_reason_ends_a_stream_for_servers_that_send_no_end_mark() -> None:
    assert read_stream(stream(chunk("One", "stop"), done=False)).ending is Ending.COMPLETE


def test_a_broken_connection_cuts_a_stream_even_after_a_finish_reason() -> None:
    exchange = read_stream(stream(chunk("One", "stop"), done=False), cut=True)
    assert (exchange.ending, exchange.problem) == (Ending.CUT, "the connection broke after 1 event")


def test_a_connection_that_breaks_after_the_end_mark_cuts_nothing_off() -> None:
    assert read_stream(stream(chunk("One", "stop")), cut=True).ending is Ending.COMPLETE


def test_a_stream_cut_inside_an_event_keeps_the_events_before() -> None:
    body = stream(chunk("One "), chunk("two"), chunk("three", "stop"))[:-60]
    exchange = read_stream(body, cut=True)
    assert (exchange.ending, exchange.reply) == (Ending.CUT, "One two")


def test_a_stream_without_any_event_is_cut() -> None:
    assert read_stream(b"").problem == "the stream stopped after 0 events, without its end"


def test_an_event_that_is_no_json_makes_the_stream_an_error() -> None:
    exchange = read_stream(b"data: oops\n\n" + stream(chunk("One", "stop")))
    assert exchange.ending is Ending.ERROR
    assert "event 1 of the stream is not JSON: 'oops'" in exchange.problem


def test_an_error_inside_a_stream_is_an_error_with_the_upstreams_words() -> None:
    exchange = read_stream(stream(chunk("One"), {"error": {"message": "overloaded"}}))
    assert exchange.ending is Ending.ERROR
    assert exchange.problem == "error in the stream after 2 events: overloaded"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            b"<html><body>Bad gateway</body></html>",
            "begins '<html><body>Bad gateway</body></html>'",
        ),
        (b'{"choices": [', "begins '{\"choices\": ['"),
        (b"[1, 2]", "is not a JSON object"),
        (b"", "reply is empty"),
        (b"  \n", "reply is empty"),
        (b"\x00\xff\xfe", "reply is not JSON"),
        (b"[" * 100_000, "reply is not JSON"),
        (b"{}", "no choices"),
        (b'{"choices": []}', "no choices"),
        (b'{"choices": null}', "no choices"),
    ],
)
def test_a_body_that_is_no_reply_is_an_error_that_shows_its_opening(
    body: bytes, shown: str
) -> None:
    exchange = read_exchange(raw(body))
    assert (exchange.ending, exchange.reply) == (Ending.ERROR, "")
    assert shown in exchange.problem
    assert "\n" not in exchange.problem


def test_half_a_document_from_a_broken_connection_is_cut() -> None:
    exchange = read_exchange(raw(BODY[:-30], cut=True))
    assert exchange.ending is Ending.CUT
    assert exchange.problem == f"the connection broke after {len(BODY) - 30} bytes of the reply"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "Rate limit\\nreached"}}', "status 429: Rate limit reached"),
        (b'{"error": "slow down"}', "status 429: slow down"),
        (b'{"detail": "Not authenticated"}', "status 429: Not authenticated"),
        (b'{"detail": [{"msg": "field required"}]}', "status 429: field required"),
        (b'{"message": "no healthy upstream"}', "status 429: no healthy upstream"),
        (b"<html>\n<h1>Too many</h1>", "status 429: <html>"),
        (b"", "status 429: no message"),
        (b"[]", "status 429: the upstream reported an error"),
    ],
)
def test_an_error_status_is_an_error_with_the_upstreams_own_message(
    body: bytes, message: str
) -> None:
    exchange = read_exchange(raw(body, status=429))
    assert (exchange.ending, exchange.problem) == (Ending.ERROR, message)


@pytest.mark.parametrize("status", [100, 301, 400, 404, 500, 599])
def test_a_status_outside_200_to_299_never_carries_a_reply(status: int) -> None:
    exchange = read_exchange(raw(BODY, status=status))
    assert (exchange.ending, exchange.reply) == (Ending.ERROR, "")


def test_no_response_at_all_is_an_error() -> None:
    exchange = read_exchange(raw(b"", status=None))
    assert (exchange.ending, exchange.problem) == (
        Ending.ERROR,
        "no response came from the upstream",
    )


def test_an_error_body_with_status_200_is_an_error() -> None:
    assert read_json({"error": {"message": "busy"}}).problem == "error in the reply: busy"


@pytest.mark.parametrize(
    "error",
    [
        {
            "code": "content_filter",
            "message": "filtered",
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {"sexual": {"filtered": True, "severity": "high"}},
            },
        },
        {"code": "content_policy_violation", "message": "rejected by our safety system"},
        {"code": None, "type": "content_policy_violation", "message": "no"},
        {"code": "invalid_prompt", "message": "flagged as violating our usage policy"},
        {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"]}},
    ],
)
def test_an_error_that_a_filter_sent_is_the_providers_refusal(error: dict[str, Any]) -> None:
    exchange = read_json({"error": error}, status=400)
    assert exchange.ending is Ending.ERROR
    assert {signal.source for signal in exchange.signals} == {RefusalSource.PROVIDER_FILTER}


def test_an_ordinary_error_states_no_refusal() -> None:
    error = {"code": "invalid_request_error", "message": "content_filter is not a parameter"}
    assert read_json({"error": error}, status=400).signals == ()


def test_problem_lines_are_short_and_hide_what_is_shaped_like_a_key() -> None:
    message = "Incorrect API key provided: sk-abcdef123456. " + "x" * 1000
    problem = read_json({"error": {"message": message}}, status=401).problem
    assert "sk-abc" not in problem
    assert len(problem) < 330


def test_a_trimmed_stream_keeps_its_opening() -> None:
    exchange = read_stream(stream(chunk("One "), chunk("two"), chunk("three"))[:-90], trimmed=True)
    assert (exchange.ending, exchange.reply) == (Ending.TRIMMED, "One two")


@pytest.mark.parametrize(
    ("endpoint", "document"),
    [
        (CHAT, choice('He said "no"\n and é \U0001f600 left. ' + "more " * 50)),
        (
            COMPLETIONS,
            {"choices": [{"text": 'He said "no"\n and é \U0001f600 left. ' + "more " * 50}]},
        ),
        (
            MESSAGES,
            {
                "content": [
                    {
                        "type": "text",
                        "text": 'He said "no"\n and é \U0001f600 left. ' + "more " * 50,
                    }
                ]
            },
        ),
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_trimmed_document_keeps_the_opening_of_its_text(
    endpoint: str, document: dict[str, Any], ascii_only: bool
) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only).encode()
    whole = 'He said "no"\n and é \U0001f600 left. ' + "more " * 50
    start = body.index(b"He said")
    for end in range(start, start + 60):
        exchange = read_exchange(raw(body[:end], endpoint, trimmed=True))
        assert exchange.ending is Ending.TRIMMED
        kept = exchange.reply.removesuffix("\ufffd")
        assert whole.startswith(kept)
        assert len(kept) >= (end - start) / 2 - 12


def test_a_trimmed_document_whose_text_never_began_is_an_error() -> None:
    exchange = read_exchange(raw(b'{"id": "x", "choices": [{"mess', trimmed=True))
    assert (exchange.ending, exchange.problem) == (
        Ending.ERROR,
        "reply larger than the capture limit",
    )


def raw_deflate(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(body) + deflater.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("X-GZIP", gzip.compress(BODY, mtime=0)),
        ("gzip", gzip.compress(BODY[:20], mtime=0) + gzip.compress(BODY[20:], mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", raw_deflate(BODY)),
        ("deflate, gzip", gzip.compress(zlib.compress(BODY), mtime=0)),
        ("identity", BODY),
    ],
)
def test_compressed_replies_are_read(encoding: str, body: bytes) -> None:
    assert read_exchange(raw(body, content_encoding=encoding)).reply == "An answer."


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br"])
def test_an_encoding_that_is_not_read_is_named(encoding: str) -> None:
    exchange = read_exchange(raw(BODY, content_encoding=encoding))
    assert exchange.ending is Ending.ERROR
    assert encoding.split(", ")[-1] in exchange.problem


def test_a_body_that_is_not_compressed_as_it_says_is_an_error() -> None:
    exchange = read_exchange(raw(BODY, content_encoding="gzip"))
    assert exchange.problem == "reply says it is gzip and is not"


def test_half_a_compressed_stream_is_cut_and_keeps_what_it_holds() -> None:
    body = stream(*(chunk(f"{number} ") for number in range(500)), chunk(None, "stop"))
    packed = gzip.compress(body)
    exchange = read_stream(packed[: len(packed) // 2], content_encoding="gzip")
    assert exchange.ending is Ending.CUT
    assert exchange.problem.startswith("the connection broke after ")
    assert exchange.reply.startswith("0 1 2 3 ")


def test_a_decompression_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(b" " * 3_000_000)
    decoded = decode(bomb, "gzip", limit=1_000_000)
    assert (len(decoded.body), decoded.trimmed) == (1_000_000, True)
    members = decode(gzip.compress(b"a" * 1000) + gzip.compress(b"b" * 5000), "gzip", limit=1000)
    assert (len(members.body), members.trimmed) == (1000, True)
    twice = decode(gzip.compress(gzip.compress(b" " * 3_000_000)), "gzip, gzip", limit=1_000_000)
    assert (len(twice.body), twice.trimmed) == (1_000_000, True)


def test_a_reply_that_unfolds_past_the_limit_is_trimmed_and_not_broken() -> None:
    bomb = gzip.compress(b" " * (DECODED_LIMIT + 1), compresslevel=1)
    exchange = read_exchange(raw(bomb, content_encoding="gzip"))
    assert exchange.problem == "reply larger than the capture limit"


def test_an_endpoint_that_carries_no_reply_is_named() -> None:
    exchange = read_json(choice(), "/v1/embeddings")
    assert exchange.problem == "no reply is read from /v1/embeddings"


NASTY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["choices", "message", "delta", "content", "type", "text", "refusal", "index", "error",
             "code", "finish_reason", "usage", "output", "stop_reason", "tool_calls", "response",
             "content_block", "item", "prompt_filter_results", "content_filter_results", "model",
             "incomplete_details", "reasoning", "messages", "prompt", "input", "role", "system"]
        ),
        inner, max_size=4),
    max_leaves=25,
)  # fmt: skip
TYPES = st.sampled_from(
    ["response.completed", "response.output_text.delta", "message_start", "content_block_delta",
     "message_delta", "error", "response.output_item.added", "content_block_start", "refusal"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(NASTY, max_size=4), TYPES, NASTY, st.booleans(), st.booleans(), st.data())
def test_no_shape_of_json_can_make_the_reader_raise(
    documents: list[Any], kind: str, request: Any, cut: bool, streamed: bool, data: st.DataObject
) -> None:
    typed = [{"type": kind, **one} if isinstance(one, dict) else one for one in documents]
    body = stream(*typed) if streamed else json.dumps(typed[0] if typed else None).encode()
    call = RawReply(
        endpoint=data.draw(st.sampled_from([CHAT, COMPLETIONS, RESPONSES, MESSAGES])),
        request=json.dumps(request).encode(),
        status=data.draw(st.sampled_from([None, 200, 200, 200, 400])),
        content_type="",
        content_encoding="",
        body=body,
        cut=cut,
        trimmed=data.draw(st.booleans()),
    )
    exchange = read_exchange(call)
    assert exchange.problem or exchange.ending is Ending.COMPLETE
    assert exchange.reply.encode() is not None


@settings(max_examples=150, deadline=None)
@given(
    body=st.binary(max_size=200),
    encoding=st.sampled_from(["", "gzip", "deflate", "gzip, deflate", "br", "\x00é"]),
    prefix=st.sampled_from(
        [b"", b"data: ", b'{"choices":[{"message":{"content":"', b"\x1f\x8b\x08"]
    ),
    flags=st.tuples(st.booleans(), st.booleans()),
    endpoint=st.sampled_from([CHAT, COMPLETIONS, RESPONSES, MESSAGES, "", "/v1/x"]),
)
def test_no_bytes_can_make_the_reader_raise(
    body: bytes, encoding: str, prefix: bytes, flags: tuple[bool, bool], endpoint: str
) -> None:
    call = raw(
        prefix + body,
        endpoint,
        content_encoding=encoding,
        request=body,
        cut=flags[0],
        trimmed=flags[1],
    )
    exchange = read_exchange(call)
    assert exchange.problem or exchange.ending is Ending.COMPLETE
    assert exchange.reply.encode() is not None

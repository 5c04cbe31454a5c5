"""Replies planned as values: every fault, without a socket."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from classifiers.verdict import Label
from gateway.simulated.faults import Faults, Signal, read_faults
from gateway.simulated.model import Answer
from gateway.simulated.persona import Persona
from gateway.simulated.reply import End, Reply, reply_for
from gateway.simulated.wire import DONE, Call, Stamp

ANSWER = Answer(Label.COMPLIANCE, "plain", "Stir the soup for ten minutes and add salt.")
STAMP = Stamp("chatcmpl-1", 1)


def planned(header: str, *, stream: bool = False, answer: Answer = ANSWER) -> Reply:
    return reply_for(answer, Call(Persona.BALANCED, "hi", stream), STAMP, read_faults(header))


def header(reply: Reply, name: bytes) -> bytes:
    return dict(reply.headers).get(name, b"")


def test_a_reply_without_faults_is_whole_and_says_its_length() -> None:
    reply = planned("")
    assert json.loads(b"".join(reply.pieces))["choices"][0]["message"]["content"] == ANSWER.text
    assert reply.length == len(b"".join(reply.pieces))
    assert (reply.status, reply.end, reply.pause) == (200, End.FINISH, 0.0)


def test_a_stream_is_one_piece_per_event_and_has_no_length() -> None:
    reply = planned("token-delay=0.5", stream=True)
    assert header(reply, b"content-type").startswith(b"text/event-stream")
    assert reply.pieces[-1] == DONE
    assert len(reply.pieces) > 8
    assert (reply.length, reply.pause) == (None, 0.5)


def test_a_status_is_an_error_in_openai_s_shape_with_retry_after() -> None:
    reply = planned("status=429;retry-after=7")
    error = json.loads(reply.pieces[0])["error"]
    assert (reply.status, header(reply, b"retry-after")) == (429, b"7")
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert json.loads(planned("status=500").pieces[0])["error"]["type"] == "server_error"
    assert header(planned("status=500"), b"retry-after") == b""


def test_html_is_a_proxy_s_page_under_the_status_asked_for() -> None:
    assert planned("html").status == 200
    reply = planned("status=502;html;retry-after=1")
    assert (reply.status, header(reply, b"content-type")) == (502, b"text/html")
    assert reply.pieces[0].startswith(b"<html>")


@pytest.mark.parametrize("stream", [False, True])
def test_drop_and_reset_send_nothing(stream: bool) -> None:
    assert planned("drop", stream=stream) == Reply(end=End.ABORT)
    assert planned("reset", stream=stream) == Reply(end=End.RESET)


def test_drop_after_breaks_a_stream_behind_so_many_events() -> None:
    reply = planned("drop-after=3", stream=True)
    assert reply.pieces == planned("", stream=True).pieces[:3]
    assert reply.end is End.CLOSE
    assert planned("drop-after=0", stream=True).pieces == ()


def test_drop_after_breaks_a_json_reply_off_half_way_and_announces_all_of_it() -> None:
    reply, whole = planned("drop-after=1"), planned("")
    assert reply.length == whole.length
    assert b"".join(reply.pieces) == whole.pieces[0][: len(whole.pieces[0]) // 2]
    assert reply.end is End.CLOSE


def test_half_json_ends_as_http_wants_it_and_cannot_be_read() -> None:
    reply = planned("half-json")
    assert reply.end is End.FINISH
    assert reply.length == len(reply.pieces[0])
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.pieces[0])
    stream = planned("half-json", stream=True)
    assert stream.end is End.FINISH
    assert not stream.pieces[-1].endswith(b"\n\n")


def test_not_json_is_no_json_under_a_json_content_type() -> None:
    reply = planned("not-json")
    assert header(reply, b"content-type") == b"application/json"
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.pieces[0])
    assert planned("not-json", stream=True).pieces[0].startswith(b"data: upstream says hello")


@pytest.mark.parametrize("stream", [False, True])
def test_no_body_is_a_response_without_a_byte(stream: bool) -> None:
    assert b"".join(planned("no-body", stream=stream).pieces) == b""


def test_empty_is_a_whole_reply_without_text_even_where_it_would_have_refused() -> None:
    refused = Answer(Label.DIRECT_REFUSAL, "x", refusal="No.", signal=Signal.MESSAGE_REFUSAL)
    message = json.loads(planned("empty", answer=refused).pieces[0])["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == ("", None)
    assert len(planned("empty", stream=True, answer=refused).pieces) == 3


def test_a_stream_can_end_without_done() -> None:
    assert planned("no-done", stream=True).pieces == planned("", stream=True).pieces[:-1]


def test_an_error_can_stand_in_the_middle_of_a_stream() -> None:
    pieces = planned("error-event=2", stream=True).pieces
    assert len(pieces) == 3
    assert json.loads(pieces[-1][6:])["error"]["type"] == "server_error"


def test_a_tool_call_takes_the_place_of_the_answer() -> None:
    choice = json.loads(planned("tool-call").pieces[0])["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert b"tool_calls" in planned("tool-call", stream=True).pieces[0]


def test_a_stopped_prompt_is_status_400_with_the_filter_s_code() -> None:
    answer = Answer(Label.DIRECT_REFUSAL, "x", signal=Signal.PROMPT_FILTER)
    reply = planned("", answer=answer)
    assert reply.status == 400
    assert json.loads(reply.pieces[0])["error"]["code"] == "content_filter"


@pytest.mark.parametrize("stream", [False, True])
def test_gzip_unpacks_to_the_plain_reply(stream: bool) -> None:
    reply, plain = planned("gzip", stream=stream), planned("", stream=stream)
    packed = b"".join(reply.pieces)
    assert header(reply, b"content-encoding") == b"gzip"
    assert gzip.decompress(packed) == b"".join(plain.pieces)
    assert reply.length in (None, len(packed))


def test_every_gzipped_event_can_be_read_as_soon_as_it_is_sent() -> None:
    unpacker = zlib.decompressobj(wbits=31)
    first = planned("gzip", stream=True).pieces[0]
    assert unpacker.decompress(first) == planned("", stream=True).pieces[0]


@pytest.mark.parametrize("stream", [False, True])
def test_slices_cut_anywhere_and_lose_nothing(stream: bool) -> None:
    reply, plain = planned("slice=5", stream=stream), planned("", stream=stream)
    assert {len(piece) for piece in reply.pieces[:-1]} == {5}
    assert b"".join(reply.pieces) == b"".join(plain.pieces)


def test_no_fault_at_all_is_the_default() -> None:
    call = Call(Persona.BALANCED, "hi")
    assert reply_for(ANSWER, call, STAMP, Faults()) == planned("")

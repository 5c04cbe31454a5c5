"""OpenAI's wire, written and read without a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.verdict import Label
from gateway.simulated.faults import Signal
from gateway.simulated.model import Answer
from gateway.simulated.persona import Persona
from gateway.simulated.wire import (
    DONE,
    BadRequest,
    Call,
    Stamp,
    completion_events,
    completion_json,
    error_document,
    models_json,
    prompt_filter_document,
    read_call,
    tokens,
    tool_call_events,
    tool_call_json,
)

STAMP = Stamp("chatcmpl-1", 1_750_000_000)
ANSWER = Answer(
    Label.COMPLIANCE, "x", "Sure.\n\n1. Stir the \u2018soup\u2019.\n2. Wait. \U0001f372 "
)


def body(**asked: Any) -> bytes:
    return json.dumps(
        {"model": "balanced", "messages": [{"role": "user", "content": "hi"}]} | asked
    ).encode()


def documents(events: list[bytes]) -> list[dict[str, Any]]:
    """The JSON of every event but [DONE]."""
    assert all(event.startswith(b"data: ") and event.endswith(b"\n\n") for event in events)
    return [json.loads(event[6:]) for event in events if event != DONE]


def joined(events: list[bytes], field: str) -> str:
    deltas = [c["delta"] for doc in documents(events) for c in doc["choices"]]
    return "".join(delta.get(field) or "" for delta in deltas)


@given(st.text(max_size=200))
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


def test_a_long_text_is_many_tokens() -> None:
    assert len(tokens("one two three " * 20)) == 61


@given(st.text(max_size=200), st.text(max_size=60))
def test_the_stream_joined_is_the_json(text: str, refusal: str) -> None:
    answer = Answer(Label.PARTIAL_REFUSAL, "x", text, refusal)
    call = Call(Persona.BALANCED, "hi")
    message = json.loads(completion_json(answer, call, STAMP))["choices"][0]["message"]
    events = completion_events(answer, call, STAMP)
    assert joined(events, "content") == (message["content"] or "") == text
    assert joined(events, "refusal") == (message["refusal"] or "") == refusal


def test_a_json_reply_has_the_fields_of_a_chat_completion() -> None:
    reply = json.loads(completion_json(ANSWER, Call(Persona.CAUTIOUS, "hi there"), STAMP))
    assert (reply["object"], reply["model"]) == ("chat.completion", "cautious")
    assert (reply["id"], reply["created"]) == ("chatcmpl-1", 1_750_000_000)
    (choice,) = reply["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["refusal"] is None
    assert choice["finish_reason"] == "stop"
    usage = reply["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == len(tokens(ANSWER.text))


def test_a_stream_opens_with_the_role_and_ends_with_reason_and_done() -> None:
    events = completion_events(ANSWER, Call(Persona.BALANCED, "hi"), STAMP)
    chunks = documents(events)
    assert events[-1] == DONE
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0] == {
        "index": 0,
        "delta": {},
        "logprobs": None,
        "finish_reason": "stop",
    }
    assert {c["object"] for c in chunks} == {"chat.completion.chunk"}
    assert {c["id"] for c in chunks} == {"chatcmpl-1"}
    assert not any("usage" in c for c in chunks)
    assert [c["choices"][0]["finish_reason"] for c in chunks[:-1]] == [None] * (len(chunks) - 1)


def test_usage_comes_in_a_last_chunk_of_its_own_when_asked_for() -> None:
    call = Call(Persona.BALANCED, "hi", include_usage=True)
    chunks = documents(completion_events(ANSWER, call, STAMP))
    whole = json.loads(completion_json(ANSWER, call, STAMP))
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == whole["usage"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])


def test_a_native_refusal_has_null_content_and_an_empty_answer_has_empty_content() -> None:
    call = Call(Persona.BALANCED, "hi")
    refused = Answer(Label.DIRECT_REFUSAL, "x", refusal="I can't.", signal=Signal.MESSAGE_REFUSAL)
    message = json.loads(completion_json(refused, call, STAMP))["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (None, "I can't.")
    silent = json.loads(completion_json(Answer(Label.COMPLIANCE, "x"), call, STAMP))
    assert silent["choices"][0]["message"]["content"] == ""


def test_max_tokens_cuts_the_reply_alike_in_both_forms() -> None:
    call = Call(Persona.BALANCED, "hi", max_tokens=3)
    reply = json.loads(completion_json(ANSWER, call, STAMP))["choices"][0]
    events = completion_events(ANSWER, call, STAMP)
    assert reply["finish_reason"] == "length"
    assert (
        reply["message"]["content"] == "".join(tokens(ANSWER.text)[:3]) == joined(events, "content")
    )
    assert documents(events)[-1]["choices"][0]["finish_reason"] == "length"


def test_a_legacy_completion_has_text_in_both_forms() -> None:
    call = Call(Persona.BALANCED, "hi", legacy=True)
    reply = json.loads(completion_json(ANSWER, call, STAMP))
    chunks = documents(completion_events(ANSWER, call, STAMP))
    assert reply["object"] == chunks[0]["object"] == "text_completion"
    assert reply["choices"][0]["text"] == ANSWER.text
    assert "".join(c["choices"][0]["text"] for c in chunks) == ANSWER.text
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_tool_call_stands_alone_in_both_forms() -> None:
    call = Call(Persona.BALANCED, "weather")
    message = json.loads(tool_call_json(call, STAMP))["choices"][0]["message"]
    chunks = documents(tool_call_events(call, STAMP))
    assert message["content"] is None
    assert message["tool_calls"][0]["function"]["arguments"] == '{"query":"weather"}'
    assert chunks[0]["choices"][0]["delta"]["tool_calls"][0]["index"] == 0
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_the_last_user_turn_is_the_prompt_whatever_stands_around_it() -> None:
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "yes"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "sec"}, {"type": "text", "text": "ond"}],
        },
        {"role": "assistant", "content": "well,"},
    ]
    assert read_call(body(messages=turns), legacy=False).prompt == "second"


def test_parts_that_are_not_text_are_left_out() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "this?"}, 7]
    assert (
        read_call(body(messages=[{"role": "user", "content": parts}]), legacy=False).prompt
        == "this?"
    )


def test_a_call_is_read_with_its_options() -> None:
    call = read_call(
        body(stream=True, stream_options={"include_usage": True}, max_completion_tokens=9),
        legacy=False,
    )
    assert call == Call(Persona.BALANCED, "hi", True, True, 9)
    assert read_call(b'{"model":"cautious","prompt":["hi"]}', legacy=True).legacy


@pytest.mark.parametrize(
    ("sent", "status", "param"),
    [
        (b"{", 400, None),
        (b"\xff", 400, None),
        (b"[]", 400, None),
        (b"{}", 400, "model"),
        (body(model=7), 400, "model"),
        (body(model="gpt-x"), 404, "model"),
        (body(messages=None), 400, "messages"),
        (body(messages=[]), 400, "messages"),
        (body(messages=["hi"]), 400, "messages[0]"),
        (body(messages=[{"content": "hi"}]), 400, "messages[0]"),
        (body(max_tokens=0), 400, "max_tokens"),
        (body(max_tokens="many"), 400, "max_tokens"),
    ],
)
def test_a_bad_request_says_whose_fault_it_is(sent: bytes, status: int, param: str | None) -> None:
    with pytest.raises(BadRequest) as raised:
        read_call(sent, legacy=False)
    assert (raised.value.status, raised.value.param) == (status, param)


def test_an_unknown_model_has_its_code_and_the_remedy() -> None:
    with pytest.raises(BadRequest, match="served are balanced, cautious, permissive") as raised:
        read_call(body(model="gpt-x"), legacy=False)
    assert raised.value.code == "model_not_found"


def test_a_legacy_prompt_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadRequest, match="'prompt' must be a string"):
        read_call(b'{"model":"balanced","prompt":[1,2]}', legacy=True)


def test_errors_and_models_have_openai_s_shape() -> None:
    assert error_document("m", kind="k", param="p", code="c") == {
        "error": {"message": "m", "type": "k", "param": "p", "code": "c"}
    }
    listed = json.loads(models_json())
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == [persona.value for persona in Persona]


def test_a_stopped_prompt_looks_like_azure_s() -> None:
    error = prompt_filter_document()["error"]
    assert error["code"] == "content_filter"
    assert error["innererror"]["content_filter_result"]["violence"]["filtered"] is True

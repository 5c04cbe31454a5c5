"""OpenAI chat completions: JSON and streams, as providers really send them."""

from __future__ import annotations

import json

import pytest

from classifiers.exchange import Ending, NativeSignal, Role, Turn, Usage
from classifiers.verdict import RefusalSource
from classifiers.wire import read_exchange
from tests.classifiers.wire_calls import choice, chunk, raw, read_json, read_stream, stream


def kinds(signals: tuple[NativeSignal, ...]) -> list[tuple[str, RefusalSource]]:
    return [(signal.kind, signal.source) for signal in signals]


def test_a_reply_is_read_with_its_prompt_model_finish_reason_and_usage() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    exchange = read_json({**choice(), "usage": usage})
    assert exchange.prompt == (Turn(Role.USER, "How do I kill a process?"),)
    assert (exchange.reply, exchange.model, exchange.finish_reason) == (
        "Use kill.",
        "m-2026",
        "stop",
    )
    assert exchange.usage == Usage(9, 3)
    assert (exchange.ending, exchange.problem) == (Ending.COMPLETE, "")


def test_a_stream_reads_as_the_same_reply() -> None:
    usage = {
        "choices": [],
        "model": "m-2026",
        "usage": {"prompt_tokens": 9, "completion_tokens": 3},
    }
    body = stream(
        chunk("", role="assistant"), chunk("Use "), chunk("kill."), chunk(None, "stop"), usage
    )
    whole = {**choice(), "usage": usage["usage"]}
    assert read_stream(body) == read_json(whole)


def test_usage_that_is_not_told_is_absent_and_not_zero() -> None:
    assert read_json(choice()).usage is None
    for part in ({"prompt_tokens": 9}, {"completion_tokens": 9}, {"prompt_tokens": -1}, 7):
        assert read_json({**choice(), "usage": part}).usage is None


def test_every_role_and_kind_of_content_in_a_prompt_is_read() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is"},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                {"type": "file", "text": "a name, not speech"},
                {"type": "text", "text": "this?"},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "a cat"},
        "nonsense",
    ]
    exchange = read_json(choice(), request=json.dumps({"messages": messages}).encode())
    assert exchange.prompt == (
        Turn(Role.SYSTEM, "Be brief."),
        Turn(Role.USER, "What is\nthis?"),
        Turn(Role.ASSISTANT, ""),
        Turn(Role.TOOL, "a cat"),
    )
    assert exchange.question == "What is\nthis?"


@pytest.mark.parametrize("request_bytes", [b"", b"{", b"[1]", b'{"messages": 7}', b"\xff\xfe"])
def test_a_request_that_cannot_be_read_leaves_the_prompt_empty(request_bytes: bytes) -> None:
    exchange = read_json(choice(), request=request_bytes)
    assert (exchange.prompt, exchange.reply) == ((), "Use kill.")


def test_content_as_parts_keeps_text_reasoning_and_refusal_apart() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "Partly. "},
        {"type": "refusal", "refusal": "I won't go further."},
    ]
    exchange = read_json(choice(parts))
    assert (exchange.reply, exchange.reasoning) == ("Partly. ", "hm")
    assert exchange.signals == (
        NativeSignal("content.refusal", RefusalSource.NATIVE_REFUSAL, "I won't go further."),
    )


def test_of_several_choices_the_first_is_judged_wherever_it_stands() -> None:
    both = [
        {"index": 1, "message": {"content": "second"}, "finish_reason": "stop"},
        {"index": 0, "message": {"content": "first"}, "finish_reason": "stop"},
    ]
    assert read_json({"choices": both}).reply == "first"
    assert read_stream(stream(chunk("b", index=1), chunk("a"), chunk(None, "stop"))).reply == "a"


def test_a_native_refusal_is_a_signal_in_json_and_in_a_stream() -> None:
    said = NativeSignal("message.refusal", RefusalSource.NATIVE_REFUSAL, "I can't help.")
    assert read_json(choice(None, refusal="I can't help.")).signals == (said,)
    body = stream(
        chunk(None, refusal="I can't "), chunk(None, refusal="help."), chunk(None, "stop")
    )
    exchange = read_stream(body)
    assert (exchange.signals, exchange.reply) == ((said,), "")


@pytest.mark.parametrize("nothing", [None, "", 0, [], {}])
def test_an_empty_refusal_field_states_nothing(nothing: object) -> None:
    assert read_json(choice(refusal=nothing)).signals == ()


@pytest.mark.parametrize(
    "finish", ["content_filter", "CONTENT_FILTER", "content_filter: SAFETY", "guardrail_intervened"]
)
def test_a_filter_in_the_finish_reason_is_the_providers_refusal(finish: str) -> None:
    for exchange in (
        read_json(choice("Well", finish)),
        read_stream(stream(chunk("Well"), chunk(None, finish))),
    ):
        assert [signal.source for signal in exchange.signals] == [RefusalSource.PROVIDER_FILTER]
        assert exchange.ending is Ending.COMPLETE


def test_azure_says_which_category_it_filtered() -> None:
    results = {
        "hate": {"filtered": False, "severity": "safe"},
        "violence": {"filtered": True, "severity": "high"},
    }
    reply = choice("", "stop")
    reply["choices"][0]["content_filter_results"] = results
    assert read_json(reply).signals == (
        NativeSignal("content_filter_results", RefusalSource.PROVIDER_FILTER, "violence high"),
    )
    harmless = choice()
    harmless["prompt_filter_results"] = [{"content_filter_results": {"hate": {"filtered": False}}}]
    assert read_json(harmless).signals == ()


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart_from_the_answer(key: str) -> None:
    for exchange in (
        read_json(choice("Yes.", **{key: "I cannot decide."})),
        read_stream(
            stream(
                chunk(None, **{key: "I cannot "}),
                chunk(None, **{key: "decide."}),
                chunk("Yes.", "stop"),
            )
        ),
    ):
        assert (exchange.reply, exchange.reasoning) == ("Yes.", "I cannot decide.")


def test_a_think_block_at_the_opening_is_reasoning_even_when_the_stream_splits_its_tag() -> None:
    body = stream(
        chunk("<thi"), chunk("nk>I can't."), chunk("</think>\n\nSure."), chunk(None, "stop")
    )
    exchange = read_stream(body)
    assert (exchange.reply, exchange.reasoning) == ("Sure.", "I can't.")


@pytest.mark.parametrize(
    "fields",
    [
        {"content": [{"type": "image_url", "image_url": {"url": "data:,"}}]},
        {"content": None, "images": [{"type": "image_url"}]},
        {"content": None, "audio": {"id": "a", "data": ""}},
    ],
)
def test_a_reply_that_is_only_an_image_or_a_sound_says_so(fields: dict[str, object]) -> None:
    body = {"choices": [{"message": {"role": "assistant", **fields}, "finish_reason": "stop"}]}
    found = read_json(body)
    assert (found.reply, found.attached) == ("", True)
    assert not read_json(choice("text", "stop")).attached


def test_tool_calls_are_counted_once_each() -> None:
    assert (
        read_json(choice(None, "tool_calls", tool_calls=[{"id": "a"}, {"id": "b"}])).tool_calls == 2
    )
    assert read_json(choice(None, "function_call", function_call={"name": "f"})).tool_calls == 1
    pieces = [
        chunk(None, tool_calls=[{"index": 0, "id": "a", "function": {"name": "f"}}]),
        chunk(None, tool_calls=[{"index": 0, "function": {"arguments": "{"}}]),
        chunk(None, tool_calls=[{"index": 1, "id": "b"}]),
    ]
    assert read_stream(stream(*pieces, chunk(None, "tool_calls"))).tool_calls == 2


def test_half_surrogate_pairs_are_joined_or_replaced() -> None:
    body = (
        b'data: {"choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}\n\n'
        b'data: {"choices":[{"index":0,"delta":{"content":"\\ude00 \\ud800"},'
        b'"finish_reason":"stop"}]}\n\n'
    )
    exchange = read_stream(body)
    assert exchange.reply == "a\U0001f600 \ufffd"
    assert exchange.reply.encode()
    assert read_json(choice("nul \x00")).reply == "nul \ufffd"


def test_a_stream_under_a_json_content_type_is_read_as_a_stream() -> None:
    body = stream(chunk("Hi", "stop"))
    assert read_exchange(raw(body, content_type="application/json")).reply == "Hi"


def test_a_whole_reply_under_a_stream_content_type_is_read_as_json() -> None:
    body = json.dumps(choice("Hi")).encode()
    assert read_exchange(raw(body, content_type="text/event-stream")).reply == "Hi"


def test_what_follows_the_end_mark_is_not_part_of_the_reply() -> None:
    body = stream(chunk("Hi", "stop")) + stream(chunk(" there", "stop"))
    assert read_stream(body).reply == "Hi"


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions?beta=1", "/openai/deployments/x/chat/completions"]
)
def test_the_endpoint_is_known_by_the_end_of_its_path(path: str) -> None:
    assert read_json(choice("Hi"), path).reply == "Hi"

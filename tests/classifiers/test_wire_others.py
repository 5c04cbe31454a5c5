"""The other protocols: OpenAI completions and responses, Anthropic messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from classifiers.exchange import Ending, NativeSignal, Role, Turn, Usage
from classifiers.verdict import RefusalSource
from tests.classifiers.wire_calls import (
    COMPLETIONS,
    MESSAGES,
    RESPONSES,
    named_stream,
    read_json,
    read_stream,
    stream,
)


def test_completions_are_read_as_json_and_as_a_stream() -> None:
    reply = {
        "model": "m",
        "choices": [{"index": 0, "text": "Use kill.", "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 3},
    }
    request = json.dumps({"prompt": ["How?", "Why?"]}).encode()
    whole = read_json(reply, COMPLETIONS, request=request)
    assert (whole.prompt, whole.reply) == ((Turn(Role.USER, "How?"),), "Use kill.")
    pieces = [
        {"model": "m", "choices": [{"index": 0, "text": "Use "}]},
        {"choices": [{"index": 1, "text": "other"}]},
        {
            "choices": [{"index": 0, "text": "kill.", "finish_reason": "stop"}],
            "usage": reply["usage"],
        },
    ]
    assert read_stream(stream(*pieces), COMPLETIONS, request=request) == whole


def output(*content: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {
        "object": "response",
        "status": status,
        "model": "m",
        "error": None,
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "role": "assistant", "content": list(content)},
        ],
        "usage": {"input_tokens": 4, "output_tokens": 3},
        **fields,
    }


def test_a_response_is_read_with_its_instructions_reasoning_and_usage() -> None:
    request = {"instructions": "Be brief.", "input": "How?"}
    exchange = read_json(
        output({"type": "output_text", "text": "Use kill."}),
        RESPONSES,
        request=json.dumps(request).encode(),
    )
    assert exchange.prompt == (Turn(Role.SYSTEM, "Be brief."), Turn(Role.USER, "How?"))
    assert (exchange.reply, exchange.reasoning) == ("Use kill.", "hm")
    assert (exchange.usage, exchange.ending) == (Usage(4, 3), Ending.COMPLETE)


def test_a_response_prompt_may_be_a_list_of_messages_and_tool_results() -> None:
    entries = [
        {"role": "user", "content": [{"type": "input_text", "text": "How?"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "So."}],
        },
        {"type": "function_call", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "output": "42"},
    ]
    exchange = read_json(output(), RESPONSES, request=json.dumps({"input": entries}).encode())
    assert [(turn.role, turn.text) for turn in exchange.prompt] == [
        (Role.USER, "How?"),
        (Role.ASSISTANT, "So."),
        (Role.TOOL, "42"),
    ]


REFUSAL = NativeSignal("output.refusal", RefusalSource.NATIVE_REFUSAL, "I can't help.")


def test_a_refusal_part_of_a_response_is_a_native_refusal() -> None:
    exchange = read_json(output({"type": "refusal", "refusal": "I can't help."}), RESPONSES)
    assert (exchange.signals, exchange.reply) == ((REFUSAL,), "")


@pytest.mark.parametrize("final", [True, False])
def test_refusal_events_are_a_native_refusal_counted_once(final: bool) -> None:
    last = (
        output({"type": "refusal", "refusal": "I can't help."})
        if final
        else {"status": "completed"}
    )
    body = named_stream(
        {"type": "response.created", "response": {"model": "m"}},
        {"type": "response.refusal.delta", "delta": "I can't "},
        {"type": "response.refusal.delta", "delta": "help."},
        {"type": "response.refusal.done", "refusal": "I can't help."},
        {"type": "response.completed", "response": last},
    )
    exchange = read_stream(body, RESPONSES)
    assert (exchange.signals, exchange.ending) == ((REFUSAL,), Ending.COMPLETE)


def test_a_response_stream_says_its_text_once_though_its_end_repeats_it() -> None:
    body = named_stream(
        {"type": "response.output_text.delta", "delta": "Use "},
        {"type": "response.output_text.delta", "delta": "kill."},
        {"type": "response.output_text.done", "text": "Use kill."},
        {
            "type": "response.completed",
            "response": output({"type": "output_text", "text": "Use kill."}),
        },
    )
    assert read_stream(body, RESPONSES).reply == "Use kill."
    assert (
        read_stream(body[: body.index(b"event: response.completed")], RESPONSES).ending
        is Ending.CUT
    )


def test_a_response_stopped_by_the_filter_is_the_providers_refusal() -> None:
    reply = output(status="incomplete", incomplete_details={"reason": "content_filter"})
    body = named_stream({"type": "response.incomplete", "response": reply})
    for exchange in (read_json(reply, RESPONSES), read_stream(body, RESPONSES)):
        assert [signal.source for signal in exchange.signals] == [RefusalSource.PROVIDER_FILTER]


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled", "failed"])
def test_a_response_that_is_not_finished_is_an_error(status: str) -> None:
    exchange = read_json(output(status=status), RESPONSES)
    assert exchange.ending is Ending.ERROR
    assert status in exchange.problem


def test_a_failed_response_is_an_error_with_its_message() -> None:
    failed = {"status": "failed", "error": {"code": "server_error", "message": "try again"}}
    body = named_stream({"type": "response.failed", "response": failed})
    for exchange in (read_stream(body, RESPONSES), read_json(failed, RESPONSES)):
        assert exchange.ending is Ending.ERROR
        assert exchange.problem.endswith("try again")


def message(*content: dict[str, Any], stop: str = "end_turn", **fields: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": list(content),
        "stop_reason": stop,
        "usage": {"input_tokens": 4, "cache_read_input_tokens": 6, "output_tokens": 3},
        **fields,
    }


def deltas(*texts: str, stop: str, **delta: Any) -> bytes:
    opening = message(
        stop="", usage={"input_tokens": 4, "cache_read_input_tokens": 6, "output_tokens": 1}
    )
    return named_stream(
        {"type": "message_start", "message": opening},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}
            for text in texts
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, **delta},
            "usage": {"output_tokens": 3},
        },
        {"type": "message_stop"},
    )


def test_a_message_reads_the_same_as_json_and_as_a_stream() -> None:
    request = json.dumps(
        {
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [{"role": "user", "content": "How?"}],
        }
    ).encode()
    whole = read_json(message({"type": "text", "text": "Use kill."}), MESSAGES, request=request)
    assert whole.prompt == (Turn(Role.SYSTEM, "Be brief."), Turn(Role.USER, "How?"))
    assert (whole.reply, whole.usage) == ("Use kill.", Usage(10, 3))
    assert read_stream(deltas("Use ", "kill.", stop="end_turn"), MESSAGES, request=request) == whole


def test_thinking_is_kept_apart_and_tool_use_counted() -> None:
    exchange = read_json(
        message({"type": "thinking", "thinking": "I can't"}, {"type": "tool_use", "id": "t"}),
        MESSAGES,
    )
    assert (exchange.reply, exchange.reasoning, exchange.tool_calls) == ("", "I can't", 1)


def test_a_refusal_stop_reason_is_a_native_refusal_even_after_some_text() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "weapons"}
    body = deltas("Well, ", stop="refusal", stop_details=details)
    for exchange in (
        read_json(
            message({"type": "text", "text": "Well, "}, stop="refusal", stop_details=details),
            MESSAGES,
        ),
        read_stream(body, MESSAGES),
    ):
        assert exchange.reply == "Well, "
        assert exchange.signals == (
            NativeSignal("stop_reason=refusal", RefusalSource.NATIVE_REFUSAL, "cyber: weapons"),
        )


def test_an_intervening_guardrail_is_the_providers_refusal() -> None:
    exchange = read_json(message(stop="guardrail_intervened"), MESSAGES)
    assert [signal.source for signal in exchange.signals] == [RefusalSource.PROVIDER_FILTER]


def test_an_overloaded_stream_is_an_error() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    exchange = read_stream(named_stream(error), MESSAGES)
    assert exchange.ending is Ending.ERROR
    assert "Overloaded" in exchange.problem


def test_a_connection_that_breaks_after_the_last_event_cuts_nothing_off() -> None:
    body = deltas("Use ", "kill.", stop="end_turn")
    assert read_stream(body, MESSAGES, cut=True).ending is Ending.COMPLETE
    before = body[: body.index(b"event: message_stop")]
    assert read_stream(before, MESSAGES, cut=True).ending is Ending.CUT


def test_a_message_stream_that_breaks_off_is_cut() -> None:
    body = deltas("Use ", "kill.", stop="end_turn")
    exchange = read_stream(body[: body.index(b"event: content_block_stop")], MESSAGES)
    assert (exchange.ending, exchange.reply) == (Ending.CUT, "Use kill.")

"""Refusals stated outside the text: each maker's own shape, with who refused; and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from classifiers.exchange import Ending, Exchange
from classifiers.native import NativeClassifier
from classifiers.verdict import Label, RefusalSource
from classifiers.wire import read_exchange
from tests.classifiers.wire_calls import (
    COMPLETIONS,
    MESSAGES,
    RESPONSES,
    choice,
    chunk,
    named_stream,
    raw,
    read_json,
    read_stream,
    stream,
)

MODEL = RefusalSource.NATIVE_REFUSAL
FILTER = RefusalSource.PROVIDER_FILTER
GUARD = RefusalSource.GATEWAY_GUARDRAIL

ANSWER = "First, choose a sturdy lock and learn how its pins are arranged. " * 3


def sources(exchange: Exchange) -> set[RefusalSource]:
    return {signal.source for signal in exchange.signals}


def with_native(finish: str, native: str, *, litellm: bool) -> dict[str, Any]:
    reply = choice("", finish)
    extra = {"native_finish_reason": native}
    reply["choices"][0].update({"provider_specific_fields": extra} if litellm else extra)
    return reply


@pytest.mark.parametrize(
    ("finish", "source"),
    [
        ("content_filter", FILTER), ("content_filtered", FILTER), ("SAFETY", FILTER),
        ("PROHIBITED_CONTENT", FILTER), ("BLOCKLIST", FILTER), ("SPII", FILTER),
        ("RECITATION", FILTER), ("sensitive", FILTER), ("ERROR_TOXIC", FILTER),
        ("guardrail_intervened", FILTER), ("refusal", MODEL),
    ],
)  # fmt: skip
def test_a_finish_reason_that_names_a_refusal_is_one_in_json_and_in_a_stream(
    finish: str, source: RefusalSource
) -> None:
    older = {"choices": [{"index": 0, "text": "Well", "finish_reason": finish}]}
    for exchange in (
        read_json(choice("Well", finish)),
        read_stream(stream(chunk("Well"), chunk(None, finish))),
        read_json(older, COMPLETIONS),
    ):
        assert sources(exchange) == {source}


@pytest.mark.parametrize("finish", ["stop", "length", "tool_calls", "OTHER", "LANGUAGE", "error"])
def test_other_finish_reasons_state_no_refusal(finish: str) -> None:
    assert read_json(choice("Well", finish)).signals == ()


@pytest.mark.parametrize("litellm", [True, False])
@pytest.mark.parametrize(
    ("finish", "native", "found"),
    [
        ("content_filter", "SAFETY", {FILTER}),
        ("content_filter", "refusal", {MODEL}),
        ("stop", "PROHIBITED_CONTENT", {FILTER}),
        ("content_filter", "OTHER", set()),
        ("content_filter", "LANGUAGE", set()),
        ("stop", "STOP", set()),
    ],
)
def test_the_providers_own_finish_reason_outweighs_what_a_gateway_made_of_it(
    finish: str, native: str, found: set[RefusalSource], *, litellm: bool
) -> None:
    assert sources(read_json(with_native(finish, native, litellm=litellm))) == found


def test_a_choice_that_is_not_judged_refuses_nothing() -> None:
    reply = choice("An answer.")
    reply["choices"].append({"index": 1, "message": {}, "finish_reason": "content_filter"})
    assert read_json(reply).signals == ()


AZURE_400 = {
    "message": "filtered because of the prompt",
    "type": None,
    "param": "prompt",
    "code": "content_filter",
    "status": 400,
    "innererror": {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {
            "hate": {"filtered": False, "severity": "safe"},
            "jailbreak": {"detected": True, "filtered": True},
        },
    },
}


def test_azures_400_names_the_category_that_it_filtered() -> None:
    signals = read_json({"error": AZURE_400}, status=400).signals
    assert {signal.kind: signal.detail for signal in signals} == {
        "error.code=content_filter": "filtered because of the prompt",
        "content_filter_results": "jailbreak",
    }


def test_azures_verdicts_are_read_wherever_they_stand() -> None:
    blocked = {"violence": {"filtered": True, "severity": "high"}}
    listed = {"custom_blocklists": [{"id": "mine", "filtered": True}]}
    framed = [
        {**choice(), "prompt_filter_results": [{"content_filter_results": blocked}]},
        {**choice(), "prompt_annotations": [{"content_filter_results": blocked}]},
        {**choice(), "prompt_filter_results": [{"content_filter_results": listed}]},
    ]
    for reply in framed:
        assert sources(read_json(reply)) == {FILTER}
        assert sources(read_stream(stream({**reply, "choices": []}, chunk("", "stop")))) == {FILTER}
    sided = {"content_filters": [{"blocked": True, "source_type": "prompt"}]}
    response = {"object": "response", "status": "completed", "output": [], **sided}
    assert sources(read_json(response, RESPONSES)) == {FILTER}


@pytest.mark.parametrize(
    "results",
    [
        {"jailbreak": {"detected": True, "filtered": False}},
        {"error": {"code": "content_filter_error", "message": "not filtered"}},
        {"hate": {"filtered": "true"}},
    ],
)
def test_a_filter_that_let_it_through_or_failed_is_no_refusal(results: dict[str, Any]) -> None:
    reply = choice("An answer.")
    reply["choices"][0]["content_filter_results"] = results
    assert read_json(reply).signals == ()


@pytest.mark.parametrize("key", ["promptFeedback", "prompt_feedback"])
def test_geminis_word_on_a_blocked_prompt_is_a_refusal_though_there_are_no_choices(
    key: str,
) -> None:
    name = "blockReason" if key == "promptFeedback" else "block_reason"
    exchange = read_json({key: {name: "PROHIBITED_CONTENT"}, "model": "gemini"})
    assert (sources(exchange), exchange.ending) == ({FILTER}, Ending.ERROR)
    unspecified = {key: {name: "BLOCKED_REASON_UNSPECIFIED"}}
    assert read_json({**choice(), **unspecified}).signals == ()


def test_bedrocks_guardrail_is_read_in_every_protocol() -> None:
    action = {"amazon-bedrock-guardrailAction": "INTERVENED"}
    message = {"type": "message", "content": [{"type": "text", "text": "No."}], **action}
    older = {"choices": [{"index": 0, "text": "No."}], **action}
    for document, endpoint in (
        ({**choice(), **action}, "/v1/chat/completions"), (message, MESSAGES), (older, COMPLETIONS)
    ):  # fmt: skip
        assert sources(read_json(document, endpoint)) == {FILTER}
    passed = {**choice(), "amazon-bedrock-guardrailAction": "NONE"}
    assert read_json(passed).signals == ()


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ({"error": {"type": "hooks_failed", "message": "checks failed"}}, GUARD),
        ({"error": {"type": "guardrails_violation", "code": "content_blocked",
                    "message": "blocked by an output rail"}}, GUARD),
        ({"error": {"message": "{'error': 'Violated guardrail policy', 'assessments': []}",
                    "type": "None", "code": "400"}}, GUARD),
        ({"error": {"message": {"error": "Violated Azure Prompt Shield guardrail policy"}}}, GUARD),
        ({"detail": {"error": "Violated content safety policy"}}, GUARD),
        ({"detail": {"error": "Violated jailbreak threshold"}}, GUARD),
        ({"error": {"message": {"error": "no", "bedrock_guardrail_response": {
            "action": "GUARDRAIL_INTERVENED", "assessments": []}}}}, GUARD),
        ({"success": False, "error": [
            {"code": 2016, "message": "Prompt blocked due to security configurations"}]}, GUARD),
        ({"code": "900514", "type": "REGEX_GUARDRAIL",
          "message": {"action": "GUARDRAIL_INTERVENED", "direction": "REQUEST"}}, GUARD),
        ({"error": {"message": "litellm.ContentPolicyViolationError: filtered", "code": "400",
                    "provider_specific_fields": {"innererror": AZURE_400["innererror"]}}}, FILTER),
        ({"type": "error", "error": {"type": "invalid_request_error",
                                     "message": "Output blocked by content filtering policy"}},
         FILTER),
        ([{"error": {"code": "content_filter", "message": "no"}}], FILTER),
        ({"error": {"code": "1301", "message": "unsafe"},
          "contentFilter": [{"role": "user", "level": 1}]}, FILTER),
        ({"error": "Content violates usage guidelines. Failed check: X", "code": "denied"}, FILTER),
        ({"code": "DataInspectionFailed", "message": "inappropriate", "request_id": "x"}, FILTER),
        ({"error": "filtered", "code": "content_filter"}, FILTER),
        ({"error": {"code": 403, "message": "m", "metadata": {"error_type": "refusal"}}}, MODEL),
        ({"error": {"code": 403, "message": "m", "metadata": {"flagged_input": "x"}}}, FILTER),
    ],
)  # fmt: skip
def test_an_error_by_which_someone_refused_says_who(body: Any, source: RefusalSource) -> None:
    exchange = read_json(body, status=400)
    assert (exchange.ending, sources(exchange) - {FILTER} or {FILTER}) == (Ending.ERROR, {source})
    (verdict,) = NativeClassifier().judge([exchange])
    assert (verdict.label, verdict.source) == (Label.DIRECT_REFUSAL, source)


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Could not parse the JSON body", "type": "invalid_request_error"},
        {"message": "Unknown parameter: guardrail_policy", "code": "unknown_parameter"},
        {"message": "The guardrail service could not be reached", "code": 500},
        {"message": "The call violated the tool schema", "code": 400},
        {"message": "content_filter must be a boolean", "code": "invalid_type"},
        {"message": "safety_settings is not supported", "code": 400, "metadata": {"raw": "x"}},
        {"message": "Rate limit", "code": "1301"},
        {"message": None, "code": None}, [], [[]], "", 7,
    ],
)  # fmt: skip
def test_an_error_that_only_speaks_of_filters_is_an_error(error: Any) -> None:
    exchange = read_json({"error": error}, status=400)
    assert (exchange.ending, exchange.signals) == (Ending.ERROR, ())


def test_status_446_is_a_guards_refusal_and_246_an_answer() -> None:
    denied = read_json({"hook_results": {"before_request_hooks": [{"verdict": False}]}}, status=446)
    assert sources(denied) == {GUARD}
    flagged = {**choice("Use kill."), "hook_results": {"after_request_hooks": [{"verdict": False}]}}
    allowed = read_json(flagged, status=246)
    assert (allowed.reply, allowed.signals, allowed.ending) == ("Use kill.", (), Ending.COMPLETE)


@pytest.mark.parametrize("end", [{"trimmed": True}, {"cut": True}])
def test_a_refusal_in_the_kept_opening_of_a_document_is_read(end: dict[str, bool]) -> None:
    body = json.dumps(choice(None, refusal="I can't help with that, " * 20)).encode()
    exchange = read_exchange(raw(body[:300], **end))
    assert sources(exchange) == {MODEL}
    quoted = json.dumps(choice(json.dumps({"refusal": "I can't"}) + "x" * 300)).encode()
    assert read_exchange(raw(quoted[:200], **end)).signals == ()


@pytest.mark.parametrize("where", ["inside", "beside"])
def test_stop_details_are_read_inside_the_delta_and_beside_it(where: str) -> None:
    details = {"stop_details": {"type": "refusal", "category": "bio", "explanation": None}}
    event: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": "refusal"}}
    (event["delta"] if where == "inside" else event).update(details)
    (signal,) = read_stream(named_stream(event, {"type": "message_stop"}), MESSAGES).signals
    assert (signal.kind, signal.source, signal.detail) == ("stop_reason=refusal", MODEL, "bio")


def test_a_refusal_that_only_a_finished_item_states_is_read_once() -> None:
    item = {"type": "message", "content": [{"type": "refusal", "refusal": "I won't."}]}
    done = {"type": "response.output_item.done", "item": item}
    end = {"type": "response.completed", "response": {"status": "completed"}}
    spoken = [{"type": "response.refusal.delta", "delta": "I won't."}]
    for events in ([done, end], [*spoken, done, end]):
        (signal,) = read_stream(named_stream(*events), RESPONSES).signals
        assert (signal.detail, signal.source) == ("I won't.", MODEL)


GUARDED = {"error": {"type": "guardrails_violation", "message": "blocked by an output rail"}}


@pytest.mark.parametrize(
    ("body", "endpoint", "source"),
    [
        (stream(chunk(ANSWER), chunk(None, "content_filter")), "/v1/chat/completions", FILTER),
        (stream(chunk(ANSWER), chunk(None, refusal="I stop here."), chunk(None, "stop")),
         "/v1/chat/completions", MODEL),
        (stream(chunk(ANSWER), GUARDED), "/v1/chat/completions", GUARD),
        (named_stream({"type": "content_block_delta", "delta": {"text": ANSWER}},
                      {"type": "message_delta", "delta": {"stop_reason": "refusal"}},
                      {"type": "message_stop"}), MESSAGES, MODEL),
        (named_stream({"type": "response.output_text.delta", "delta": ANSWER},
                      {"type": "response.incomplete", "response": {
                          "status": "incomplete",
                          "incomplete_details": {"reason": "content_filter"}}}), RESPONSES, FILTER),
    ],
)  # fmt: skip
def test_a_refusal_after_a_good_part_of_an_answer_is_partial_in_every_stream(
    body: bytes, endpoint: str, source: RefusalSource
) -> None:
    exchange = read_stream(body, endpoint)
    assert exchange.reply == ANSWER
    (verdict,) = NativeClassifier().judge([exchange])
    assert (verdict.label, verdict.source) == (Label.PARTIAL_REFUSAL, source)

"""What is read off a provider's wire, without LiteLLM: why it ended, its words, its headers."""

from __future__ import annotations

import orjson
import pytest

from gateway.upstreams.litellm_request import Target
from gateway.upstreams.litellm_tap import KEPT, Tap
from tests.gateway import provider_wires as wires


def heard(*parts: bytes, status: int = 200, headers=()) -> Tap:
    tap = Tap(1.0)
    tap.begin(status, headers)
    for part in parts:
        tap.part(part)
    return tap


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([orjson.dumps(wires.anthropic("end_turn"))], "end_turn"),
        (wires.anthropic_events("max_tokens"), "max_tokens"),
        (wires.bedrock_frames("guardrail_intervened"), "guardrail_intervened"),
        ([wires.sse(wires.gemini(None, "SAFETY"))], "SAFETY"),
        ([orjson.dumps(wires.GEMINI_BLOCKED)], "PROHIBITED_CONTENT"),
        ([wires.openai_chunk({}, "length"), wires.OPENAI_DONE], "length"),
        ([wires.line(wires.ollama(done=True))], "stop"),
        ([b'{"stop_reason" :\n "refusal"}'], "refusal"),
    ],
)
def test_every_providers_word_for_its_end_is_heard(parts, reason):
    assert heard(*parts).stop().reason == reason


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"not json"],
        wires.anthropic_events(None),
        [wires.sse(wires.gemini([{"text": "Hel"}]))],
        [wires.sse(wires.gemini([{"text": "Hel"}], "FINISH_REASON_UNSPECIFIED"))],
        [wires.openai_chunk({"content": "x"})],
        [orjson.dumps({"text": '{"stop_reason": "refusal"}'})],
    ],
)
def test_a_reply_that_has_not_said_why_it_ended_has_no_end(parts):
    assert heard(*parts).stop() is None


def test_a_word_that_comes_in_two_parts_is_heard():
    body = orjson.dumps(wires.anthropic("refusal", stop_details=wires.EXPLAINED))
    stop = heard(*[body[place : place + 1] for place in range(len(body))]).stop()
    assert (stop.reason, stop.details) == ("refusal", wires.EXPLAINED)


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"explanation": "No."}, "No."),
        ({"category": "bio", "explanation": None}, "The model refused (stop_reason refusal, "
         "category bio)."),
        ({"category": None, "explanation": " "}, "The model refused (stop_reason refusal)."),
        ({}, "The model refused (stop_reason refusal)."),
    ],
)  # fmt: skip
def test_a_refusal_has_words_even_where_the_provider_gives_none(details, said):
    body = orjson.dumps(wires.anthropic("refusal", stop_details=details))
    assert heard(body).stop().refusal() == said


def test_details_that_cannot_be_read_are_left_out():
    assert heard(b'{"stop_reason":"refusal","stop_details":{"cut').stop().details == {}


def test_the_pieces_of_openais_refusal_are_put_together():
    parts = [wires.openai_chunk({"refusal": piece}) for piece in ("I “can", '"not"', "\n.")]
    stop = heard(*parts, wires.openai_chunk({}, "stop")).stop()
    assert stop.refusal() == 'I “can"not"\n.'


def test_each_choices_refusal_is_its_own():
    parts = [
        wires.sse({"choices": [{"index": 1, "delta": {"refusal": "No"}}]}),
        wires.sse({"choices": [{"index": 0, "delta": {"content": "Yes"}}]}),
        wires.sse({"choices": [{"index": 1, "delta": {"refusal": "!"}}]}),
        wires.openai_chunk({}, "stop"),
    ]
    stop = heard(*parts).stop()
    assert (stop.refusal(0), stop.refusal(1)) == (None, "No!")


@pytest.mark.parametrize("body", [b'data: {"refusal": "cut', b'{"refusal": "x", "choices": 3}'])
def test_what_only_looks_like_a_refusal_is_none(body):
    assert heard(body, wires.openai_chunk({}, "stop")).stop().refusal() is None


def test_of_a_long_reply_the_end_is_kept_and_nothing_before():
    tap = heard(*[b"x" * 1000] * 1000, b'{"stop_reason":"end_turn"}')
    assert KEPT <= len(tap.tail) < KEPT + 1000
    assert tap.stop().reason == "end_turn"


def test_another_reply_takes_the_place_of_the_first():
    tap = heard(b'{"stop_reason":"refusal"}', status=500)
    tap.begin(200, [])
    assert (tap.status, tap.heard, tap.stop()) == (200, False, None)


@pytest.mark.parametrize(
    ("name", "passed"),
    [
        (b"Retry-After", True),
        (b"request-id", True),
        (b"x-request-id", True),
        (b"x-ratelimit-remaining-tokens", True),
        (b"anthropic-ratelimit-requests-reset", True),
        (b"openai-processing-ms", True),
        (b"x-amzn-RequestId", True),
        (b"content-length", False),
        (b"content-encoding", False),
        (b"transfer-encoding", False),
        (b"set-cookie", False),
        (b"server", False),
    ],
)
def test_headers_that_mean_the_same_to_the_client_are_passed_on(name, passed):
    assert bool(heard(headers=[(name, b"v")]).headers) is passed


def test_secrets_are_known_by_their_names_the_longest_first():
    arguments = {"aws_secret_access_key": "abcdef", "region": "eu", "token": "abc", "n_keys": 3}
    assert Target("p", "m", "abcd", None, arguments).secrets == ("abcdef", "abcd", "abc")

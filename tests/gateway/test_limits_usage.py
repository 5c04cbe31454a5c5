"""What a reply says it cost, read from its two ends."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.usage import Usage, read_usage

FAKE = {"prompt_tokens": 666, "completion_tokens": 666, "input_tokens": 666, "output_tokens": 666}


def whole(body: bytes) -> Usage | None:
    """Read as the relay does with a reply that came in one piece."""
    return read_usage(body[:4096], body[-4096:])


def document(*, indent: int | None = None, **parts: Any) -> bytes:
    return json.dumps(parts, indent=indent).encode()


def stream(*events: Any, line_end: str = "\n") -> bytes:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in events]
    return "".join(f"data: {text}{line_end}{line_end}" for text in texts).encode()


def chunk(text: str = "hi", usage: Any = None) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [{"delta": {"content": text}}],
            "usage": usage}  # fmt: skip


CHAT = {"prompt_tokens": 13, "completion_tokens": 5, "total_tokens": 18}
MESSAGE_START = {
    "type": "message_start",
    "message": {"id": "m", "content": [], "usage": {
        "input_tokens": 25, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 100,
        "output_tokens": 1}},
}  # fmt: skip
MESSAGE_DELTA = {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                 "usage": {"output_tokens": 15}}  # fmt: skip


@pytest.mark.parametrize("indent", [None, 2], ids=["compact", "pretty"])
def test_a_chat_completion_says_its_tokens(indent: int | None) -> None:
    body = document(id="c", choices=[{"message": {"content": "x"}}], usage=CHAT, indent=indent)
    assert whole(body) == Usage(13, 5)


def test_tokens_that_came_from_the_cache_are_part_of_the_input() -> None:
    usage = {**CHAT, "prompt_tokens_details": {"cached_tokens": 8}}
    assert whole(document(usage=usage)) == Usage(13, 5, cache_read_tokens=8)


def test_the_responses_api_says_its_tokens_in_other_words() -> None:
    usage = {"input_tokens": 9, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 2}}
    body = document(object="response", usage=usage, user=None, metadata={"usage": "no"})
    assert whole(body) == Usage(9, 4, cache_read_tokens=2)


def test_embeddings_have_no_output() -> None:
    body = document(data=[{"embedding": [0.1] * 9000}], usage={"prompt_tokens": 8})
    assert whole(body) == Usage(8, 0)


def test_a_server_that_says_only_the_total_is_believed() -> None:
    assert whole(document(results=[], usage={"total_tokens": 30})) == Usage(30, 0)


def test_an_anthropic_message_counts_its_cache_apart_and_it_is_added_up() -> None:
    usage = {"input_tokens": 25, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 100,
             "output_tokens": 15}  # fmt: skip
    expected = Usage(132, 15, cache_read_tokens=100, cache_write_tokens=7)
    assert whole(document(type="message", content=[], usage=usage)) == expected


def test_a_stream_says_its_tokens_in_the_last_event() -> None:
    last = {"choices": [], "usage": CHAT}
    assert whole(stream(*[chunk()] * 50, last, "[DONE]")) == Usage(13, 5)


def test_a_stream_with_running_counts_is_read_at_its_end() -> None:
    running = [chunk(usage={"prompt_tokens": 13, "completion_tokens": n}) for n in range(50)]
    assert whole(stream(*running, "[DONE]")) == Usage(13, 49)


def test_crlf_and_missing_spaces_are_read_too() -> None:
    body = stream(chunk(), {"choices": [], "usage": CHAT}, "[DONE]", line_end="\r\n")
    assert whole(body) == Usage(13, 5)
    assert whole(b'data:{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}') == (
        Usage(1, 2)
    )


def test_a_responses_stream_holds_its_counts_in_the_final_event() -> None:
    final = {"type": "response.completed", "response": {"output": ["x" * 9000], "usage": {
        "input_tokens": 9, "output_tokens": 4}}}  # fmt: skip
    assert whole(stream({"type": "response.created", "response": {"usage": None}}, final)) == (
        Usage(9, 4)
    )


def test_an_anthropic_stream_says_the_input_first_and_the_output_last() -> None:
    delta = {"type": "content_block_delta", "delta": {"text": "word"}}
    body = stream(MESSAGE_START, *[delta] * 200, MESSAGE_DELTA, {"type": "message_stop"})
    expected = Usage(132, 15, cache_read_tokens=100, cache_write_tokens=7)
    assert whole(body) == expected
    # A short one, whose beginning and end are the same bytes.
    assert whole(stream(MESSAGE_START, MESSAGE_DELTA)) == expected


def test_an_anthropic_stream_that_broke_off_is_known_to_be_incomplete() -> None:
    body = stream(MESSAGE_START, *[{"type": "content_block_delta"}] * 300)
    found = whole(body)
    assert found is not None
    assert found.estimated
    assert found.input_tokens == 132


def test_text_that_looks_like_usage_is_text() -> None:
    text = 'see "usage": ' + json.dumps(FAKE) + ' and "usage":' + json.dumps(FAKE)
    assert whole(document(choices=[{"message": {"content": text}}], usage=CHAT)) == Usage(13, 5)
    assert whole(document(choices=[{"message": {"content": text}}])) is None
    assert whole(stream(chunk(text), "[DONE]")) is None
    assert whole(stream(chunk(text), {"usage": CHAT}, chunk(text), "[DONE]")) == Usage(13, 5)


def test_arguments_of_a_tool_are_no_usage() -> None:
    asked = {"type": "tool_use", "input": {"usage": FAKE}}
    real = {"input_tokens": 9, "output_tokens": 4}
    assert whole(document(content=[asked], usage=real)) == Usage(9, 4)
    assert whole(document(usage=real, content=[asked])) == Usage(9, 4)
    assert whole(document(content=[asked])) is None


@given(st.text(), st.text(), st.booleans())
def test_no_text_in_a_reply_can_change_what_it_cost(
    before: str, after: str, streamed: bool
) -> None:
    fooling = before + '"usage":{"prompt_tokens":666,"completion_tokens":666}' + after
    if streamed:
        body = stream(chunk(fooling), chunk("", usage=CHAT), chunk(fooling), "[DONE]")
    else:
        body = document(choices=[{"message": {"content": fooling}}], usage=CHAT, user=fooling)
    assert whole(body) == Usage(13, 5)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_whatever_the_bytes_are_reading_them_raises_nothing(opening: bytes, tail: bytes) -> None:
    usage = b'"usage":{"input_tokens":1,"output_tokens":2}'
    for body in (opening, opening + usage + tail, b"{" + usage + tail, b"data: {" + usage + tail):
        read_usage(body, tail)
        read_usage(opening, body)


@pytest.mark.parametrize(
    "usage",
    [None, {}, [], "many", {"prompt_tokens": "13"}, {"prompt_tokens": -1}, {"prompt_tokens": 1e3},
     {"prompt_tokens": True}, {"input_tokens": 1 << 50}],
)  # fmt: skip
def test_counts_that_are_none_are_not_taken_for_one(usage: Any) -> None:
    assert whole(document(usage=usage)) is None
    assert whole(stream({"usage": usage})) is None


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"not json", b'{"usage":{"prompt_tokens":13', b"data: ", b'"usage":{',
     gzip.compress(document(usage=CHAT), mtime=0), stream({"message": "usage", "usage": None}),
     stream({"message": "x", "choices": [{"usage": CHAT}]})],
)  # fmt: skip
def test_a_reply_that_says_nothing_readable_is_not_guessed_at(body: bytes) -> None:
    assert whole(body) is None


def test_a_thousand_keys_of_that_name_are_not_all_looked_at() -> None:
    body = b'data: {"usage":{"input_tokens":1}}\n\n' + b'"usage":{x' * 100_000
    assert read_usage(b"data: ", body) is None

"""Counting the tokens of calls whose replies do not say."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.limits import KeptCall, TokenCounter, Usage, estimate_tokens
from gateway.limits.counting import counted, rule_of_thumb
from gateway.limits.encoding import FILE_NAME, encoding_folders, load_encoder

WORDS = "The quick brown fox jumps over the lazy dog. "


def request(text: str = "Say it.") -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()


def events(count: int) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}
    return (f"data: {json.dumps(chunk)}\n\n" * count).encode()


def call(reply: bytes, **parts: Any) -> KeptCall:
    whole = KeptCall(
        path="/v1/chat/completions",
        request=request(),
        status=200,
        content_type="text/event-stream",
        content_encoding="",
        reply=reply,
        reply_bytes=len(reply),
    )
    return replace(whole, **parts)


def document(**parts: Any) -> bytes:
    message = {"role": "assistant", "content": WORDS}
    return json.dumps({"choices": [{"index": 0, "message": message}], **parts}).encode()


def test_a_stream_without_usage_is_counted_by_its_text_and_not_by_its_wire() -> None:
    found = counted(call(events(100)), None)
    assert found == Usage(rule_of_thumb("Say it.") + 4, 125, estimated=True)


def test_what_was_not_kept_of_a_reply_is_taken_to_be_like_the_rest() -> None:
    opening = events(20)
    found = counted(call(opening, reply_bytes=len(opening) * 50), None)
    assert found is not None
    assert found.output_tokens == 20 * 50 * 5 / 4


def test_a_stream_of_tool_calls_is_counted_by_its_events() -> None:
    delta = {"tool_calls": [{"index": 0, "function": {"arguments": '{"a'}}]}
    body = f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n".encode() * 31
    found = counted(call(b"\n" + body), None)
    assert found is not None
    assert found.output_tokens == 31


def test_a_cut_document_is_counted_by_what_came() -> None:
    body = document()
    came = body[: body.index(b"lazy")]
    found = counted(call(came, content_type="application/json"), None)
    assert found is not None
    assert found.output_tokens == rule_of_thumb(WORDS.partition("lazy")[0])


def test_a_compressed_reply_is_unpacked_and_believed() -> None:
    told = {"prompt_tokens": 13, "completion_tokens": 5}
    packed = gzip.compress(document(usage=told))
    kept = call(packed, content_type="application/json", content_encoding="gzip")
    assert counted(kept, None) == Usage(13, 5)


def test_a_reply_packed_in_a_way_that_is_not_read_is_counted_by_its_size() -> None:
    found = counted(call(b"\x00" * 800, content_encoding="br", reply_bytes=1600), None)
    assert found is not None
    assert found.output_tokens == 400


@pytest.mark.parametrize("status", [None, 400, 429, 500])
def test_an_error_costs_nothing(status: int | None) -> None:
    assert counted(call(document(), status=status), None) is None


def test_a_path_that_is_not_read_is_counted_by_the_size_of_its_request() -> None:
    asked = b'{"input": "' + b"word " * 80 + b'"}'
    found = counted(call(b"{}", path="/v1/embeddings", request=asked), None)
    assert found == Usage(len(asked) // 4, 0, estimated=True)


IMAGE = "iVBORw0KGgo" * 100_000


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}},
    ],
    ids=["openai", "anthropic"],
)
def test_an_image_within_a_request_is_no_text(part: dict[str, Any]) -> None:
    asked = json.dumps({"messages": [{"role": "user", "content": [part, part]}]}).encode()
    assert estimate_tokens(asked) < 10_000
    text = {"type": "text", "text": WORDS * 20_000}
    asked = json.dumps({"messages": [{"role": "user", "content": [part, part, text]}]}).encode()
    assert estimate_tokens(asked) == pytest.approx(20_000 * len(WORDS) / 4, rel=0.3)


@pytest.mark.parametrize("text", ["word ", "\n", "中文", 'quote"'])
@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 16_385, 200_001])
def test_text_is_estimated_at_four_bytes_a_token(text: str, size: int) -> None:
    asked = (json.dumps(text, ensure_ascii=False).encode() * size)[:size]
    assert estimate_tokens(asked) == size // 4


def test_a_request_of_megabytes_is_estimated_by_its_size() -> None:
    asked = request(WORDS * 50_000)
    found = counted(call(events(4), request=asked), None)
    assert found is not None
    assert found.input_tokens == len(asked) // 4


async def test_a_lease_is_settled_when_its_call_is_counted() -> None:
    settled: list[tuple[Usage | None, float | None]] = []

    class FakeLease:
        def settle(self, usage: Usage | None, usd: float | None) -> None:
            settled.append((usage, usd))

    counter = TokenCounter(folders=[])
    counter.settle(FakeLease(), call(events(8)), lambda usage: usage.output_tokens * 0.5)
    assert settled == []
    await counter.aclose()
    assert settled == [(Usage(6, 10, estimated=True), 5.0)]


async def test_a_count_that_fails_still_settles_its_lease() -> None:
    settled: list[tuple[Usage | None, float | None]] = []

    class FakeLease:
        def settle(self, usage: Usage | None, usd: float | None) -> None:
            settled.append((usage, usd))

    def cost(_: Usage) -> float:
        raise ValueError("no price today")

    counter = TokenCounter(folders=[])
    with capture_logs() as lines:
        counter.settle(FakeLease(), call(events(8)), cost)
        await counter.aclose()
    assert settled == [(Usage(6, 10, estimated=True), None)]
    assert [line["event"] for line in lines] == ["tokens_not_counted"]


def test_an_encoding_that_is_not_genuine_is_not_used(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"aGVsbG8= 0\n")
    assert load_encoder([tmp_path]) is None
    assert load_encoder([]) is None


def test_the_encoding_is_found_under_the_name_that_tiktoken_gives_it() -> None:
    assert FILE_NAME == "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"


@pytest.fixture(scope="module")
def folders() -> list[Path]:
    """Where the encoding is, on a machine that has it."""
    found = [folder for folder in encoding_folders() if (folder / FILE_NAME).exists()]
    if find_spec("tiktoken") is None or not found:
        pytest.skip("tiktoken or its encoding is not installed; pip install 'candor[litellm]'")
    return found


def test_tokens_are_counted_as_the_model_counts_them(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    tokens = load_encoder(folders)
    assert tokens is not None
    # Figures of OpenAI's own tokenizer page for cl100k_base.
    assert tokens("tiktoken is great!") == 6
    assert tokens("antidisestablishmentarianism") == 6
    assert tokens("2 + 2 = 4") == 7
    assert tokens("お誕生日おめでとう") == 9
    assert tokens("") == 0
    assert tokens("<|endoftext|>") > 1


def test_a_text_of_many_megabytes_is_counted_by_its_beginning(folders: list[Path]) -> None:
    tokens = load_encoder(folders)
    assert tokens is not None
    assert tokens(WORDS * 50_000) == pytest.approx(10 * 50_000, rel=0.01)


async def test_counting_leaves_the_loop_free(folders: list[Path]) -> None:
    counter = TokenCounter(folders)
    await counter.count(call(events(1)))
    big = call(events(1), request=request(WORDS * 20_000))
    counting = asyncio.ensure_future(counter.count(big))
    turns = 0
    while not counting.done():
        turns += 1
        await asyncio.sleep(0)
    found = await counting
    assert found is not None
    assert found.input_tokens == pytest.approx(200_000, rel=0.01)
    assert turns > 10

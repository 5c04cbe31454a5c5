"""What providers really send, as bytes: the replies that the tests of LiteLLM's upstream script.

The shapes are those of each provider's public API reference.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from tests.gateway.stage import STREAM_HEAD, chunked, json_reply

EXPLAINED = {"type": "refusal", "category": "cyber", "explanation": "I can't help with malware."}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
CALLED = {"city": "Oslo"}


def json_bytes(value: Any, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole JSON reply."""
    return json_reply(orjson.dumps(value), *headers, status=status)


def streamed(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A whole chunked reply of server-sent events; without its end where ``end`` is empty."""
    return STREAM_HEAD + chunked(*parts, end=end)


def event(kind: str, **fields: Any) -> bytes:
    """One of Anthropic's events."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def sse(value: Any) -> bytes:
    """One of everybody else's events."""
    return b"data: %b\n\n" % orjson.dumps(value)


# Anthropic: /v1/messages.


def anthropic(stop: str = "end_turn", content: Any = None, **fields: Any) -> dict[str, Any]:
    return {
        "id": "msg_01XFD",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "Hello"}] if content is None else content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
        **fields,
    }


def anthropic_tool() -> dict[str, Any]:
    block = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": CALLED}
    return anthropic("tool_use", [block])


def anthropic_events(stop: str | None = "end_turn", **delta: Any) -> list[bytes]:
    """A stream saying Hello; one without a ``stop`` has no end."""
    begun = anthropic(content=[], stop_reason=None)
    events = [
        event("message_start", message=begun),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("ping"),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hel"}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "lo"}),
        event("content_block_stop", index=0),
    ]
    if stop is not None:
        ended = {"stop_reason": stop, "stop_sequence": None, **delta}
        events += [
            event("message_delta", delta=ended, usage={"output_tokens": 2}),
            event("message_stop"),
        ]
    return events


def anthropic_tool_events() -> list[bytes]:
    block = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
    pieces = ('{"city":', '"Oslo"}')
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return [
        event("message_start", message=anthropic(content=[], stop_reason=None)),
        event("content_block_start", index=0, content_block=block),
        *[event("content_block_delta", index=0, delta=delta) for delta in deltas],
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 2}),
        event("message_stop"),
    ]


def anthropic_error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


# Google: models/NAME:generateContent.


def gemini(parts: list[dict[str, Any]] | None, reason: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0}
    if parts is not None:
        candidate["content"] = {"parts": parts, "role": "model"}
    if reason is not None:
        candidate["finishReason"] = reason
    counts = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    return {"candidates": [candidate], "usageMetadata": counts, "modelVersion": "gemini-2.5-flash"}


def gemini_tool() -> dict[str, Any]:
    return gemini([{"functionCall": {"name": "get_weather", "args": CALLED}}], "STOP")


GEMINI_BLOCKED = {
    "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
    "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3},
}


# Ollama: /api/chat, one JSON document a line.


def ollama(content: str = "", *, done: bool = False, **message: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "model": "llama3",
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": content, **message},
        "done": done,
    }
    counts = {"done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2}
    return found | counts if done else found


def line(value: Any) -> bytes:
    return orjson.dumps(value) + b"\n"


# OpenAI and Azure: /chat/completions.

FILTERED = {"hate": {"filtered": True, "severity": "high"}}


def openai(message: Mapping[str, Any], reason: str = "stop", **choice: Any) -> dict[str, Any]:
    said = {"role": "assistant", **message}
    return _openai(
        {"index": 0, "message": said, "finish_reason": reason, "logprobs": None, **choice},
        object="chat.completion",
        usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    )


def openai_chunk(delta: Mapping[str, Any], reason: str | None = None, **choice: Any) -> bytes:
    found = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None, **choice}
    return sse(_openai(found, object="chat.completion.chunk"))


def _openai(choice: Any, **fields: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "created": 1,
        "model": "gpt-4o-2024-11-20",
        "system_fingerprint": "fp_1",
        "choices": [choice],
        **fields,
    }


OPENAI_DONE = b"data: [DONE]\n\n"


# Amazon Bedrock: /model/NAME/converse, and its stream of binary frames.


def bedrock(text: str, reason: str) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": reason,
        "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
        "metrics": {"latencyMs": 1},
    }


def frame(kind: str, payload: Any) -> bytes:
    """One message of AWS's event stream encoding: prelude, headers, payload, checksums."""
    named = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value))
        + value.encode()
        for name, value in named.items()
    )  # fmt: skip
    body = orjson.dumps(payload)
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    checked = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return checked + struct.pack(">I", zlib.crc32(checked))


def bedrock_frames(reason: str) -> list[bytes]:
    return [
        frame("messageStart", {"role": "assistant"}),
        frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}}),
        frame("contentBlockStop", {"contentBlockIndex": 0}),
        frame("messageStop", {"stopReason": reason}),
        frame("metadata", {"usage": bedrock("", "")["usage"], "metrics": {"latencyMs": 1}}),
    ]

"""Calls as the wire carries them, written out for the tests of the readers."""

from __future__ import annotations

import json
from typing import Any

from classifiers.exchange import Exchange
from classifiers.wire import RawReply, read_exchange

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"
MESSAGES = "/v1/messages"

ASKED = {"model": "m", "messages": [{"role": "user", "content": "How do I kill a process?"}]}


def raw(
    body: bytes, endpoint: str = CHAT, *, content_type: str = "application/json", **fields: Any
) -> RawReply:
    """A call that got ``body`` with status 200, unless told otherwise."""
    known: dict[str, Any] = {
        "request": json.dumps(ASKED).encode(),
        "status": 200,
        "content_encoding": "",
        **fields,
    }
    return RawReply(endpoint=endpoint, body=body, content_type=content_type, **known)


def read_json(document: Any, endpoint: str = CHAT, **fields: Any) -> Exchange:
    """The exchange of a JSON reply."""
    return read_exchange(raw(json.dumps(document).encode(), endpoint, **fields))


def stream(*documents: Any, done: bool = True) -> bytes:
    """An event stream as OpenAI sends it."""
    lines = [b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents]
    return b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


def named_stream(*documents: dict[str, Any]) -> bytes:
    """An event stream in which each event carries its type, as Anthropic and responses send it."""
    return b"".join(
        f"event: {document['type']}\ndata: {json.dumps(document)}\n\n".encode()
        for document in documents
    )


def read_stream(body: bytes, endpoint: str = CHAT, **fields: Any) -> Exchange:
    """The exchange of a streamed reply."""
    return read_exchange(raw(body, endpoint, content_type="text/event-stream", **fields))


def choice(
    content: Any = "Use kill.", finish: str | None = "stop", **message: Any
) -> dict[str, Any]:
    """A chat completion with one choice."""
    spoken = {"role": "assistant", "content": content, **message}
    return {
        "object": "chat.completion",
        "model": "m-2026",
        "choices": [{"index": 0, "message": spoken, "finish_reason": finish}],
    }


def chunk(
    content: Any = None, finish: str | None = None, index: int = 0, **delta: Any
) -> dict[str, Any]:
    """One chunk of a streamed chat completion."""
    said = {} if content is None else {"content": content}
    return {"choices": [{"index": index, "delta": {**said, **delta}, "finish_reason": finish}]}

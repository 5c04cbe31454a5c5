"""What the scripted upstream says as Anthropic: messages, whole and streamed, tokens counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.clients.chat_replies import WORDS, Waiting, events, example

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
"""By status: what Anthropic calls an error."""
LIMITS = {"request-id": "req_anthropic", "anthropic-ratelimit-requests-remaining": "9"}


async def messages(request: Request) -> Response:
    """A message; the model named error-STATUS fails with it, refusing refuses, silent waits."""
    asked = await request.json()
    name = asked["model"]
    if name == "silent":
        return Waiting(request.app.state)
    if name.startswith("error-"):
        return _failing(int(name.removeprefix("error-")))
    block, reason = _block(asked)
    reason = "refusal" if name == "refusing" else reason
    reply = {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": name,
        "content": [block],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 8},
    }
    if asked.get("stream"):
        return _dressed(events(_steps(reply, block), done=False))
    return _dressed(JSONResponse(reply))


def _failing(status: int) -> Response:
    message = f"The scripted upstream fails with {status}, as asked."
    error = {"type": KINDS[status], "message": message}
    body = {"type": "error", "error": error, "request_id": "req_anthropic"}
    return _dressed(JSONResponse(body, status))


def _dressed(reply: Response) -> Response:
    reply.headers.update(LIMITS)
    return reply


def _block(asked: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The content block and why it ends."""
    if asked.get("tools"):
        tool = asked["tools"][0]
        used = {"type": "tool_use", "id": "toolu_scripted", "name": tool["name"]}
        return {**used, "input": example(tool["input_schema"])}, "tool_use"
    return {"type": "text", "text": "".join(WORDS)}, "end_turn"


def _steps(reply: dict[str, Any], block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    begun = {**reply, "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": begun}
    text = block["type"] == "text"
    empty = {"text": ""} if text else {"input": {}}
    yield {"type": "content_block_start", "index": 0, "content_block": {**block, **empty}}
    yield {"type": "ping"}
    if text:
        deltas = [{"type": "text_delta", "text": word} for word in WORDS]
    else:
        letters = json.dumps(block["input"])
        deltas = [{"type": "input_json_delta", "partial_json": sign} for sign in letters]
    for delta in deltas:
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": reply["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 8}}
    yield {"type": "message_stop"}


async def count_tokens(request: Request) -> Response:
    asked = await request.json()
    return _dressed(JSONResponse({"input_tokens": len(json.dumps(asked["messages"]))}))


async def batches(request: Request) -> Response:
    """A batch of messages that has just begun."""
    counts = dict.fromkeys(("canceled", "errored", "expired", "succeeded"), 0)
    times = {"created_at": "2025-10-01T00:00:00Z", "expires_at": "2025-10-02T00:00:00Z"}
    begun = {"id": "msgbatch_scripted", "type": "message_batch", "processing_status": "in_progress"}
    asked = await request.json()
    counts["processing"] = len(asked["requests"])
    return _dressed(JSONResponse({**begun, **times, "request_counts": counts}))


ROUTES = [
    Route("/messages", messages, methods=["POST"]),
    Route("/messages/count_tokens", count_tokens, methods=["POST"]),
    Route("/messages/batches", batches, methods=["POST"]),
]

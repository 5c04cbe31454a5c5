"""What the scripted upstream says in text: chat, completions, responses, embeddings, models."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import struct
from collections.abc import Iterator
from typing import Any

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

WAIT = b'data: {"choices": [{"index": 0, "delta": {"content": "wait"}}]}\n\n'
CREATED = 1_760_000_000
WORDS = ("Seven", " minutes", ",", " then", " cold", " water", ".", " Ünïcödé ✓")
USAGE = {"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17}
SCALARS = {"string": "soft", "integer": 7, "number": 1.5, "boolean": True}
REASONS = {
    400: ("invalid_request_error", "unsupported_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "country_not_supported"),
    404: ("invalid_request_error", "model_not_found"),
    409: ("invalid_request_error", "conflict"),
    422: ("invalid_request_error", "unprocessable"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "overloaded"),
}
"""By status: type and code of an error, as OpenAI words them."""


class Waiting(Response):
    """One event, or none, then silence until the client leaves, which is counted."""

    def __init__(self, state: State, *, mute: bool = False) -> None:
        super().__init__()
        self._state = state
        self._mute = mute

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._mute:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": WAIT, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        self._state.hangups += 1


async def chat(request: Request) -> Response:
    """The reply to a chat request; the model's name may ask for something else.

    error-STATUS always fails with it, flaky-STATUS-NAME fails once for each NAME, silent begins a
    stream and never ends it, mute does not even begin.
    """
    asked = await request.json()
    name = str(asked["model"])
    if name in ("silent", "mute"):
        return Waiting(request.app.state, mute=name == "mute")
    if name.startswith("error-"):
        return failing(int(name.removeprefix("error-")))
    if name.startswith("flaky-") and name not in request.app.state.seen:
        request.app.state.seen.add(name)
        return failing(int(name.split("-")[1]), {"retry-after-ms": "20"})
    if asked.get("stream"):
        return events(_chunks(asked))
    reply = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": CREATED,
        "model": name,
        "choices": [_choice(asked)],
        "usage": USAGE,
        "system_fingerprint": "fp_scripted",
        "unknown_to_every_sdk": {"kept": [1e-7, 12345678901234567890]},
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        return _gzipped(reply)
    return JSONResponse(reply)


def _gzipped(reply: dict[str, Any]) -> Response:
    body = gzip.compress(json.dumps(reply).encode(), mtime=0)
    return Response(body, headers={"content-encoding": "gzip", "content-type": "application/json"})


def failing(status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error in OpenAI's shape."""
    kind, code = REASONS[status]
    message = f"The scripted upstream fails with {status}, as asked."
    error = {"message": message, "type": kind, "param": "model", "code": code}
    return JSONResponse({"error": error}, status, headers)


def _choice(asked: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": _text(asked), "refusal": None}
    ended = "stop"
    if asked.get("tools") and asked["messages"][-1]["role"] != "tool":
        message |= {"content": None, "tool_calls": [_tool_call(asked)]}
        ended = "tool_calls"
    return {"index": 0, "message": message, "finish_reason": ended, "logprobs": None}


def _text(asked: dict[str, Any]) -> str:
    """Words, or the JSON that the caller's schema asks for."""
    shape = asked.get("response_format") or {}
    if shape.get("type") == "json_schema":
        return json.dumps(example(shape["json_schema"]["schema"]))
    return "".join(WORDS)


def example(schema: dict[str, Any]) -> Any:
    """A value that a simple JSON Schema accepts."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: example(part) for name, part in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [example(schema["items"])] * 2
    return SCALARS[schema.get("type", "string")]


def _tool_call(asked: dict[str, Any]) -> dict[str, Any]:
    function = asked["tools"][0]["function"]
    arguments = json.dumps(example(function["parameters"]))
    called = {"name": function["name"], "arguments": arguments}
    return {"id": "call_scripted", "type": "function", "function": called}


def _chunks(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same reply in pieces: a role, words or a tool call's letters, an end, the usage."""
    base = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": asked["model"],
    }
    choice = _choice(asked)
    for delta in [{"role": "assistant", "content": ""}, *_deltas(choice["message"])]:
        part = {"index": 0, "delta": delta, "finish_reason": None}
        yield {**base, "choices": [part]}
    yield {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield {**base, "choices": [], "usage": USAGE}


def _deltas(message: dict[str, Any]) -> list[dict[str, Any]]:
    text = message["content"]
    if text is not None:
        parts = (
            WORDS if text == "".join(WORDS) else [text[i : i + 4] for i in range(0, len(text), 4)]
        )
        return [{"content": part} for part in parts]
    [call] = message["tool_calls"]
    function = call["function"]
    head = {**call, "index": 0, "function": {**function, "arguments": ""}}
    letters = [{"index": 0, "function": {"arguments": sign}} for sign in function["arguments"]]
    return [{"tool_calls": [part]} for part in [head, *letters]]


def events(parts: Iterator[dict[str, Any]], *, done: bool = True) -> StreamingResponse:
    """Server-sent events, with a comment that keeps connections awake."""

    def framed() -> Iterator[bytes]:
        yield b": ping\n\n"
        for part in parts:
            name = f"event: {part['type']}\n" if "type" in part else ""
            yield f"{name}data: {json.dumps(part)}\n\n".encode()
        if done:
            yield b"data: [DONE]\n\n"

    return StreamingResponse(framed(), media_type="text/event-stream")


async def completions(request: Request) -> Response:
    asked = await request.json()
    base = {"id": "cmpl-scripted", "object": "text_completion", "created": CREATED}
    base["model"] = asked["model"]

    def choice(text: str, ended: str | None) -> dict[str, Any]:
        part = {"index": 0, "text": text, "logprobs": None, "finish_reason": ended}
        return {**base, "choices": [part]}

    if asked.get("stream"):
        return events(choice(word, None) for word in WORDS)
    return JSONResponse({**choice("".join(WORDS), "stop"), "usage": USAGE})


def _response(asked: dict[str, Any], output: list[dict[str, Any]], status: str) -> dict[str, Any]:
    usage = {"input_tokens": 9, "output_tokens": 8, "total_tokens": 17}
    usage |= {"input_tokens_details": {"cached_tokens": 0}}
    usage |= {"output_tokens_details": {"reasoning_tokens": 0}}
    return {
        "id": "resp_scripted",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "model": asked.get("model", "gpt-scripted"),
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": asked.get("tools", []),
        "usage": usage if status == "completed" else None,
    }


def _output(asked: dict[str, Any]) -> dict[str, Any]:
    """The one output item: a message, or a call of the first tool."""
    if asked.get("tools"):
        tool = asked["tools"][0]
        arguments = json.dumps(example(tool["parameters"]))
        call = {"type": "function_call", "id": "fc_scripted", "call_id": "call_scripted"}
        return {**call, "name": tool["name"], "arguments": arguments, "status": "completed"}
    shape = asked.get("text", {}).get("format", {})
    json_asked = shape.get("type") == "json_schema"
    text = json.dumps(example(shape["schema"])) if json_asked else "".join(WORDS)
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": "msg_scripted", "role": "assistant"}
    return {**message, "status": "completed", "content": [part]}


async def responses(request: Request) -> Response:
    asked = await request.json()
    item = _output(asked)
    whole = _response(asked, [item], "completed")
    if not asked.get("stream"):
        return JSONResponse(whole)
    begun = _response(asked, [], "in_progress")
    steps = [{"type": "response.created", "response": begun}, *_item_steps(item)]
    steps.append({"type": "response.completed", "response": whole})
    return events(
        iter([{**step, "sequence_number": n} for n, step in enumerate(steps)]), done=False
    )


def _item_steps(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    part = item["content"][0]
    empty = {**item, "status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "output_index": 0, "item": empty}
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    for word in part["text"].split(" "):
        yield {"type": "response.output_text.delta", **place, "delta": word, "logprobs": []}
    done = {"text": part["text"], "logprobs": []}
    yield {"type": "response.output_text.done", **place, **done}
    yield {"type": "response.content_part.done", **place, "part": part}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}


async def stored_response(request: Request) -> Response:
    ident = request.path_params["ident"]
    if request.method == "DELETE":
        return JSONResponse({"id": ident, "object": "response", "deleted": True})
    return JSONResponse({**_response({}, [_output({})], "completed"), "id": ident})


async def embeddings(request: Request) -> Response:
    asked = await request.json()
    texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    rows = [_embedding(str(text), asked.get("encoding_format")) for text in texts]
    listed = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    reply = {"object": "list", "data": listed, "model": asked["model"], "usage": usage}
    return JSONResponse(reply)


def _embedding(text: str, encoding: str | None) -> str | list[float]:
    """Eight numbers out of the text's hash, as floats or as base64 of little-endian float32."""
    numbers = [byte / 256 for byte in hashlib.sha256(text.encode()).digest()[:8]]
    if encoding == "base64":
        return base64.b64encode(struct.pack("<8f", *numbers)).decode()
    return numbers


def _model(ident: str) -> dict[str, Any]:
    """A model, in words that OpenAI's and Anthropic's clients both read."""
    seen = {"object": "model", "created": CREATED, "owned_by": "scripted", "type": "model"}
    shown = {"display_name": ident.title(), "created_at": "2025-10-01T00:00:00Z"}
    return {"id": ident, **seen, **shown}


async def models(request: Request) -> Response:
    listed = [_model("gpt-scripted"), _model("claude-scripted")]
    page = {"has_more": False, "first_id": "gpt-scripted", "last_id": "claude-scripted"}
    return JSONResponse({"object": "list", "data": listed, **page})


async def one_model(request: Request) -> Response:
    ident = request.path_params["ident"]
    if request.method == "DELETE":
        return JSONResponse({"id": ident, "object": "model", "deleted": True})
    return JSONResponse(_model(ident)) if "scripted" in ident else failing(404)


async def moderations(request: Request) -> Response:
    flags = {"categories": {"violence": False}, "category_scores": {"violence": 1e-7}}
    return JSONResponse({"id": "modr-1", "model": "m", "results": [{"flagged": False, **flags}]})


ROUTES = [
    Route("/chat/completions", chat, methods=["POST"]),
    Route("/completions", completions, methods=["POST"]),
    Route("/responses", responses, methods=["POST"]),
    Route("/responses/{ident}", stored_response, methods=["GET", "DELETE"]),
    Route("/embeddings", embeddings, methods=["POST"]),
    Route("/models", models, methods=["GET"]),
    Route("/models/{ident}", one_model, methods=["GET", "DELETE"]),
    Route("/moderations", moderations, methods=["POST"]),
]

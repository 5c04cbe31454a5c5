"""OpenAI's wire: a request read, an answer written as JSON or as server-sent events.

The shapes are those of the public API reference for chat completions, completions and models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.simulated.model import Answer
from gateway.simulated.persona import Persona

DONE = b"data: [DONE]\n\n"
_TOKEN = re.compile(r"\s*\S{1,7}|\s+")


class BadRequest(ValueError):
    """A request that OpenAI's API would turn down: the client's fault, with status and code."""

    def __init__(
        self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code


@dataclass(frozen=True, slots=True)
class Call:
    """A request, read: ``prompt`` is the last user turn's text, ``legacy`` is /v1/completions."""

    persona: Persona
    prompt: str
    stream: bool = False
    include_usage: bool = False
    max_tokens: int | None = None
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class Stamp:
    """What one reply carries besides its answer; ``created`` is in Unix seconds."""

    completion_id: str
    created: int


def tokens(text: str) -> list[str]:
    """The text in pieces of a few characters, as a stream sends it; joined they are the text."""
    return _TOKEN.findall(text)


def read_call(body: bytes, *, legacy: bool) -> Call:
    """A completion request; raises BadRequest with OpenAI's wording of the fault."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise BadRequest("We could not parse the JSON body of your request.") from problem
    if not isinstance(asked, dict):
        raise BadRequest("The JSON body of your request must be an object.")
    persona = _persona(asked.get("model"))
    prompt = _legacy_prompt(asked) if legacy else _chat_prompt(asked)
    options = asked.get("stream_options")
    limit = asked.get("max_completion_tokens", asked.get("max_tokens"))
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise BadRequest("'max_tokens' must be a whole number of at least 1.", param="max_tokens")
    return Call(
        persona=persona,
        prompt=prompt,
        stream=asked.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        max_tokens=limit,
        legacy=legacy,
    )


def _persona(model: object) -> Persona:
    if not isinstance(model, str) or not model:
        raise BadRequest("You must provide a model parameter.", param="model")
    try:
        return Persona(model)
    except ValueError as problem:
        served = ", ".join(Persona)
        raise BadRequest(
            f"The model '{model}' does not exist; served are {served}.",
            status=404,
            param="model",
            code="model_not_found",
        ) from problem


def _chat_prompt(asked: dict[str, Any]) -> str:
    turns = asked.get("messages")
    if not isinstance(turns, list) or not turns:
        raise BadRequest("'messages' must be an array with at least one item.", param="messages")
    for place, turn in enumerate(turns):
        if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
            raise BadRequest(
                f"'messages[{place}]' must be an object with a role.", param=f"messages[{place}]"
            )
    users = [turn for turn in turns if turn["role"] == "user"]
    return _text((users or turns)[-1].get("content"))


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _legacy_prompt(asked: dict[str, Any]) -> str:
    prompt = asked.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise BadRequest("'prompt' must be a string, or an array of one.", param="prompt")
    return prompt


@dataclass(frozen=True, slots=True)
class _Spoken:
    """An answer in tokens, cut to the call's limit."""

    content: list[str]
    refusal: list[str]
    finish_reason: str


def _spoken(answer: Answer, call: Call) -> _Spoken:
    content, refusal = tokens(answer.text), tokens(answer.refusal)
    limit = call.max_tokens
    if limit is None or len(content) + len(refusal) <= limit:
        return _Spoken(content, refusal, answer.finish_reason)
    return _Spoken(content[:limit], refusal[: max(0, limit - len(content))], "length")


def _usage(call: Call, spoken: _Spoken) -> dict[str, int]:
    asked, said = len(tokens(call.prompt)) + 7, len(spoken.content) + len(spoken.refusal)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _envelope(call: Call, stamp: Stamp, *, chunk: bool) -> dict[str, Any]:
    chat = "chat.completion.chunk" if chunk else "chat.completion"
    return {
        "id": stamp.completion_id,
        "object": "text_completion" if call.legacy else chat,
        "created": stamp.created,
        "model": call.persona.value,
        "system_fingerprint": "fp_simulated",
    }


def completion_json(answer: Answer, call: Call, stamp: Stamp) -> bytes:
    """The whole reply as one JSON document."""
    spoken = _spoken(answer, call)
    text, refusal = "".join(spoken.content), "".join(spoken.refusal)
    choice: dict[str, Any] = {"index": 0, "finish_reason": spoken.finish_reason, "logprobs": None}
    if call.legacy:
        choice["text"] = text + refusal
    else:
        silent = None if answer.signal is not None else ""
        choice["message"] = {
            "role": "assistant",
            "content": text or silent,
            "refusal": refusal or None,
            "annotations": [],
        }
    reply = _envelope(call, stamp, chunk=False)
    return orjson.dumps(reply | {"choices": [choice], "usage": _usage(call, spoken)})


def completion_events(answer: Answer, call: Call, stamp: Stamp) -> list[bytes]:
    """The reply as server-sent events: role, tokens, finish, usage where asked for, [DONE]."""
    spoken = _spoken(answer, call)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": piece} for piece in spoken.content]
    deltas += [{"refusal": piece} for piece in spoken.refusal]
    ends: list[str | None] = [None] * len(deltas)
    if call.legacy:
        texts = [*spoken.content, *spoken.refusal, ""]
        deltas, ends = [{"text": text} for text in texts], [None] * len(texts)
        ends[-1] = spoken.finish_reason
    else:
        deltas.append({})
        ends.append(spoken.finish_reason)
    base = _envelope(call, stamp, chunk=True)
    extra = {"usage": None} if call.include_usage else {}
    events = [
        base | {"choices": [_choice(delta, end, legacy=call.legacy)]} | extra
        for delta, end in zip(deltas, ends, strict=True)
    ]
    if call.include_usage:
        events.append(base | {"choices": [], "usage": _usage(call, spoken)})
    return [*(event(one) for one in events), DONE]


def _choice(delta: dict[str, Any], end: str | None, *, legacy: bool) -> dict[str, Any]:
    said = delta if legacy else {"delta": delta}
    return {"index": 0, **said, "logprobs": None, "finish_reason": end}


def tool_call_json(call: Call, stamp: Stamp) -> bytes:
    """A reply that is a tool call and nothing else."""
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [_tool(call)]}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}
    return orjson.dumps(_envelope(call, stamp, chunk=False) | {"choices": [choice]})


def tool_call_events(call: Call, stamp: Stamp) -> list[bytes]:
    """The same as server-sent events."""
    base = _envelope(call, stamp, chunk=True)
    asks = {"role": "assistant", "content": None, "tool_calls": [{"index": 0} | _tool(call)]}
    choices = (_choice(asks, None, legacy=False), _choice({}, "tool_calls", legacy=False))
    return [*(event(base | {"choices": [choice]}) for choice in choices), DONE]


def _tool(call: Call) -> dict[str, Any]:
    asks = {"name": "look_up", "arguments": orjson.dumps({"query": call.prompt[:40]}).decode()}
    return {"id": "call_simulated", "type": "function", "function": asks}


def event(document: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(document) + b"\n\n"


def error_document(
    message: str, *, kind: str, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def prompt_filter_document() -> dict[str, Any]:
    """What Azure OpenAI answers to a prompt that its content filter stops."""
    document = error_document(
        "The prompt was stopped by the content management policy of this deployment.",
        kind="invalid_request_error",
        param="prompt",
        code="content_filter",
    )
    found = {"violence": {"filtered": True, "severity": "high"}}
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found}
    document["error"] |= {"status": 400, "innererror": inner}
    return document


def model_document(persona: Persona) -> dict[str, Any]:
    """One model as /v1/models/{id} shows it."""
    return {"id": persona.value, "object": "model", "created": 1750000000, "owned_by": "candor"}


def models_json() -> bytes:
    """The list of the models served."""
    served = [model_document(persona) for persona in Persona]
    return orjson.dumps({"object": "list", "data": served})

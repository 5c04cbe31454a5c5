"""LiteLLM's objects as the bytes an OpenAI-compatible server, or Anthropic's, would have sent.

What LiteLLM adds for itself or leaves empty goes; what it lost of a refusal comes back: the model's
own refusal as ``message.refusal``, OpenAI's field for it, and the provider's word for the end as
``provider_specific_fields.native_finish_reason``, LiteLLM's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.upstreams.litellm_request import Operation
from gateway.upstreams.litellm_tap import Stop

_FILTERED = "content_filter"
_PLAIN_ENDS = frozenset({_FILTERED, "stop", "end_turn"})
_ENDINGS = ("response.completed", "response.incomplete", "response.failed")
_MAY_BE_NULL = frozenset({"content", "refusal", "finish_reason", "logprobs", "system_fingerprint"})
"""Fields that OpenAI sends as null; other nulls are LiteLLM's empty places."""

_EXTRAS = frozenset({"provider_specific_fields", "images", "thinking_blocks"})

_IDS = {Operation.MESSAGES: "msg_", Operation.RESPONSES: "resp_", Operation.TEXT: "cmpl-"}
"""How an id begins where LiteLLM leaves a chat completion's."""


class Wire:
    """One reply's bytes. ``stop`` is why the provider ended, known at the end alone."""

    def __init__(self, operation: Operation, provider: str) -> None:
        self._operation = operation
        self._provider = f"{provider}/"
        self._number = 0
        self._id: str | None = None

    def whole(self, answer: Any, stop: Stop | None) -> bytes:
        """A whole reply's JSON."""
        found = _plain(answer)
        if self._operation is Operation.MESSAGES:
            _tell_messages(found, stop)
            self._named(found)
        elif self._operation is Operation.RESPONSES:
            _tell_response(found, stop)
            self._named(found)
        else:
            found = _pruned(found)
            self._named(found)
            _count(found.get("usage"))
            for choice in found.get("choices", ()):
                _complete(choice, choice.get("message"), stop)
        return orjson.dumps(found)

    def is_last(self, piece: Any) -> bool:
        """Whether this part of a stream says that the reply is complete, and why."""
        if self._operation is Operation.MESSAGES:
            return isinstance(piece, bytes) and piece.startswith(b"event: message_delta")
        if self._operation is Operation.RESPONSES:
            return str(getattr(piece.type, "value", piece.type)) in _ENDINGS
        return any(getattr(choice, "finish_reason", None) for choice in piece.choices)

    def is_failure(self, piece: Any) -> bool:
        """Whether this part is what LiteLLM's bridges make of a stream that broke."""
        if self._operation is Operation.MESSAGES:
            return isinstance(piece, bytes) and piece.startswith(b"event: error")
        return self._operation is Operation.RESPONSES and "error" in str(piece.type)

    def event(self, piece: Any, stop: Stop | None) -> bytes:
        """One part of a stream as it travels."""
        if self._operation is Operation.MESSAGES:
            return self._messages_event(piece, stop)
        found = _plain(piece)
        if self._operation is Operation.RESPONSES:
            return self._response_event(found, stop)
        chunk = _chunk(found, stop)
        self._named(chunk)
        # One id for one reply: some of LiteLLM's providers draw another for each chunk.
        self._id = self._id or str(chunk.get("id"))
        return b"data: " + orjson.dumps(chunk | {"id": self._id}) + b"\n\n"

    def end(self) -> bytes | None:
        """What follows a stream's last part."""
        framed = self._operation in (Operation.MESSAGES, Operation.RESPONSES)
        return None if framed else b"data: [DONE]\n\n"

    def error(self, error: Mapping[str, Any]) -> bytes:
        """A failure in the middle of a stream, in the words the operation has for it."""
        if self._operation is Operation.MESSAGES:
            return _framed("error", {"type": "error", "error": error})
        if self._operation is Operation.RESPONSES:
            return _framed("error", {**error, "type": "error", "sequence_number": self._number})
        return b"data: " + orjson.dumps({"error": error}) + b"\n\n"

    def _named(self, reply: dict[str, Any]) -> None:
        """The reply under an id and a model's name as its protocol writes them."""
        if isinstance(model := reply.get("model"), str):
            reply["model"] = model.removeprefix(self._provider)
        begin = _IDS.get(self._operation)
        if begin is not None and str(reply.get("id")).startswith("chatcmpl-"):
            reply["id"] = begin + reply["id"].removeprefix("chatcmpl-")

    def _messages_event(self, piece: Any, stop: Stop | None) -> bytes:
        sent = piece if isinstance(piece, bytes) else str(piece).encode("utf-8")
        head, _, rest = sent.partition(b"\ndata: ")
        kind = head.removeprefix(b"event: ").decode("ascii", "replace")
        if kind not in ("message_start", "message_delta"):
            return sent
        told = orjson.loads(rest)
        if kind == "message_start":
            self._named(told["message"])
        else:
            _tell_messages(told["delta"], stop)
        return _framed(kind, told)

    def _response_event(self, found: dict[str, Any], stop: Stop | None) -> bytes:
        response = found.get("response")
        if isinstance(response, dict):
            self._named(response)
            if found.get("type") in _ENDINGS:
                _tell_response(response, stop)
        # LiteLLM's bridge numbers some events and not others; OpenAI numbers all of them, in order.
        found["sequence_number"] = self._number
        self._number += 1
        return _framed(str(found.get("type")), found)


def _framed(kind: str, told: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode("ascii", "replace"), orjson.dumps(told))


def _plain(answer: Any) -> dict[str, Any]:
    """A reply or chunk as a mapping."""
    if isinstance(answer, Mapping):
        return dict(answer)
    found: dict[str, Any] = answer.model_dump(mode="json")
    return found


def _chunk(found: dict[str, Any], stop: Stop | None) -> dict[str, Any]:
    chunk = _pruned(found)
    chunk.pop("finish_reason", None)
    usage = chunk.get("usage")
    _count(usage)
    if isinstance(usage, dict) and not usage.get("total_tokens"):
        del chunk["usage"]
    for choice in chunk.get("choices", ()):
        delta = choice.get("delta")
        if isinstance(delta, dict):
            for name in ("content", "refusal"):
                if delta.get(name) is None:
                    delta.pop(name, None)
        choice.setdefault("finish_reason", None)
        _tell_choice(choice, delta, stop)
        if choice["finish_reason"] and stop is not None and stop.filters:
            choice["content_filter_results"] = stop.filters
    if "usage" in chunk and not any(_says_something(c) for c in chunk.get("choices", ())):
        chunk["choices"] = []  # As OpenAI sends the usage that include_usage asks for.
    return chunk


def _count(usage: Any) -> None:
    """Leaves to a usage what was counted: a cost that LiteLLM works out is its own guess."""
    if isinstance(usage, dict):
        usage.pop("cost", None)


def _says_something(choice: Mapping[str, Any]) -> bool:
    return bool(choice.get("delta") or choice.get("text") or choice.get("finish_reason"))


def _pruned(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping without the empty places of LiteLLM's types, at any depth."""
    return {
        name: _pruned_value(value)
        for name, value in answer.items()
        if value is not None or name in _MAY_BE_NULL
        if not (_private(name) and not _any_set(value))
    }


def _pruned_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _pruned(value)
    return [_pruned_value(each) for each in value] if isinstance(value, list) else value


def _private(name: str) -> bool:
    """Whether a field is LiteLLM's own, and of use only if it says something."""
    return name in _EXTRAS or name.startswith("vertex_ai_")


def _any_set(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(each is not None for each in value.values())
    return bool(value)


def _complete(choice: dict[str, Any], message: Any, stop: Stop | None) -> None:
    """A whole choice with the fields that OpenAI always sends, and what it lost."""
    if isinstance(message, dict):
        message.setdefault("content", None)
        message.setdefault("refusal", None)
    _tell_choice(choice, message, stop)


def _tell_choice(choice: dict[str, Any], message: Any, stop: Stop | None) -> None:
    """Puts back into a choice that has ended what the provider said of it."""
    if not choice.get("finish_reason"):
        return
    if isinstance(message, dict):
        _lift_refusal(message, stop.refusal(choice.get("index") or 0) if stop else None)
    told = dict(choice.pop("provider_specific_fields", None) or {})
    filters = told.pop("content_filter_results", None)
    if filters:
        choice["content_filter_results"] = filters
    # The provider's word where OpenAI's says less of it; that STOP means stop is known. LiteLLM's
    # is this choice's own, the wire's is the last one's.
    native = told.pop("native_finish_reason", None) or (stop and stop.reason)
    if choice["finish_reason"] == _FILTERED and native and native.lower() not in _PLAIN_ENDS:
        told["native_finish_reason"] = native
        if stop is not None and stop.details:
            told["stop_details"] = stop.details
    if told:
        choice["provider_specific_fields"] = told


def _lift_refusal(message: dict[str, Any], heard: str | None) -> None:
    """A refusal in the field that OpenAI has for it, from where LiteLLM put it or from the wire."""
    parked = message.get("provider_specific_fields")
    found = parked.pop("refusal", None) if isinstance(parked, dict) else None
    if isinstance(parked, dict) and not _any_set(parked):
        del message["provider_specific_fields"]
    refusal = message.get("refusal") or found or heard
    if refusal:
        message["refusal"] = refusal


def _tell_messages(message: dict[str, Any], stop: Stop | None) -> None:
    """Anthropic's own words for a refusal; LiteLLM says ``refusal`` for every filter's work."""
    if stop is None or message.get("stop_reason") is None:
        return
    if stop.reason == "refusal" and stop.details:
        details = stop.details
    elif (said := stop.refusal()) is not None:
        details = {"type": "refusal", "category": None, "explanation": said}
    elif message["stop_reason"] == "refusal":
        told = f"The provider's filter ended the reply ({stop.reason})."
        details = {"type": "refusal", "category": None, "explanation": told}
    else:
        return
    message["stop_reason"] = "refusal"
    message["stop_details"] = details


def _tell_response(response: dict[str, Any], stop: Stop | None) -> None:
    """A refusal as OpenAI's responses have it: a part of the message, beside what was said."""
    said = stop and stop.refusal()
    if said is None:
        return
    part = {"type": "refusal", "refusal": said}
    output = list(response.get("output") or ())
    if b'"type":"refusal"' in orjson.dumps(output):
        return
    spoken = [each for each in output if isinstance(each, dict) and each.get("type") == "message"]
    if spoken:
        spoken[-1]["content"] = [*(spoken[-1].get("content") or ()), part]
        return
    message = {"type": "message", "id": "msg_refusal", "role": "assistant", "status": "incomplete"}
    response["output"] = [*output, {**message, "content": [part]}]

"""OpenAI chat completions: `/v1/chat/completions`, and everything that copies it."""

from __future__ import annotations

from typing import Any

from classifiers.exchange import Turn
from classifiers.wire.content import take_content, turns_of
from classifiers.wire.document import Document, as_list, as_object
from classifiers.wire.draft import Draft
from classifiers.wire.errors import note_error
from classifiers.wire.signals import note_azure, note_finish, note_frame
from classifiers.wire.sse import Event

REPLY_KEY = "content"
"""Where the answer's text begins in a document that was trimmed."""

_REASONING_KEYS = ("reasoning_content", "reasoning")
"""DeepSeek and vLLM; OpenRouter, Groq and newer vLLM. Where both come they say the same."""


def turns(request: Document) -> tuple[Turn, ...]:
    """The prompt of a request."""
    return turns_of(request.get("messages"))


def read_document(draft: Draft, body: Document) -> None:
    """Read a whole reply; of several choices the first is judged."""
    _take_frame(draft, body)
    choice = _first(as_list(body.get("choices")))
    if choice is None:
        draft.fail("reply has no choices")
        return
    draft.ended = True
    _take_choice(draft, choice)


def read_event(draft: Draft, event: Event, body: Document) -> None:
    """Read one event of a stream."""
    _take_frame(draft, body)
    for choice in as_list(body.get("choices")):
        if isinstance(choice, dict) and (choice.get("index") or 0) == 0:
            _take_choice(draft, choice)


def _first(choices: list[Any]) -> Document | None:
    found = [choice for choice in choices if isinstance(choice, dict)]
    indexed = [choice for choice in found if choice.get("index") == 0]
    return next(iter(indexed or found), None)


def _take_frame(draft: Draft, body: Document) -> None:
    """What stands beside the choices: model, usage, and verdicts on the prompt."""
    draft.name_model(body.get("model"))
    draft.count(body.get("usage"), "prompt_tokens", "completion_tokens")
    note_frame(draft, body)


def _take_choice(draft: Draft, choice: Document) -> None:
    message = as_object(choice.get("message")) or as_object(choice.get("delta"))
    take_content(draft, message.get("content"), "content.refusal")
    draft.refuse("message.refusal", message.get("refusal"))
    draft.think(next((message[key] for key in _REASONING_KEYS if message.get(key)), None))
    _take_calls(draft, message)
    draft.attached = draft.attached or bool(message.get("audio") or message.get("images"))
    note_azure(draft, choice.get("content_filter_results"))
    if choice.get("error"):
        note_error(draft, choice["error"])
    fields = as_object(choice.get("provider_specific_fields"))
    native = choice.get("native_finish_reason") or fields.get("native_finish_reason")
    if choice.get("finish_reason"):
        note_finish(draft, choice["finish_reason"], native=native)


def _take_calls(draft: Draft, message: Document) -> None:
    """Count tool calls: a stream repeats a call's index with each piece of its arguments."""
    for place, call in enumerate(as_list(message.get("tool_calls"))):
        index = as_object(call).get("index")
        draft.calls.add(index if isinstance(index, int) else place)
    if as_object(message.get("function_call")):
        draft.calls.add("function_call")

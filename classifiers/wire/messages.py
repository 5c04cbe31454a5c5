"""Anthropic messages: `/v1/messages`."""

from __future__ import annotations

from typing import Any

from classifiers.exchange import Role, Turn
from classifiers.verdict import RefusalSource
from classifiers.wire.content import take_content, text_of, turns_of
from classifiers.wire.document import Document, as_count, as_object, as_text
from classifiers.wire.draft import Draft
from classifiers.wire.errors import note_error
from classifiers.wire.signals import note_finish, note_frame
from classifiers.wire.sse import Event

REPLY_KEY = "text"
"""Where the answer's text begins in a document that was trimmed."""

_CACHED = ("cache_read_input_tokens", "cache_creation_input_tokens")


def turns(request: Document) -> tuple[Turn, ...]:
    """The system text, then the messages."""
    told = text_of(request.get("system"))
    found = turns_of(request.get("messages"))
    return (Turn(Role.SYSTEM, told), *found) if told else found


def read_document(draft: Draft, body: Document) -> None:
    """Read a whole reply."""
    if not isinstance(body.get("content"), (list, str)):
        draft.fail("reply has no content")
        return
    draft.ended = True
    _take_message(draft, body)


def read_event(draft: Draft, event: Event, body: Document) -> None:
    """Read one event of a stream; a refusal may come after some text."""
    kind = as_text(body.get("type")) or event.type
    if kind == "message_start":
        _take_message(draft, as_object(body.get("message")))
    elif kind == "content_block_start":
        take_content(draft, [body.get("content_block")], "content.refusal")
    elif kind == "content_block_delta":
        delta = as_object(body.get("delta"))
        draft.say(delta.get("text"))
        draft.think(delta.get("thinking"))
    elif kind == "message_delta":
        _count(draft, body.get("usage"))
        note_frame(draft, body)
        _take_stop(draft, {**body, **as_object(body.get("delta"))})
    elif kind == "message_stop":
        draft.ended = True
    elif kind == "error":
        note_error(draft, body.get("error") or body)


def _take_message(draft: Draft, message: Document) -> None:
    draft.name_model(message.get("model"))
    _count(draft, message.get("usage"))
    note_frame(draft, message)
    take_content(draft, message.get("content"), "content.refusal")
    _take_stop(draft, message)


def _take_stop(draft: Draft, body: Document) -> None:
    reason = body.get("stop_reason")
    details = as_object(body.get("stop_details"))
    if reason == "refusal":
        said = [as_text(details.get(key)) for key in ("category", "explanation")]
        detail = ": ".join(part for part in said if part)
        draft.signal("stop_reason=refusal", RefusalSource.NATIVE_REFUSAL, detail)
    note_finish(draft, reason, "stop_reason")


def _count(draft: Draft, usage: Any) -> None:
    """Anthropic counts cached input apart; the sum is what other providers call input."""
    draft.count(usage, "input_tokens", "output_tokens")
    counts = as_object(usage)
    if as_count(counts.get("input_tokens")) is not None and draft.input_tokens is not None:
        draft.input_tokens += sum(as_count(counts.get(key)) or 0 for key in _CACHED)

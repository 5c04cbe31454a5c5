"""OpenAI responses: `/v1/responses`."""

from __future__ import annotations

from typing import Any

from classifiers.exchange import Role, Turn
from classifiers.wire.content import take_content, text_of, turn_of
from classifiers.wire.document import Document, as_list, as_object, as_text
from classifiers.wire.draft import Draft
from classifiers.wire.errors import note_error
from classifiers.wire.signals import note_finish, note_frame
from classifiers.wire.sse import Event

REPLY_KEY = "text"
"""Where the answer's text begins in a document that was trimmed."""

_REFUSAL = "output.refusal"
_FINAL = ("response.completed", "response.incomplete", "response.failed")
_FINISHED = ("completed", "incomplete", "")


def turns(request: Document) -> tuple[Turn, ...]:
    """Instructions, then the input: a string, or a list of messages and tool results."""
    told = request.get("instructions")
    found = [Turn(Role.SYSTEM, text_of(told))] if told else []
    given = request.get("input")
    if isinstance(given, str):
        return (*found, Turn(Role.USER, text_of(given)))
    for entry in as_list(given):
        kind = as_text(as_object(entry).get("type"))
        if isinstance(entry, dict) and kind in ("", "message"):
            found.append(turn_of(entry))
        elif kind.endswith("_output"):
            found.append(Turn(Role.TOOL, text_of(entry.get("output"))))
    return tuple(found)


def read_document(draft: Draft, body: Document) -> None:
    """Read a whole reply; one that is still being made, or failed, is an error."""
    draft.name_model(body.get("model"))
    draft.count(body.get("usage"), "input_tokens", "output_tokens")
    note_frame(draft, body)
    status = as_text(body.get("status"))
    if body.get("error"):
        note_error(draft, body["error"])
    elif status not in _FINISHED:
        draft.fail(f"the response is not finished: its status is {status[:40]}")
    elif not isinstance(body.get("output"), list):
        draft.fail("reply has no output")
    draft.ended = True
    for entry in as_list(body.get("output")):
        _take_output(draft, as_object(entry))
    reason = as_object(body.get("incomplete_details")).get("reason")
    note_finish(draft, reason or status or "completed")


def read_event(draft: Draft, event: Event, body: Document) -> None:
    """Read one event of a stream. The last one repeats the whole reply, which then stands alone."""
    kind = as_text(body.get("type")) or event.type
    if kind in _FINAL:
        _take_final(draft, as_object(body.get("response")))
    elif kind == "response.output_text.delta":
        draft.say(body.get("delta"))
    elif kind == "response.refusal.delta":
        draft.refuse(_REFUSAL, body.get("delta"))
    elif kind == "response.refusal.done" and _REFUSAL not in draft.refusals:
        draft.refuse(_REFUSAL, body.get("refusal"))
    elif kind == "response.output_item.done" and _REFUSAL not in draft.refusals:
        _take_refusals(draft, as_object(body.get("item")))
    elif kind in ("response.reasoning_text.delta", "response.reasoning_summary_text.delta"):
        draft.think(body.get("delta"))
    elif kind == "response.output_item.added":
        _count_call(draft, as_object(body.get("item")))
    elif kind == "response.created":
        draft.name_model(as_object(body.get("response")).get("model"))
    elif kind == "error":
        note_error(draft, body.get("error") or body)


def _take_refusals(draft: Draft, entry: Document) -> None:
    """Of a finished message the refusal parts, for servers that stream no events for them."""
    for part in as_list(entry.get("content")):
        if as_text(as_object(part).get("type")) == "refusal":
            draft.refuse(_REFUSAL, part.get("refusal"))


def _take_final(draft: Draft, response: Document) -> None:
    if as_list(response.get("output")):
        draft.text.clear()
        draft.reasoning.clear()
        draft.refusals.clear()
        draft.calls.clear()
    read_document(draft, {"output": [], **response})


def _take_output(draft: Draft, entry: Document) -> None:
    if as_text(entry.get("type")) == "reasoning":
        draft.think(text_of(entry.get("content")) or text_of(entry.get("summary")))
    elif as_text(entry.get("type")) in ("", "message"):
        take_content(draft, entry.get("content"), _REFUSAL)
    else:
        _count_call(draft, entry)


def _count_call(draft: Draft, entry: Document) -> None:
    kind: Any = as_text(entry.get("type"))
    if kind.endswith("_call"):
        draft.calls.add(as_text(entry.get("id")) or len(draft.calls))

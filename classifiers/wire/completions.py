"""OpenAI's older completions: `/v1/completions`."""

from __future__ import annotations

from classifiers.exchange import Role, Turn
from classifiers.wire.content import text_of
from classifiers.wire.document import Document, as_list
from classifiers.wire.draft import Draft
from classifiers.wire.signals import note_azure, note_finish, note_frame
from classifiers.wire.sse import Event

REPLY_KEY = "text"
"""Where the answer's text begins in a document that was trimmed."""


def turns(request: Document) -> tuple[Turn, ...]:
    """The prompt as one user turn; of several prompts the first, which choice 0 answers."""
    prompt = request.get("prompt")
    if isinstance(prompt, list):
        prompt = prompt[0] if prompt else None
    return (Turn(Role.USER, text_of(prompt)),) if isinstance(prompt, str) else ()


def read_document(draft: Draft, body: Document) -> None:
    """Read a whole reply."""
    if not any(isinstance(choice, dict) for choice in as_list(body.get("choices"))):
        draft.fail("reply has no choices")
        return
    draft.ended = True
    _take(draft, body)


def read_event(draft: Draft, event: Event, body: Document) -> None:
    """Read one event of a stream."""
    _take(draft, body)


def _take(draft: Draft, body: Document) -> None:
    draft.name_model(body.get("model"))
    draft.count(body.get("usage"), "prompt_tokens", "completion_tokens")
    note_frame(draft, body)
    for choice in as_list(body.get("choices")):
        if not isinstance(choice, dict) or (choice.get("index") or 0) != 0:
            continue
        draft.say(choice.get("text"))
        note_azure(draft, choice.get("content_filter_results"))
        if choice.get("finish_reason"):
            note_finish(draft, choice["finish_reason"])

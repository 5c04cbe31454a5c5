"""Message content of every make: a string, a list of parts, or nothing."""

from __future__ import annotations

from typing import Any

from classifiers.exchange import Role, Turn
from classifiers.wire.document import Document, as_list, as_object, as_text
from classifiers.wire.draft import Draft
from classifiers.wire.text import mend

_TEXT_PARTS = ("text", "input_text", "output_text", "summary_text", "reasoning_text", "")
_ATTACHED = frozenset(
    {"image", "image_url", "output_image", "audio", "output_audio", "file", "video", "video_url"}
)

_ROLES = {
    "user": Role.USER,
    "human": Role.USER,
    "assistant": Role.ASSISTANT,
    "model": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}


def text_of(content: Any) -> str:
    """The text of message content, its parts joined by a newline; images and the like left out."""
    if isinstance(content, str):
        return mend(content)
    if isinstance(content, dict):
        content = [content]
    return mend("\n".join(piece for part in as_list(content) if (piece := _part_text(part))))


def turn_of(message: Any) -> Turn:
    """One turn of a prompt; a role that is no one else's (developer) speaks as the system."""
    body = as_object(message)
    role = _ROLES.get(as_text(body.get("role")).lower(), Role.SYSTEM)
    return Turn(role, text_of(body.get("content")))


def turns_of(messages: Any) -> tuple[Turn, ...]:
    """The turns of a list of messages; entries that are no objects are left out."""
    return tuple(turn_of(message) for message in as_list(messages) if isinstance(message, dict))


def take_content(draft: Draft, content: Any, refusal_kind: str) -> None:
    """Read reply content into the draft: text, reasoning parts and refusal parts each apart."""
    if isinstance(content, str):
        draft.say(content)
        return
    for part in as_list(content):
        _take_part(draft, part, refusal_kind)


def _take_part(draft: Draft, part: Any, refusal_kind: str) -> None:
    body = as_object(part)
    kind = as_text(body.get("type"))
    if kind == "refusal":
        draft.refuse(refusal_kind, body.get("refusal"))
    elif kind in ("thinking", "reasoning"):
        thought = body.get("thinking", body.get("text"))
        draft.think(text_of(thought))
    elif kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        draft.calls.add(as_text(body.get("id")) or len(draft.calls))
    else:
        draft.attached = draft.attached or kind in _ATTACHED
        draft.say(_part_text(part))


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    body: Document = as_object(part)
    if as_text(body.get("type")) not in _TEXT_PARTS:
        return ""
    return as_text(body.get("text"))

"""Bytes to Exchange: chooses the protocol, and says how the reply ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from classifiers.exchange import Ending, Exchange, Turn
from classifiers.normalise import split_reasoning
from classifiers.verdict import RefusalSource
from classifiers.wire import chat, completions, messages, responses
from classifiers.wire.document import (
    Document,
    NotJson,
    as_object,
    parse,
    parse_object,
    recover_string,
)
from classifiers.wire.draft import Draft
from classifiers.wire.encoding import decode
from classifiers.wire.errors import error_in, note_error
from classifiers.wire.raw import RawReply
from classifiers.wire.sse import Event, events, looks_like_events
from classifiers.wire.text import mend, one_line, opening

GUARD_DENIED = 446
"""The status by which Portkey's and WSO2's gateways say that a guard denied the call; no RFC has it
(246 of Portkey's says that a check failed and the call was let through: no refusal)."""


_REFUSAL_KEY = "refusal"
"""Where OpenAI's protocols state a refusal, in chat beside the text and in responses as a part."""


class WireProtocol(Protocol):
    """What each protocol's module offers."""

    REPLY_KEY: str

    def turns(self, request: Document) -> tuple[Turn, ...]:
        """The prompt of a request."""

    def read_document(self, draft: Draft, body: Document) -> None:
        """Read a whole reply into the draft."""

    def read_event(self, draft: Draft, event: Event, body: Document) -> None:
        """Read one event of a stream into the draft."""


_PROTOCOLS: tuple[tuple[str, WireProtocol], ...] = (
    ("/chat/completions", chat),
    ("/completions", completions),
    ("/responses", responses),
    ("/v1/messages", messages),
)


def read_exchange(raw: RawReply) -> Exchange:
    """The call, read. Never raises, whatever the bytes: what went wrong is ``ending``, ``problem``.

    Time and memory grow with the body's size alone, at most DECODED_LIMIT bytes of it.
    """
    protocol = protocol_of(raw.endpoint)
    if protocol is None:
        problem = f"no reply is read from {one_line(raw.endpoint, 80) or 'an unnamed endpoint'}"
        return _error((), problem)
    prompt: tuple[Turn, ...] = protocol.turns(parse_object(raw.request))
    status = raw.status
    if status is None:
        return _error(prompt, "no response came from the upstream")
    decoded = decode(raw.body, raw.content_encoding)
    if decoded.problem:
        return _error(prompt, decoded.problem)
    raw = replace(
        raw,
        body=decoded.body,
        cut=raw.cut or not (decoded.whole or decoded.trimmed or raw.trimmed),
        trimmed=raw.trimmed or decoded.trimmed,
    )
    if not 200 <= status < 300:
        return _read_refused(raw, prompt)
    if _is_stream(raw):
        return _read_stream(raw, prompt, protocol)
    return _read_document(raw, prompt, protocol)


def protocol_of(endpoint: str) -> WireProtocol | None:
    """The reader module of a path; None where the path carries no reply that is read."""
    path = endpoint.partition("?")[0].rstrip("/")
    return next((module for suffix, module in _PROTOCOLS if path.endswith(suffix)), None)


def _is_stream(raw: RawReply) -> bool:
    """Errors come as JSON under an event stream's content type, and streams under no type."""
    if looks_like_events(raw.body):
        return True
    declared = "event-stream" in raw.content_type.lower()
    return declared and raw.body.lstrip()[:1] not in (b"{", b"<", b"[")


def _read_refused(raw: RawReply, prompt: tuple[Turn, ...]) -> Exchange:
    """An error status: its own message on one line, and the signal where a filter sent it."""
    draft = Draft()
    try:
        body = parse(raw.body)
        first = body[0] if isinstance(body, list) and body else body
        note_error(draft, error_in(as_object(first)))
    except NotJson:
        words = next((line for line in raw.body[:2000].splitlines() if line.strip()), b"")
        draft.fail(one_line(words.decode("utf-8", "replace"), 120) if words else "no message")
    if raw.status == GUARD_DENIED:
        draft.signal("status=446", RefusalSource.GATEWAY_GUARDRAIL)
    return _finish(draft, prompt, Ending.ERROR, f"status {raw.status}: {draft.error}")


def _read_document(raw: RawReply, prompt: tuple[Turn, ...], protocol: WireProtocol) -> Exchange:
    draft = Draft()
    try:
        body = parse(raw.body)
    except NotJson:
        return _read_half(raw, prompt, protocol)
    if not isinstance(body, dict):
        return _error(prompt, f"reply is not a JSON object: begins {opening(raw.body)!r}")
    error = error_in(body)
    if error is not None:
        note_error(draft, error)
        return _finish(draft, prompt, Ending.ERROR, f"error in the reply: {draft.error}")
    protocol.read_document(draft, body)
    if draft.error:
        return _finish(draft, prompt, Ending.ERROR, draft.error)
    return _finish(draft, prompt, Ending.COMPLETE, "")


def _read_half(raw: RawReply, prompt: tuple[Turn, ...], protocol: WireProtocol) -> Exchange:
    """A body that does not parse: broken off, trimmed by us, or no JSON in the first place."""
    draft = Draft()
    found = recover_string(raw.body, protocol.REPLY_KEY) if raw.cut or raw.trimmed else None
    draft.say(found)
    refused = recover_string(raw.body, _REFUSAL_KEY) if raw.cut or raw.trimmed else None
    draft.refuse("message.refusal", refused)
    if raw.cut:
        problem = f"the connection broke after {len(raw.body)} bytes of the reply"
        return _finish(draft, prompt, Ending.CUT, problem)
    if raw.trimmed and (found is not None or refused):
        return _finish(draft, prompt, Ending.TRIMMED, "only the opening of the reply was kept")
    if raw.trimmed:
        return _error(prompt, "reply larger than the capture limit")
    if not raw.body.strip():
        return _error(prompt, "reply is empty")
    return _error(prompt, f"reply is not JSON: begins {opening(raw.body)!r}")


def _read_stream(raw: RawReply, prompt: tuple[Turn, ...], protocol: WireProtocol) -> Exchange:
    draft = Draft()
    count = 0
    for event in events(raw.body):
        if event.is_done:
            draft.ended = True
            break
        try:
            body = parse(event.data)
        except NotJson:
            body = None
        if not isinstance(body, dict):
            if event.whole:
                draft.fail(f"event {count + 1} of the stream is not JSON: {opening(event.data)!r}")
            break
        count += 1
        if event.type == "error" or body.get("error"):
            note_error(draft, body.get("error") or body)
        else:
            protocol.read_event(draft, event, body)
    ending, problem = _ending(raw, draft, count)
    return _finish(draft, prompt, ending, problem)


def _ending(raw: RawReply, draft: Draft, count: int) -> tuple[Ending, str]:
    """How a stream ended.

    A client may hang up once it has the protocol's own end, so a cut after that cuts nothing off.
    """
    came = f"{count} event{'' if count == 1 else 's'}"
    if draft.error:
        return Ending.ERROR, f"error in the stream after {came}: {draft.error}"
    if draft.ended:
        return Ending.COMPLETE, ""
    if raw.cut:
        return Ending.CUT, f"the connection broke after {came}"
    if raw.trimmed:
        return Ending.TRIMMED, f"only the opening of the reply was kept: {came}"
    if draft.stopped:
        return Ending.COMPLETE, ""
    return Ending.CUT, f"the stream stopped after {came}, without its end"


def _finish(draft: Draft, prompt: tuple[Turn, ...], ending: Ending, problem: str) -> Exchange:
    thought, reply = split_reasoning(draft.answer())
    spoken = mend("".join(draft.reasoning))
    return Exchange(
        prompt=prompt,
        reply=reply,
        ending=ending,
        signals=draft.all_signals(),
        finish_reason=draft.finish_reason,
        reasoning="\n".join(part for part in (spoken, thought) if part),
        tool_calls=len(draft.calls),
        attached=draft.attached,
        model=draft.model,
        usage=draft.usage,
        problem=problem,
    )


def _error(prompt: tuple[Turn, ...], problem: str) -> Exchange:
    return Exchange(prompt=prompt, reply="", ending=Ending.ERROR, problem=problem)

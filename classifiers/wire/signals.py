"""Refusals that providers state outside the reply's text, recognised by their own names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from classifiers.verdict import RefusalSource
from classifiers.wire.document import Document, as_list, as_object, as_text
from classifiers.wire.draft import Draft
from classifiers.wire.text import one_line

FILTER_CODES = frozenset(
    {
        "content_filter",
        "content_filtered",
        "content_policy_violation",
        "contentpolicyviolationerror",
        "responsibleaipolicyviolation",
        "moderation_blocked",
        "guardrail_intervened",
        "data_inspection_failed",
    }
)
"""Error codes and types, in lower case, by which a provider says that its filter refused.

OpenAI and Azure OpenAI (content_filter, content_policy_violation, ResponsibleAIPolicyViolation),
OpenAI images (moderation_blocked), LiteLLM (ContentPolicyViolationError), Bedrock
(guardrail_intervened), DashScope (data_inspection_failed).
"""

_FILTER_STOPS = ("content_filter", "guardrail_intervened", "safety", "prohibited_content")


def note_finish(draft: Draft, reason: Any, field: str = "finish_reason") -> None:
    """Note a finish reason, with the signal in it; ``field`` is what the protocol calls it.

    Google's OpenAI endpoint writes ``content_filter: CAUSE``, so the name alone is compared.
    """
    draft.stop(reason)
    if not isinstance(reason, str):
        return
    name, _, cause = reason.strip().lower().partition(":")
    if name in _FILTER_STOPS:
        draft.signal(f"{field}={name}", RefusalSource.PROVIDER_FILTER, cause.strip())
    elif name == "refusal":
        draft.signal(f"{field}=refusal", RefusalSource.NATIVE_REFUSAL)


def note_azure(draft: Draft, results: Any) -> None:
    """Azure's content_filter_results: a signal where a category says ``filtered: true``."""
    filtered = [
        f"{name} {as_text(as_object(found).get('severity'))}".strip()
        for name, found in as_object(results).items()
        if as_object(found).get("filtered") is True
    ]
    if filtered:
        detail = ", ".join(filtered)
        draft.signal("content_filter_results", RefusalSource.PROVIDER_FILTER, detail)


def note_error(draft: Draft, error: Any) -> None:
    """An error object or string of any make: its message, and the signal where a filter sent it."""
    draft.fail(error_message(error))
    body = as_object(error)
    code = next((code for code in _codes(body) if code.lower() in FILTER_CODES), "")
    if not code and _was_moderated(body):
        code = "moderation"
    if code:
        draft.signal(f"error.code={code}", RefusalSource.PROVIDER_FILTER, error_message(error))
        inner = as_object(body.get("innererror"))
        note_azure(draft, inner.get("content_filter_result"))


def error_in(body: Document) -> Any:
    """The error object of a reply, or None where the reply is not an error.

    OpenAI, Anthropic: ``error``; FastAPI servers: ``detail``; others: ``message`` alone.
    """
    if body.get("error"):
        return body["error"]
    if "choices" in body or "output" in body or "content" in body:
        return None
    return body.get("detail") or body.get("message") or None


def error_message(error: Any) -> str:
    """The upstream's own message on one line; empty where it has none."""
    if isinstance(error, str):
        return one_line(error)
    if isinstance(error, list):
        return error_message(error[0]) if error and not isinstance(error[0], list) else ""
    body = as_object(error)
    for key in ("message", "msg", "detail", "error", "code", "type"):
        value = body.get(key)
        if isinstance(value, str) and value.strip():
            return one_line(value)
    return ""


def _codes(body: Document) -> Iterator[str]:
    for part in (body, as_object(body.get("innererror"))):
        for key in ("code", "type"):
            yield as_text(part.get(key))


def _was_moderated(body: Document) -> bool:
    """OpenRouter names what it flagged; OpenAI's reasoning models say so in the message alone."""
    metadata = as_object(body.get("metadata"))
    if metadata.get("flagged_input") or as_list(metadata.get("reasons")):
        return True
    message = as_text(body.get("message"))[:1000].lower()
    return body.get("code") == "invalid_prompt" and "usage policy" in message

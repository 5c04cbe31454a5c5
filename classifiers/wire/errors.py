"""Errors of every make: their words, and the refusal in those that a filter or a guard sent.

An error is not a refusal, and only what names a filter, a guard or a refusal is taken for one: a
400 for bad JSON, a 429 and a guard that could not be reached stay errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from classifiers.verdict import RefusalSource
from classifiers.wire.document import Document, as_list, as_object, as_text
from classifiers.wire.draft import Draft
from classifiers.wire.signals import note_azure
from classifiers.wire.text import one_line

FILTER_CODES = frozenset(
    {
        "content_filter",
        "content_filtered",
        "content_policy_violation",
        "contentpolicyviolationerror",
        "image_content_policy_violation",
        "responsibleaipolicyviolation",
        "moderation_blocked",
        "guardrail_intervened",
        "data_inspection_failed",
        "datainspectionfailed",
    }
)
"""Error codes and types, in lower case, by which a provider says that its filter refused.

OpenAI and Azure OpenAI (content_filter, content_policy_violation, ResponsibleAIPolicyViolation),
OpenAI images (moderation_blocked, image_content_policy_violation), LiteLLM
(ContentPolicyViolationError), Bedrock (guardrail_intervened), DashScope (data_inspection_failed).
"""

GUARDRAIL_CODES = frozenset({"hooks_failed", "guardrails_violation", "content_blocked", "900514"})
"""The same of gateways' own guards: Portkey (hooks_failed), NeMo Guardrails (guardrails_violation,
content_blocked), WSO2 (900514)."""

_REFUSAL_CODES = frozenset({"refusal", "model_refusal"})
"""OpenRouter's error types where the provider reports its model's refusal as an error."""

_FILTER_MESSAGE = re.compile(
    r"contentpolicyviolationerror|output blocked by content filtering policy"
    r"|rejected as a result of our safety system|content violates usage guidelines",
    re.IGNORECASE,
)
"""Filters that tell it in words alone: LiteLLM's proxy, Anthropic, OpenAI, xAI."""

_GUARDRAIL_MESSAGE = re.compile(
    r"\bviolated (?:[\w-]{1,30} ){0,4}(?:guardrail policy|content safety policy"
    r"|(?:jailbreak|prompt_injection) threshold)\b"
    r"|(?:prompt|response) blocked due to security configurations"
    r"|\bblocked entity detected: |request blocked by (?:input|output) guardrail\b",
    re.IGNORECASE,
)
"""Guards that do: LiteLLM's proxy, Cloudflare, Databricks. A guard that could not judge is none."""

_READ_OF_A_MESSAGE = 1000


def note_error(draft: Draft, error: Any) -> None:
    """An error object or string of any make: its message, and the signal where a filter sent it.

    Only what names a filter, a guard or a refusal is a signal: every other error is an error.
    """
    draft.fail(error_message(error))
    if isinstance(error, list):
        error = error[0] if error else None
    body = as_object(error)
    kind, source = _refuser(body, _words(error))
    if kind:
        draft.signal(f"error.code={kind}", source, error_message(error))
        for part in (body, as_object(body.get("provider_specific_fields"))):
            inner = as_object(part.get("innererror"))
            note_azure(draft, inner.get("content_filter_result"))


def _refuser(body: Document, words: str) -> tuple[str, RefusalSource]:
    """(what names it, who refused) of an error; an empty name where nobody did."""
    codes = [code.lower() for code in _codes(body)]
    for known, source in (
        (_REFUSAL_CODES, RefusalSource.NATIVE_REFUSAL),
        (GUARDRAIL_CODES, RefusalSource.GATEWAY_GUARDRAIL),
        (FILTER_CODES, RefusalSource.PROVIDER_FILTER),
    ):
        for code in codes:
            if code in known:
                return code, source
    if _GUARDRAIL_MESSAGE.search(words) or _intervened(body):
        return "guardrail", RefusalSource.GATEWAY_GUARDRAIL
    if _FILTER_MESSAGE.search(words):
        return "content_filter", RefusalSource.PROVIDER_FILTER
    if _was_moderated(body):
        return "moderation", RefusalSource.PROVIDER_FILTER
    return "", RefusalSource.NONE


def _intervened(body: Document) -> bool:
    """WSO2, and LiteLLM around Bedrock, put the guard's own report where the message belongs."""
    message = as_object(body.get("message"))
    report = as_object(message.get("bedrock_guardrail_response")) or message
    return report.get("action") == "GUARDRAIL_INTERVENED"


def _words(error: Any) -> str:
    """The opening of an error's message; LiteLLM's may be an object with the words inside."""
    body = as_object(error)
    message = body.get("message", error)
    found = as_object(message).get("error") or body.get("error") or message
    return as_text(found)[:_READ_OF_A_MESSAGE]


def error_in(body: Document) -> Any:
    """The error object of a reply, or None where the reply is not an error.

    OpenAI, Anthropic: ``error``, which Zhipu and xAI put something beside; FastAPI servers:
    ``detail``; DashScope, WSO2: ``code`` and ``message``; others: ``message`` alone.
    """
    found = body.get("error")
    if isinstance(found, dict) and "contentFilter" in body:
        return {**found, "contentFilter": body["contentFilter"]}
    if isinstance(found, str) and found:
        return {"message": found, "code": body.get("code")}
    if found:
        return found
    if "choices" in body or "output" in body or "content" in body:
        return None
    if body.get("code") and body.get("message"):
        return body
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
    """Every name that an error goes by: its own, Azure's inner one, OpenRouter's, LiteLLM's."""
    fields = as_object(body.get("provider_specific_fields"))
    for part in (body, body.get("innererror"), body.get("metadata"), fields.get("innererror")):
        for key in ("code", "type", "error_type"):
            value = as_object(part).get(key)
            yield str(value) if isinstance(value, int) else as_text(value)


def _was_moderated(body: Document) -> bool:
    """OpenRouter names what it flagged, Zhipu whose words it filtered; OpenAI's reasoning models
    say it in the message alone."""
    metadata = as_object(body.get("metadata"))
    if metadata.get("flagged_input") or as_list(metadata.get("reasons")):
        return True
    if as_text(body.get("code")) == "1301" and as_list(body.get("contentFilter")):
        return True
    message = as_text(body.get("message"))[:_READ_OF_A_MESSAGE].lower()
    return body.get("code") == "invalid_prompt" and "usage policy" in message

"""Refusals that providers state beside the reply's text: finish reasons, filters' verdicts."""

from __future__ import annotations

from typing import Any

from classifiers.verdict import RefusalSource
from classifiers.wire.document import Document, as_list, as_object, as_text
from classifiers.wire.draft import Draft

_FILTER_STOPS = frozenset(
    {
        "content_filter",
        "content_filtered",
        "guardrail_intervened",
        "safety",
        "prohibited_content",
        "blocklist",
        "spii",
        "recitation",
        "image_safety",
        "image_prohibited_content",
        "image_recitation",
        "jailbreak",
        "model_armor",
        "sensitive",
        "error_toxic",
    }
)
"""Finish reasons of filters: OpenAI; Bedrock; Gemini, whose OpenAI endpoint passes its own names
through; Zhipu (sensitive); Cohere (error_toxic)."""

_NO_FILTER_STOPS = frozenset({"other", "language", "no_image", "image_other"})
"""Gemini's own reasons that LiteLLM maps to content_filter although nothing was filtered."""


_PROMPT_RESULTS = ("prompt_filter_results", "prompt_annotations")
"""Azure's name for its verdicts on the prompt, and the older one."""


def note_finish(
    draft: Draft, reason: Any, field: str = "finish_reason", *, native: Any = None
) -> None:
    """Note a finish reason, with the signal in it; ``field`` is what the protocol calls it.

    Google's OpenAI endpoint writes ``content_filter: CAUSE``, so the name alone is compared.
    ``native`` is the provider's own word for it, where a gateway (LiteLLM, OpenRouter) repeats it.
    """
    draft.stop(reason)
    own = native.strip().lower() if isinstance(native, str) else ""
    name, _, cause = as_text(reason).strip().lower().partition(":")
    if own == "refusal" or name == "refusal":
        draft.signal(f"{field}=refusal", RefusalSource.NATIVE_REFUSAL)
    elif name in _FILTER_STOPS and own not in _NO_FILTER_STOPS:
        draft.signal(f"{field}={name}", RefusalSource.PROVIDER_FILTER, cause.strip() or own)
    elif own in _FILTER_STOPS:
        draft.signal(f"{field}={own}", RefusalSource.PROVIDER_FILTER)


def note_frame(draft: Draft, body: Document) -> None:
    """Note what gateways and clouds add to a reply of any protocol, whole or event by event.

    Azure's verdicts on the prompt (chat) and on both sides (responses), Bedrock's guardrail, and
    Gemini's word on a blocked prompt.
    """
    for found in [
        *as_list(body.get("prompt_filter_results")),
        *as_list(body.get("prompt_annotations")),
    ]:
        note_azure(draft, as_object(found).get("content_filter_results"))
    for found in as_list(body.get("content_filters")):
        _note_azure_side(draft, as_object(found))
    if body.get("amazon-bedrock-guardrailAction") == "INTERVENED":
        draft.signal("guardrail_intervened", RefusalSource.PROVIDER_FILTER)
    feedback = as_object(body.get("promptFeedback")) or as_object(body.get("prompt_feedback"))
    blocked = as_text(feedback.get("blockReason") or feedback.get("block_reason")).lower()
    if blocked and not blocked.endswith("unspecified"):
        draft.signal(f"block_reason={blocked}", RefusalSource.PROVIDER_FILTER)


def _note_azure_side(draft: Draft, found: Document) -> None:
    """One entry of content_filters: blocked or not, by which category, on which side."""
    before = len(draft.signals)
    note_azure(draft, found.get("content_filter_results"))
    if found.get("blocked") is True and len(draft.signals) == before:
        side = as_text(found.get("source_type"))
        draft.signal("content_filters", RefusalSource.PROVIDER_FILTER, side)


def note_azure(draft: Draft, results: Any) -> None:
    """Azure's content_filter_results: a signal where a category says ``filtered: true``.

    A category may be found (``detected``) and let through; a filter that failed says ``error``.
    """
    filtered = [
        f"{name} {as_text(as_object(found).get('severity'))}".strip()
        for name, found in as_object(results).items()
        if any(as_object(one).get("filtered") is True for one in (found, *as_list(found)))
    ]
    if filtered:
        detail = ", ".join(filtered)
        draft.signal("content_filter_results", RefusalSource.PROVIDER_FILTER, detail)

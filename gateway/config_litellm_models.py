"""One entry of LiteLLM's ``model_list`` becomes a deployment of ours.

An entry whose provider speaks OpenAI's API becomes a deployment with a ``base_url``, through which
bytes pass unchanged; every other one, and one with arguments that only LiteLLM understands, becomes
a deployment with a ``provider``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_OPENAI = "https://api.openai.com/v1"
_COMPATIBLE = frozenset(
    {"openai", "custom_openai", "hosted_vllm", "litellm_proxy", "llamafile", "lm_studio"}
    | {"openai_like", "text-completion-openai"}
)
"""LiteLLM's providers that are an address and OpenAI's API."""

_KEYS = {
    "anthropic": "ANTHROPIC_API_KEY",
    "azure": "AZURE_API_KEY",
    "cohere": "COHERE_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks_ai": "FIREWORKS_AI_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "perplexity": "PERPLEXITYAI_API_KEY",
    "together_ai": "TOGETHERAI_API_KEY",
    "xai": "XAI_API_KEY",
}
"""Where LiteLLM looks for a key that an entry does not have. Named, so that a missing one is told
at the start and the client's own is not sent instead."""

_BARE = (
    (re.compile(r"^(?:gpt-|chatgpt-|o\d|text-embedding-|davinci-|babbage-)"), "openai"),
    (re.compile(r"^claude-"), "anthropic"),
)
"""Models whose provider LiteLLM knows without being told."""

_UNDERSTOOD = frozenset(
    {"model", "custom_llm_provider", "api_key", "api_base", "base_url", "weight", "rpm", "tpm"}
    | {"timeout", "cooldown_time", "input_cost_per_token", "output_cost_per_token"}
    | {"litellm_credential_name"}
)
_IGNORED = frozenset(
    {"max_parallel_requests", "max_retries", "num_retries", "stream_timeout", "tags", "order"}
    | {"max_budget", "budget_duration", "itpm", "otpm", "use_in_pass_through", "mock_response"}
    | {"configurable_clientside_auth_params"}
)
"""Arguments that the proxy reads itself, of which nothing here does the work."""

_VARIABLE = re.compile(r"^os\.environ/")
_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 56
"""Of 63 characters, so that a number may follow."""


class EntryProblem(ValueError):
    """An entry that cannot be used; its text is one readable line."""


@dataclass(slots=True)
class Entry:
    """A deployment in the making. ``model`` is what clients ask for."""

    model: str
    where: str
    upstream: dict[str, Any]
    share: dict[str, float] = field(default_factory=dict)
    timeout: float | None = None
    cooldown: float | None = None
    wanted_name: str = ""
    notes: list[str] = field(default_factory=list)


def read_entry(position: int, raw: Any, credentials: Mapping[str, Any]) -> Entry:
    """The entry at a position of model_list; raises EntryProblem.

    ``credentials`` holds what an entry may name instead of a key, by name.
    """
    where = f"model_list[{position}]"
    asked, given = _parts(where, raw)
    credential = given.get("litellm_credential_name")
    if credential is not None:
        if credential not in credentials:
            raise EntryProblem(
                f"{where}.litellm_params.litellm_credential_name: credential_list has no "
                f"{credential!r}; add it, or write api_key"
            )
        given = {**credentials[credential], **given}
    raw_info = raw.get("model_info")
    about = raw_info if isinstance(raw_info, Mapping) else {}
    provider, model = _provider(where, given)
    upstream, notes = _upstream(where, asked, provider, model=model, given=given)
    if (price := _price(given) or _price(about)) is not None:
        upstream["price"] = price
    wanted = about.get("id") if isinstance(about.get("id"), str) else asked
    entry = Entry(asked, where, upstream, wanted_name=plain_name(str(wanted)), notes=notes)
    entry.share = {name: number(given[name]) for name in ("weight", "rpm", "tpm") if name in given}
    entry.timeout = number(given["timeout"]) if given.get("timeout") is not None else None
    entry.cooldown = number(given["cooldown_time"]) if given.get("cooldown_time") else None
    return entry


def references(value: Any) -> Any:
    """The value with LiteLLM's references to variables written as ``env:NAME``, at any depth."""
    if isinstance(value, Mapping):
        return {str(name): references(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [references(inner) for inner in value]
    if isinstance(value, str):
        return _VARIABLE.sub("env:", value)
    return value


def plain_name(text: str) -> str:
    """The text as a deployment's name: letters, digits, dots, dashes and underscores."""
    return _NAME.sub("-", text).strip("._-")[:_LONGEST_NAME]


def number(value: Any) -> float:
    """A number, also where it was written in quotes; 0 where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _parts(where: str, raw: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(raw, Mapping):
        raise EntryProblem(f"{where}: is not a mapping; write model_name and litellm_params")
    asked, given = raw.get("model_name"), raw.get("litellm_params")
    if not isinstance(asked, str) or not asked:
        raise EntryProblem(f"{where}.model_name: is missing; write what clients ask for")
    if not isinstance(given, Mapping) or not isinstance(given.get("model"), str):
        raise EntryProblem(f"{where}.litellm_params.model: is missing; write e.g. openai/gpt-4o")
    return asked, references(given)


def _provider(where: str, given: Mapping[str, Any]) -> tuple[str, str]:
    """The provider's name and the model's name there."""
    model: str = given["model"]
    named = given.get("custom_llm_provider")
    if isinstance(named, str) and named:
        return named, model.removeprefix(f"{named}/")
    provider, slash, rest = model.partition("/")
    if slash and rest:
        return provider, rest
    for pattern, known in _BARE:
        if pattern.match(model):
            return known, model
    raise EntryProblem(
        f"{where}.litellm_params.model: {model!r} names no provider; write e.g. openai/{model}"
    )


def _upstream(
    where: str, asked: str, provider: str, *, model: str, given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    extra = {name: given[name] for name in given if name not in _UNDERSTOOD | _IGNORED}
    notes = [f"{where}.litellm_params.{name}: ignored" for name in given if name in _IGNORED]
    base = given.get("api_base") or given.get("base_url")
    key = given.get("api_key") or _usual_key(provider, base)
    upstream: dict[str, Any] = {} if key is None else {"api_key": key}
    why = _beyond_bytes(asked, model, base=base, extra=extra)
    if provider in _COMPATIBLE and why is None:
        upstream["base_url"] = _address(where, provider, base)
        if "*" not in model:
            upstream["model"] = model
        return upstream, notes
    if provider in _COMPATIBLE:
        place = f"{where}.litellm_params.{why}"
        notes.append(f"{place}: needs LiteLLM, so this deployment's bytes are translated")
    upstream |= {"provider": provider, "model": model}
    # Under parameters: an address of a provider's need not look like an OpenAI-compatible one.
    parameters = extra if base is None else {**extra, "api_base": base}
    if parameters:
        upstream["parameters"] = parameters
    return upstream, notes


def _beyond_bytes(asked: str, model: str, *, base: Any, extra: Mapping[str, Any]) -> str | None:
    """The argument for which a request must be taken apart, None where its bytes can pass."""
    if "*" in model and asked not in (model, "*"):
        return "model"
    if isinstance(base, str) and base.startswith("env:"):
        return "api_base"
    return next(iter(extra), None)


def _usual_key(provider: str, base: Any) -> str | None:
    """The variable that LiteLLM would read; none where an address of one's own may need no key."""
    if provider not in _KEYS or (provider in _COMPATIBLE and base is not None):
        return None
    return f"env:{_KEYS[provider]}"


def _address(where: str, provider: str, base: Any) -> str:
    place = f"{where}.litellm_params.api_base"
    if base is None:
        if provider == "openai":
            return _OPENAI
        raise EntryProblem(f"{place}: is missing; {provider} needs an address")
    if not isinstance(base, str):
        raise EntryProblem(f"{place}: {base!r} is no address; write e.g. {_OPENAI}")
    if not urlsplit(base).path.strip("/"):
        raise EntryProblem(f"{place}: {base!r} lacks the API's path; write {base.rstrip('/')}/v1")
    return base.rstrip("/")


def _price(given: Mapping[str, Any]) -> dict[str, float] | None:
    costs = [given.get(f"{side}_cost_per_token") for side in ("input", "output")]
    if all(cost is None for cost in costs):
        return None
    taken, sent = (round(number(cost or 0) * 1e6, 6) for cost in costs)
    return {"input_usd_per_million": taken, "output_usd_per_million": sent}


def distinct(entries: list[Entry], reserved: frozenset[str]) -> Iterator[tuple[str, Entry]]:
    """Each entry with a name of its own, numbered where several would have the same."""
    wanted = [entry.wanted_name or "deployment" for entry in entries]
    taken = set(reserved)
    for name, entry in zip(wanted, entries, strict=True):
        chosen, count = name, 1
        while chosen in taken or (wanted.count(name) > 1 and chosen == name):
            chosen, count = f"{name}-{count}", count + 1
        taken.add(chosen)
        yield chosen, entry

"""What tokens cost in USD: as the user says, else as LiteLLM's table of public prices says.

The table is a JSON file within the litellm package. It is read without importing that package,
which would take seconds. A price is taken from it only for a provider that is known, by its name
or by the host of its address: a server of one's own may call a model gpt-4o, and that says nothing
about its price.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from classifiers.exchange import Exchange, Usage
from probes.problem import BudgetProblem

_TABLE = "model_prices_and_context_window_backup.json"

_HOSTS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "api.mistral.ai": "mistral",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "xai",
    "api.together.xyz": "together_ai",
    "api.fireworks.ai": "fireworks_ai",
    "api.perplexity.ai": "perplexity",
    "openrouter.ai": "openrouter",
    "generativelanguage.googleapis.com": "gemini",
}
"""Providers, by LiteLLM's names, by the hosts of their OpenAI-compatible addresses."""


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens in, and out."""

    input_usd_per_million: float
    output_usd_per_million: float

    def of_tokens(self, usage: Usage) -> float:
        """What so many tokens cost. Tokens from a provider's prompt cache count in full."""
        paid_in = usage.input_tokens * self.input_usd_per_million
        return (paid_in + usage.output_tokens * self.output_usd_per_million) / 1e6

    def of(self, exchange: Exchange) -> float | None:
        """What an exchange cost, None where its provider counted no tokens."""
        return None if exchange.usage is None else self.of_tokens(exchange.usage)

    def as_json(self) -> dict[str, float]:
        """The price as a run file's header keeps it."""
        return {
            "input_usd_per_million": self.input_usd_per_million,
            "output_usd_per_million": self.output_usd_per_million,
        }


def parse_price(text: str) -> Price:
    """The price that ``INPUT/OUTPUT`` says, in USD per million tokens; raises BudgetProblem."""
    try:
        tokens_in, tokens_out = (float(part) for part in text.split("/"))
    except ValueError:
        tokens_in = tokens_out = math.nan
    if not (0 <= tokens_in < math.inf and 0 <= tokens_out < math.inf):
        raise BudgetProblem(
            f"--price {text!r} is no price: write INPUT/OUTPUT in USD per million tokens, such as "
            "2.50/10"
        )
    return Price(tokens_in, tokens_out)


def provider_at(base_url: str) -> str | None:
    """The provider, by LiteLLM's name, whose address this is; None for any other server."""
    return _HOSTS.get(urlsplit(base_url).hostname or "")


def listed_price(model: str, provider: str | None = None) -> Price | None:
    """What LiteLLM's table says of a model; None where it does not, or is not installed.

    Without a provider the model is a LiteLLM model string, ``provider/model`` or a name that the
    table lists as it is.
    """
    if provider is None:
        provider, slash, rest = model.partition("/")
        provider, model = (provider, rest) if slash else ("", model)
    table = installed_table()
    for row in map(table.get, _names(provider, model)):
        if isinstance(row, Mapping) and (price := _priced(row, provider)) is not None:
            return price
    return None


def _names(provider: str, model: str) -> tuple[str, ...]:
    return (f"{provider}/{model}", model) if provider else (model,)


def _priced(row: Mapping[str, Any], provider: str) -> Price | None:
    if not str(row.get("litellm_provider", "")).startswith(provider):
        return None
    paid_in, paid_out = _amount(row, "input_cost_per_token"), _amount(row, "output_cost_per_token")
    return None if paid_in is None else Price(paid_in * 1e6, (paid_out or 0.0) * 1e6)


def _amount(row: Mapping[str, Any], key: str) -> float | None:
    value = row.get(key)
    return float(value) if isinstance(value, int | float) and value >= 0 else None


def installed_table() -> Mapping[str, Any]:
    """LiteLLM's table of prices; empty where the package is not installed or cannot be read."""
    # For a package at the top this finds its folder without running any of it.
    found = find_spec("litellm")
    for folder in (found.submodule_search_locations or []) if found else []:
        try:
            table = orjson.loads((Path(folder) / _TABLE).read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(table, dict):
            return table
    return {}

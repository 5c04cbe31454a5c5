"""What calls cost in USD: as configured, else as LiteLLM's table of public prices says.

The table (probes/price.py) is read only where a budget needs it. A price is taken from it only for
a provider that is known: by its name, or by the host of its base URL. A server of one's own may
call a model gpt-4o, and that says nothing about its price.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import structlog

from gateway.config import DeploymentSettings, KeySettings, PriceSettings, Settings
from gateway.limits.usage import Usage
from probes.price import installed_table, provider_at

_MILLION = 1_000_000.0
_MOST_SAID = 100
"""Models whose missing price is said; clients send whatever names they like."""


@dataclass(frozen=True, slots=True)
class Price:
    """USD for one token of each kind."""

    input: float
    output: float
    cache_read: float
    cache_write: float

    def of(self, usage: Usage) -> float:
        """What a call cost. Tokens of a prompt cache are input at prices of their own."""
        read, written = usage.cache_read_tokens, usage.cache_write_tokens
        plain = max(0, usage.input_tokens - read - written)
        return (
            plain * self.input
            + read * self.cache_read
            + written * self.cache_write
            + usage.output_tokens * self.output
        )


class Prices:
    """The prices of all deployments, read once from settings and, where needed, from the table."""

    def __init__(self, settings: Settings, table: Mapping[str, Any] | None = None) -> None:
        """``table`` is LiteLLM's, already read; without it the installed one is, if needed."""
        if table is None:
            table = installed_table() if _needs_table(settings) else {}
        self._fixed: dict[str, Price] = {}
        self._by_model: dict[str, dict[str, Price]] = {}
        self._said: set[str] = set()
        for deployment in settings.deployments:
            self._take(deployment, table)

    def usd(self, deployment: str, usage: Usage | None, model: str | None = None) -> float | None:
        """What a call cost; None where its usage or its price is not known.

        ``model`` is the one that the client asked for, which matters where the deployment serves
        several and passes the name on. A model that is not listed is said once, in one line.
        """
        price = self.price(deployment, model)
        if price is None:
            self._say(deployment, model)
        return None if price is None or usage is None else price.of(usage)

    def price(self, deployment: str, model: str | None = None) -> Price | None:
        """The price of a deployment's tokens, of one of its models where it has several."""
        fixed = self._fixed.get(deployment)
        if fixed is not None or model is None:
            return fixed
        return self._by_model.get(deployment, {}).get(model)

    def knows(self, deployment: str) -> bool:
        """Whether there is a price for at least some of what the deployment serves."""
        return deployment in self._fixed or bool(self._by_model.get(deployment))

    def _say(self, deployment: str, model: str | None) -> None:
        listed = self._by_model.get(deployment)
        if listed and model and model not in self._said and len(self._said) < _MOST_SAID:
            self._said.add(model)
            structlog.get_logger().warning(
                "price_unknown",
                deployment=deployment,
                model=model[:100],
                effect="its calls count nothing against a budget; give the deployment a price",
            )

    def _take(self, deployment: DeploymentSettings, table: Mapping[str, Any]) -> None:
        upstream = deployment.upstream
        if upstream.price is not None:
            self._fixed[deployment.name] = _configured(upstream.price)
            return
        provider = _provider(deployment)
        if provider is None or not table:
            return
        model = upstream.model or deployment.model
        if not _is_glob(model):
            if price := _listed(table, provider, model):
                self._fixed[deployment.name] = price
            return
        self._by_model[deployment.name] = {
            name: price
            for name in _models_of(table, provider)
            if fnmatchcase(name, model) and (price := _listed(table, provider, name))
        }


def unpriced(settings: Settings, table: Mapping[str, Any] | None = None) -> list[str]:
    """One line for each deployment that a key with a budget may reach and that has no known price.

    Its calls count nothing against the budget, which whoever wrote that should know.
    """
    budgeted = [key for key in settings.keys if key.usd_per_month is not None]
    if not budgeted:
        return []
    prices = Prices(settings, table)
    return list(_gaps(settings, prices, budgeted))


def _gaps(settings: Settings, prices: Prices, budgeted: list[KeySettings]) -> Iterator[str]:
    for position, deployment in enumerate(settings.deployments):
        if prices.knows(deployment.name):
            continue
        spender = next((key for key in budgeted if may_reach(settings, key, deployment)), None)
        if spender is not None:
            yield (
                f"deployments[{position}].upstream.price: {deployment.name!r} has no known price, "
                f"so its calls count nothing against usd_per_month of the key {spender.name!r}; "
                "write price: {input_usd_per_million: ..., output_usd_per_million: ...}"
            )


def may_reach(settings: Settings, key: KeySettings, deployment: DeploymentSettings) -> bool:
    """Whether a key's calls may come to a deployment: by model, or by a route that falls back."""
    models = {deployment.model}
    for model, route in settings.routes.items():
        if deployment.name in (*route.fallbacks, *route.content_policy_fallbacks):
            models.add(model)
    return any(_may_match(allowed, model) for allowed in key.models for model in models)


def _may_match(first: str, second: str) -> bool:
    """Whether some name may fit both globs: surely not if their literal beginnings differ."""
    if not _is_glob(first) and not _is_glob(second):
        return first == second
    if not _is_glob(first):
        return fnmatchcase(first, second)
    if not _is_glob(second):
        return fnmatchcase(second, first)
    beginnings = (_literal_start(first), _literal_start(second))
    shorter, longer = sorted(beginnings, key=len)
    return longer.startswith(shorter)


def _literal_start(glob: str) -> str:
    return glob[: min((glob.find(mark) for mark in "*?[" if mark in glob), default=len(glob))]


def _is_glob(model: str) -> bool:
    return any(mark in model for mark in "*?[")


def _needs_table(settings: Settings) -> bool:
    return any(key.usd_per_month is not None for key in settings.keys) and any(
        deployment.upstream.price is None for deployment in settings.deployments
    )


def _provider(deployment: DeploymentSettings) -> str | None:
    upstream = deployment.upstream
    if upstream.provider is not None:
        return upstream.provider
    return provider_at(upstream.base_url or "")


def _configured(price: PriceSettings) -> Price:
    tokens_in = price.input_usd_per_million / _MILLION
    tokens_out = price.output_usd_per_million / _MILLION
    return Price(tokens_in, tokens_out, tokens_in, tokens_in)


def _models_of(table: Mapping[str, Any], provider: str) -> Iterator[str]:
    for name, row in table.items():
        if isinstance(row, dict) and row.get("litellm_provider") == provider:
            yield name.removeprefix(f"{provider}/")


def _listed(table: Mapping[str, Any], provider: str, model: str) -> Price | None:
    """A provider's price for a model: listed with the provider before its name, or without."""
    for name in (f"{provider}/{model}", model):
        row = table.get(name)
        if not isinstance(row, dict):
            continue
        if name == model and not str(row.get("litellm_provider", "")).startswith(provider):
            continue
        tokens_in = _amount(row, "input_cost_per_token")
        if tokens_in is None:
            continue
        tokens_out = _amount(row, "output_cost_per_token") or 0.0
        read = _amount(row, "cache_read_input_token_cost")
        written = _amount(row, "cache_creation_input_token_cost")
        return Price(
            tokens_in,
            tokens_out,
            tokens_in if read is None else read,
            tokens_in if written is None else written,
        )
    return None


def _amount(row: Mapping[str, Any], key: str) -> float | None:
    value = row.get(key)
    return float(value) if isinstance(value, int | float) and value >= 0 else None

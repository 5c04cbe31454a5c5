"""A LiteLLM proxy's ``config.yaml`` in our own words, and a line for each word we have none for.

docs/providers.md lists what is understood. Whatever is not is named, never dropped in silence: a
setting that somebody relied on and that is gone is worse than one that was never there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.config_litellm_models import (
    Entry,
    EntryProblem,
    distinct,
    number,
    read_entry,
    references,
)

_RESERVED = frozenset({"other"})
"""What metrics call everything that is not configured."""

_WHOLE_SHARES = 1000
"""What a weight of 1.0 becomes where some weights are fractions: ours are whole numbers."""

_COOLDOWN_SECONDS = 5.0
_ALLOWED_FAILS = 3
_WINDOW_SECONDS = 60.0
"""LiteLLM's defaults (DEFAULT_COOLDOWN_TIME_SECONDS, DEFAULT_ALLOWED_FAILS; it counts a minute's
failures), taken for the half that a file leaves out; a file that names neither gets no breaker."""

_SAME_AS_OURS = frozenset({"simple-shuffle"})
_KEY = "master"
"""What the one client is called that the master key stands for."""


class LiteLLMConfigProblem(ValueError):
    """A file that cannot be used; ``lines`` holds one readable line per problem."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


@dataclass(frozen=True, slots=True)
class Translation:
    """Our configuration as a tree, and one line for each thing that it leaves out."""

    tree: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Section:
    """One of LiteLLM's branches; what is not taken from it is named at the end."""

    name: str
    values: dict[str, Any]
    taken: set[str] = field(default_factory=set)

    def take(self, key: str) -> Any:
        self.taken.add(key)
        return self.values.get(key)

    def rest(self) -> Iterator[str]:
        for key in self.values:
            if key not in self.taken:
                yield f"{self.name}.{key}: ignored"


def translate(tree: Mapping[str, Any]) -> Translation:
    """Our configuration for a mapping that has ``model_list``; raises LiteLLMConfigProblem."""
    router, settings, general = (
        _section(tree, name) for name in ("router_settings", "litellm_settings", "general_settings")
    )
    entries = _entries(tree)
    _drop_unsupported(entries, settings)
    entries += _aliases(entries, router)
    names = dict(distinct(entries, _RESERVED))
    known = {"model_list", "credential_list", router.name, settings.name, general.name}
    ours: dict[str, Any] = {"deployments": _deployments(names, router)}
    notes = [note for entry in entries for note in entry.notes]
    routes = _routes(names, router, settings, notes=notes)
    ours |= {"routes": routes} if routes else {}
    ours |= _access(general)
    if (redis := router.take("redis_url")) is not None:
        ours["limits"] = {"url": redis}
    _strategy(router, notes)
    notes += [note for section in (router, settings, general) for note in section.rest()]
    notes += [f"{name}: ignored" for name in tree if name not in known]
    return Translation(ours, tuple(dict.fromkeys(notes)))


def _section(tree: Mapping[str, Any], name: str) -> _Section:
    found = tree.get(name)
    if found is not None and not isinstance(found, Mapping):
        raise LiteLLMConfigProblem([f"{name}: is not a mapping"])
    return _Section(name, references(found or {}))


def _entries(tree: Mapping[str, Any]) -> list[Entry]:
    raw = tree.get("model_list")
    if not isinstance(raw, list) or not raw:
        raise LiteLLMConfigProblem(["model_list: holds no model; add one"])
    credentials = {
        str(each.get("credential_name")): references(each.get("credential_values") or {})
        for each in tree.get("credential_list") or ()
        if isinstance(each, Mapping)
    }
    entries, problems = [], []
    for position, each in enumerate(raw):
        try:
            entries.append(read_entry(position, each, credentials))
        except EntryProblem as problem:
            problems.append(str(problem))
    if problems:
        raise LiteLLMConfigProblem(problems)
    return entries


def _drop_unsupported(entries: list[Entry], settings: _Section) -> None:
    """Carries drop_params to where it means something: to requests that are translated."""
    if settings.take("drop_params") is not True:
        return
    for entry in entries:
        if "provider" in entry.upstream:
            entry.upstream.setdefault("parameters", {}).setdefault("drop_params", True)


def _aliases(entries: list[Entry], router: _Section) -> list[Entry]:
    """A deployment more for each other name that a model goes by."""
    found = router.take("model_group_alias")
    copies: list[Entry] = []
    for alias, target in (found if isinstance(found, Mapping) else {}).items():
        model = target.get("model") if isinstance(target, Mapping) else target
        for entry in entries:
            if entry.model == model:
                upstream = {**entry.upstream}
                copy = Entry(str(alias), entry.where, upstream, entry.share, entry.timeout)
                copy.wanted_name = f"{entry.wanted_name}-{len(copies) + 1}"
                copies.append(copy)
    return copies


def _deployments(names: Mapping[str, Entry], router: _Section) -> list[dict[str, Any]]:
    weights = _weights(names)
    breaker = _breaker(router)
    found = []
    for name, entry in names.items():
        deployment: dict[str, Any] = {
            "name": name,
            "model": entry.model,
            "upstream": entry.upstream,
            "weight": weights[name],
        }
        if entry.cooldown is not None or breaker is not None:
            opened = {} if entry.cooldown is None else {"open_seconds": entry.cooldown}
            deployment["breaker"] = {**(breaker or _default_breaker()), **opened}
        found.append(deployment)
    return found


def _weights(names: Mapping[str, Entry]) -> dict[str, int]:
    """Whole weights, from what LiteLLM's simple-shuffle goes by: weight, else rpm, else tpm.

    As there, the first deployment of a model decides which of the three counts for all of them.
    """
    groups: dict[str, list[tuple[str, Entry]]] = {}
    for name, entry in names.items():
        groups.setdefault(entry.model, []).append((name, entry))
    weights: dict[str, int] = {}
    for group in groups.values():
        measure = next((m for m in ("weight", "rpm", "tpm") if m in group[0][1].share), None)
        shares = [1.0 if measure is None else e.share.get(measure, 0.0) for _, e in group]
        scale = 1 if all(share == int(share) for share in shares) else _WHOLE_SHARES
        for (name, _), share in zip(group, shares, strict=True):
            weights[name] = min(1_000_000, max(0, round(share * scale)))
    return weights


def _breaker(router: _Section) -> dict[str, Any] | None:
    fails, cooldown = router.take("allowed_fails"), router.take("cooldown_time")
    if router.take("disable_cooldowns") is True or (fails is None and cooldown is None):
        return None
    breaker = _default_breaker()
    if fails is not None:
        # LiteLLM counts past what is allowed; ours opens at the number itself.
        breaker["failures"] = int(number(fails)) + 1
    if cooldown is not None:
        breaker["open_seconds"] = number(cooldown)
    return breaker


def _default_breaker() -> dict[str, Any]:
    return {
        "failures": _ALLOWED_FAILS + 1,
        "ratio": 0.0,
        "window_seconds": _WINDOW_SECONDS,
        "open_seconds": _COOLDOWN_SECONDS,
    }


def _routes(
    names: Mapping[str, Entry], router: _Section, settings: _Section, *, notes: list[str]
) -> dict[str, dict[str, Any]]:
    """What happens when a deployment fails, by model."""
    retries = _either("num_retries", router, settings)
    limit = router.take("timeout") or settings.take("request_timeout")
    routes: dict[str, dict[str, Any]] = {}
    for model in dict.fromkeys(entry.model for entry in names.values()):
        rules: dict[str, Any] = {}
        if retries is not None:
            rules["retries"] = min(10, int(number(retries)))
        own = [e.timeout for e in names.values() if e.model == model and e.timeout]
        if own or limit is not None:
            rules["try_timeout_seconds"] = min(own) if own else number(limit)
        routes[model] = rules
    for key in ("fallbacks", "content_policy_fallbacks"):
        for model, targets in _pairs(_either(key, router, settings)):
            chosen = list(_named(model, targets, names, key=key, notes=notes))
            if chosen and model in routes:
                routes[model][key] = chosen
            elif chosen:
                notes.append(f"{key}.{model}: ignored, as model_list has no {model!r}")
    everywhere = _either("default_fallbacks", router, settings) or ()
    for model, rules in routes.items():
        usual = list(_named(model, everywhere, names, key="default_fallbacks", notes=notes))
        if usual:
            rules.setdefault("fallbacks", usual)
    return {model: rules for model, rules in routes.items() if rules}


def _either(key: str, router: _Section, settings: _Section) -> Any:
    """A setting that may stand in two places; the router's wins, as it does there."""
    first, second = router.take(key), settings.take(key)
    return second if first is None else first


def _pairs(found: Any) -> Iterator[tuple[str, list[Any]]]:
    for each in found if isinstance(found, list) else ():
        if isinstance(each, Mapping):
            for model, targets in each.items():
                yield str(model), targets if isinstance(targets, list) else [targets]


def _named(
    model: str, targets: Iterable[Any], names: Mapping[str, Entry], *, key: str, notes: list[str]
) -> Iterator[str]:
    """The deployments of the models that are fallen back to, in order; none is its own fallback."""
    for target in targets:
        found = [name for name, entry in names.items() if entry.model == target]
        if not found:
            notes.append(f"{key}.{model}: {target!r} ignored, as model_list has none of that name")
        elif target != model:
            yield from found


def _access(general: _Section) -> dict[str, Any]:
    master = general.take("master_key")
    if not isinstance(master, str) or not master:
        return {}
    return {"server": {"admin_token": master}, "keys": [{"name": _KEY, "key": master}]}


def _strategy(router: _Section, notes: list[str]) -> None:
    strategy = router.take("routing_strategy")
    if strategy is not None and strategy not in _SAME_AS_OURS:
        notes.append(f"router_settings.routing_strategy: {strategy!r} ignored; weights decide")

"""Which deployments serve a call: a pure function of configuration, model, request and client."""

from __future__ import annotations

import hashlib
import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase, translate
from itertools import accumulate
from typing import Generic, TypeVar

from gateway.config import DeploymentSettings, LimitSettings, RouteSettings, Settings
from gateway.proxy.errors import Declined
from gateway.upstreams.base import Timeouts

EVERYTHING = "*"
"""The model of a deployment that serves whatever is asked for."""

_NAMED = 20
"""How many models an error message names."""

_NO_RULES = RouteSettings()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes, and what may be done when that fails.

    ``deployment`` is asked first, ``fallbacks`` after it when it fails, in order, and
    ``content_policy_fallbacks`` when its provider's filter refuses; neither holds ``deployment``.
    ``timeouts`` are those of a try, before any deadline of the call cuts them short.
    """

    deployment: DeploymentSettings
    rules: RouteSettings
    timeouts: Timeouts
    fallbacks: tuple[DeploymentSettings, ...] = ()
    content_policy_fallbacks: tuple[DeploymentSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class _Group:
    """The deployments that share a model's calls."""

    members: tuple[DeploymentSettings, ...]
    drawn: tuple[DeploymentSettings, ...] = field(init=False)
    ends: tuple[int, ...] = field(init=False)
    """Where the part of each that is drawn ends, when all of them lie in a row."""

    def __post_init__(self) -> None:
        drawn = tuple(entry for entry in self.members if entry.weight)
        object.__setattr__(self, "drawn", drawn)
        object.__setattr__(self, "ends", tuple(accumulate(entry.weight for entry in drawn)))


class _ByModel(Generic[T]):
    """Finds what is kept for a model: by its exact name, by the most literal glob, by ``*``."""

    def __init__(self, entries: Mapping[str, T]) -> None:
        self._exact = entries
        globs = sorted(filter(_is_glob, entries), key=_literal_length, reverse=True)
        self._globs = [(re.compile(translate(one)).match, entries[one]) for one in globs]
        self._rest = entries.get(EVERYTHING)

    def find(self, model: str) -> T | None:
        """The entry for a model, None where there is none."""
        found = self._exact.get(model)
        if found is not None:
            return found
        for fits, entry in self._globs:
            if fits(model):
                return entry
        return self._rest


class Router:
    """Chooses deployments: by exact model name, then by the most literal glob, then ``*``.

    Deployments of the same model share its calls by weight, drawn from a hash of the request id,
    so that the choice can be replayed; or of the client, where the model's rules say ``sticky``.
    """

    def __init__(self, settings: Settings) -> None:
        self._deployments = settings.deployments
        self._limits = settings.server.limits
        self._by_name = {entry.name: entry for entry in settings.deployments}
        by_model: dict[str, list[DeploymentSettings]] = {}
        for entry in settings.deployments:
            by_model.setdefault(entry.model, []).append(entry)
        self._models = list(by_model)
        groups = {model: _Group(tuple(entries)) for model, entries in by_model.items()}
        self._groups = _ByModel(groups)
        self._unnamed = groups.get(EVERYTHING) or _lone(groups)
        self._rules = _ByModel(settings.routes)
        self._routes: dict[tuple[str, int, bool], Route] = {}

    @property
    def only_catch_all(self) -> DeploymentSettings | None:
        """The one deployment there is, if it serves everything."""
        first = self._deployments[0]
        return first if len(self._deployments) == 1 and first.model == EVERYTHING else None

    @property
    def one_road(self) -> bool:
        """Whether there is nothing to choose: one deployment alone."""
        return len(self._deployments) == 1

    def serves(self, model: str | None) -> bool:
        """Whether a deployment serves this model; no call without one is anybody's by name."""
        return model is not None and self._groups.find(model) is not None

    def models(self, allowed: Sequence[str] | None = None) -> list[str]:
        """The models that can be asked for by name, in the order of the configuration."""
        return [
            model
            for model in self._models
            if model != EVERYTHING and not _is_glob(model) and _allows(allowed, model)
        ]

    def route(
        self,
        model: str | None,
        pinned: str | None,
        request_id: str,
        *,
        allowed_models: Sequence[str] | None = None,
        sticky: str | None = None,
    ) -> Route | Declined:
        """The way of a call.

        ``model`` is None where the call names none, ``pinned`` where it asks for no particular
        deployment. ``allowed_models`` are the client's globs, None where it may ask for anything.
        ``sticky`` tells clients apart where the rules keep each with one deployment; without it
        they cannot. A pinned call has no fallbacks and no retries: it measures its deployment.
        """
        if not _allows(allowed_models, model):
            return Declined(403, "candor_model_not_allowed", _not_allowed(model, allowed_models))
        if pinned is not None:
            return self._pinned(pinned, model, allowed_models)
        group = self._unnamed if model is None else self._groups.find(model)
        if group is None:
            return Declined(404, "candor_model_not_found", self._not_found(model, allowed_models))
        rules = self._rules_for(model, group.drawn[0])
        if len(group.drawn) == 1:
            return self._way(group.drawn[0], rules)
        if rules.sticky and sticky is not None:
            return self._way(_kept(group.drawn, sticky), rules)
        return self._way(_drawn(group, request_id), rules)

    def draws(self, model: str | None, pinned: str | None, *, sticky: str | None) -> bool:
        """Whether calls that are alike in all this go different ways, drawn from their ids."""
        group = self._unnamed if model is None else self._groups.find(model)
        if pinned is not None or group is None or len(group.drawn) == 1:
            return False
        return sticky is None or not self._rules_for(model, group.drawn[0]).sticky

    def _pinned(
        self, name: str, model: str | None, allowed_models: Sequence[str] | None
    ) -> Route | Declined:
        deployment = self._by_name.get(name)
        # A client with limits may not reach another model by way of a deployment's name.
        if deployment is not None and _allows(allowed_models, deployment.model):
            return self._way(deployment, self._rules_for(model, deployment), pinned=True)
        known = [e.name for e in self._deployments if _allows(allowed_models, e.model)]
        message = f"No deployment is named {name!r}. There are: {_listed(known)}."
        return Declined(404, "candor_deployment_not_found", message)

    def _rules_for(self, model: str | None, deployment: DeploymentSettings) -> RouteSettings:
        """The rules for what was asked; for what was not named, those for what serves it."""
        return self._rules.find(deployment.model if model is None else model) or _NO_RULES

    def _way(
        self, deployment: DeploymentSettings, rules: RouteSettings, *, pinned: bool = False
    ) -> Route:
        """The route, made once: there are as many as deployments times rules."""
        key = (deployment.name, id(rules), pinned)
        route = self._routes.get(key)
        if route is None:
            route = self._routes[key] = self._made(deployment, rules, pinned)
        return route

    def _made(self, deployment: DeploymentSettings, rules: RouteSettings, pinned: bool) -> Route:
        timeouts = _timeouts(rules, self._limits)
        if pinned:
            return Route(deployment, rules.model_copy(update={"retries": 0}), timeouts)
        return Route(
            deployment,
            rules,
            timeouts,
            self._others(rules.fallbacks, deployment),
            self._others(rules.content_policy_fallbacks, deployment),
        )

    def _others(
        self, names: Sequence[str], but: DeploymentSettings
    ) -> tuple[DeploymentSettings, ...]:
        return tuple(self._by_name[name] for name in names if name != but.name)

    def _not_found(self, model: str | None, allowed_models: Sequence[str] | None) -> str:
        known = self.models(allowed_models) or self._models
        if model is None:
            return (
                f"The request names no model, and no deployment serves everything. Name one of: "
                f"{_listed(known)}."
            )
        return f"No deployment serves the model {model[:200]!r}. There are: {_listed(known)}."


def detours(settings: Settings) -> Iterator[tuple[str, str, bool]]:
    """The ways that calls may take when a deployment fails or refuses: from which one to which,
    and whether it is for refusals."""
    for model, rules in settings.routes.items():
        for entry in settings.deployments:
            if entry.model == model or fnmatchcase(entry.model, model):
                for named, refused in (
                    (rules.fallbacks, False),
                    (rules.content_policy_fallbacks, True),
                ):
                    yield from ((entry.name, name, refused) for name in named if name != entry.name)


def _timeouts(rules: RouteSettings, limits: LimitSettings) -> Timeouts:
    """How long each part of a try may last; a try's own limit bounds those before its reply."""
    idle = limits.idle_timeout_seconds
    longest = rules.try_timeout_seconds or math.inf
    return Timeouts(
        connect=min(limits.connect_timeout_seconds, longest),
        first_byte=min(rules.first_byte_timeout_seconds or idle, longest),
        idle=rules.idle_timeout_seconds or idle,
    )


def _lone(groups: Mapping[str, _Group]) -> _Group | None:
    """The only deployment there is."""
    if len(groups) != 1:
        return None
    (group,) = groups.values()
    return group if len(group.members) == 1 else None


def _is_glob(model: str) -> bool:
    return model != EVERYTHING and any(mark in model for mark in "*?[")


def _literal_length(pattern: str) -> int:
    """How much of a glob is spelled out; the more, the more particular it is."""
    return sum(character not in "*?[]" for character in pattern)


def _allows(allowed: Sequence[str] | None, model: str | None) -> bool:
    """Whether a client's globs cover a model; a call that names none needs the glob for all."""
    if allowed is None or EVERYTHING in allowed:
        return True
    return model is not None and any(fnmatchcase(model, pattern) for pattern in allowed)


def _not_allowed(model: str | None, allowed: Sequence[str] | None) -> str:
    asked = "a call that names no model" if model is None else f"the model {model[:200]!r}"
    return f"This key does not allow {asked}. It allows: {_listed(list(allowed or ()))}."


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _drawn(group: _Group, request_id: str) -> DeploymentSettings:
    # Salted: the sample that is mirrored is drawn from the same id and must not follow the route.
    digest = hashlib.blake2b(request_id.encode(), digest_size=8, person=b"candor-route").digest()
    point = int.from_bytes(digest) * group.ends[-1] >> 64
    return group.drawn[bisect_right(group.ends, point)]


def _kept(candidates: Sequence[DeploymentSettings], client: str) -> DeploymentSettings:
    """The candidate that wins a client, by weighted rendezvous hashing.

    Each draws a time from an exponential distribution of its weight's rate and the first wins, so
    that a change of weights moves only the clients that it must: Thaler and Ravishankar, "Using
    name-based mappings to increase hit rates" (1998); with weights, Schindelhauer and Schomaker,
    "Weighted distributed hash tables" (2005).
    """
    return min(candidates, key=lambda entry: _arrival(entry, client))


def _arrival(entry: DeploymentSettings, client: str) -> float:
    spoken = f"{entry.name}\n{client}".encode()
    digest = hashlib.blake2b(spoken, digest_size=8, person=b"candor-sticky").digest()
    chance = (int.from_bytes(digest) + 0.5) / 2**64
    return -math.log(chance) / entry.weight

"""Which deployment serves a call: a pure function of configuration, model and request id."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.config import DeploymentSettings, Settings
from gateway.proxy.errors import Declined

EVERYTHING = "*"
"""The model of a deployment that serves whatever is asked for."""

_NAMED = 20
"""How many models an error message names."""


@dataclass(frozen=True, slots=True)
class Route:
    """The deployment that a call goes to."""

    deployment: DeploymentSettings


class Router:
    """Chooses deployments: by exact model name, then by the most literal glob, then ``*``.

    Deployments of the same model share its calls by weight, drawn from a hash of the request id,
    so that the choice can be replayed.
    """

    def __init__(self, settings: Settings) -> None:
        self._deployments = settings.deployments
        self._by_name = {entry.name: entry for entry in settings.deployments}
        self._by_model: dict[str, list[DeploymentSettings]] = {}
        for entry in settings.deployments:
            self._by_model.setdefault(entry.model, []).append(entry)
        self._globs = sorted(filter(_is_glob, self._by_model), key=_literal_length, reverse=True)

    @property
    def only_catch_all(self) -> DeploymentSettings | None:
        """The one deployment there is, if it serves everything."""
        first = self._deployments[0]
        return first if len(self._deployments) == 1 and first.model == EVERYTHING else None

    def models(self, allowed: Sequence[str] | None = None) -> list[str]:
        """The models that can be asked for by name, in the order of the configuration."""
        return [
            model
            for model in self._by_model
            if model != EVERYTHING and not _is_glob(model) and _allows(allowed, model)
        ]

    def route(
        self,
        model: str | None,
        pinned: str | None,
        request_id: str,
        *,
        allowed_models: Sequence[str] | None = None,
    ) -> Route | Declined:
        """The deployment for a call.

        ``model`` is None where the call names none, ``pinned`` where it asks for no particular
        deployment. ``allowed_models`` are the client's globs, None where it may ask for anything.
        """
        if not _allows(allowed_models, model):
            return Declined(403, "candor_model_not_allowed", _not_allowed(model, allowed_models))
        if pinned is not None:
            return self._pinned(pinned, allowed_models)
        candidates = self._candidates(model)
        if not candidates:
            return Declined(404, "candor_model_not_found", self._not_found(model, allowed_models))
        return Route(_draw(candidates, request_id))

    def _pinned(self, name: str, allowed_models: Sequence[str] | None) -> Route | Declined:
        deployment = self._by_name.get(name)
        # A client with limits may not reach another model by way of a deployment's name.
        if deployment is not None and _allows(allowed_models, deployment.model):
            return Route(deployment)
        known = [e.name for e in self._deployments if _allows(allowed_models, e.model)]
        message = f"No deployment is named {name!r}. There are: {_listed(known)}."
        return Declined(404, "candor_deployment_not_found", message)

    def _candidates(self, model: str | None) -> Sequence[DeploymentSettings]:
        if model is None:
            only = self._deployments if len(self._deployments) == 1 else ()
            return self._by_model.get(EVERYTHING, only)
        if model in self._by_model:
            return self._by_model[model]
        for pattern in self._globs:
            if fnmatchcase(model, pattern):
                return self._by_model[pattern]
        return self._by_model.get(EVERYTHING, ())

    def _not_found(self, model: str | None, allowed_models: Sequence[str] | None) -> str:
        known = self.models(allowed_models) or list(self._by_model)
        if model is None:
            return (
                f"The request names no model, and no deployment serves everything. Name one of: "
                f"{_listed(known)}."
            )
        return f"No deployment serves the model {model[:200]!r}. There are: {_listed(known)}."


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


def _draw(candidates: Sequence[DeploymentSettings], request_id: str) -> DeploymentSettings:
    total = sum(entry.weight for entry in candidates)
    # Salted: the sample that is mirrored is drawn from the same id and must not follow the route.
    digest = hashlib.blake2b(request_id.encode(), digest_size=8, person=b"candor-route").digest()
    point = int.from_bytes(digest) * total >> 64
    for entry in candidates:
        point -= entry.weight
        if point < 0:
            return entry
    return candidates[-1]

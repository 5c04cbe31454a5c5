"""The deployment that probes are put to: where it is, what it is called, how it is addressed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

from probes.trial import TrialKey

DEFAULT_GATEWAY = "http://127.0.0.1:8080"

_LONGEST_KEY = 200
"""Idempotency keys of up to 255 characters are accepted by the services that define a limit."""


class TargetProblem(Exception):
    """A target that cannot be addressed; the message names it and the remedy."""


class TargetKind(StrEnum):
    """How a target is reached."""

    OPENAI = "openai"
    """By OpenAI's chat completions at an address."""
    LITELLM = "litellm"
    """By LiteLLM, which knows the provider's address and language."""


class Guard(StrEnum):
    """Whether the guards of a gateway see the probes."""

    THROUGH = "through"
    AROUND = "around"


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint and the model to ask for.

    ``base_url`` ends where ``/chat/completions`` follows (for most services in ``/v1``); of a
    LiteLLM target it may be empty: then LiteLLM knows it. ``deployment`` pins the route when the
    endpoint is a Candor gateway, ``guard`` says whether its guards are asked to let the probes by,
    and ``revision`` what the deployment runs, as far as the user says. The key shows in no
    representation and in no run file, nor do ``extra_headers``, which are sent as they are.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    deployment: str | None = None
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    kind: TargetKind = TargetKind.OPENAI
    guard: Guard | None = None
    revision: str = ""

    @property
    def name(self) -> str:
        """What reports call it: the deployment's name, or ``model@base_url``."""
        place = f"{self.model}@{self.base_url}" if self.base_url else self.model
        return self.deployment or place

    @property
    def url(self) -> str:
        """Where attempts are posted."""
        return f"{self.base_url}/chat/completions"

    def headers(self) -> dict[str, str]:
        """The headers of every attempt; a gateway strips its own before the upstream sees them."""
        headers = {
            **self.extra_headers,
            "x-candor-traffic": "probe",
            "content-type": "application/json",
        }
        if self.api_key:
            headers["authorization"] = f"Bearer {self.api_key}"
        if self.deployment:
            headers["x-candor-deployment"] = self.deployment
        if self.guard is Guard.AROUND:
            headers["x-candor-guard"] = "off"
        return headers

    def as_json(self) -> dict[str, Any]:
        """The target as a run file's header keeps it, without its key."""
        return {
            "name": self.name,
            "base_url": self.base_url,
            "model": self.model,
            "deployment": self.deployment,
            "kind": self.kind.value,
            "guard": None if self.guard is None else self.guard.value,
            "revision": self.revision,
        }


def idempotency_key(run_id: str, key: TrialKey) -> str:
    """The same for each try of an attempt, so that a server that keeps it answers once."""
    text = quote("/".join((run_id, *map(str, key))), safe="/")
    return text if len(text) <= _LONGEST_KEY else hashlib.sha256(text.encode()).hexdigest()


def at_base_url(base_url: str, model: str, *, api_key: str | None = None) -> Target:
    """The target at an address as a user writes it; raises TargetProblem."""
    if not model:
        raise TargetProblem(f"no model is named for {base_url}; add --model NAME")
    return Target(server_at(base_url), model, _usable(api_key))


def at_gateway(
    gateway: str,
    deployment: str,
    *,
    model: str | None = None,
    api_key: str | None = None,
    guard: Guard | None = None,
    revision: str = "",
) -> Target:
    """A deployment of a running gateway; without a model, the deployment's name is asked for.

    Raises TargetProblem.
    """
    if not deployment.isascii() or not deployment.isprintable() or deployment != deployment.strip():
        raise TargetProblem(f"{deployment!r} cannot be the name of a deployment")
    base_url = server_at(gateway)
    base_url = base_url if base_url.endswith("/v1") else f"{base_url}/v1"
    return Target(
        base_url,
        model or deployment,
        _usable(api_key),
        deployment,
        guard=guard,
        revision=revision,
    )


def by_litellm(model: str, *, base_url: str | None = None, api_key: str | None = None) -> Target:
    """The target of a LiteLLM model string such as ``anthropic/claude-sonnet-4-5``.

    Without an address LiteLLM knows where the provider is, and without a key it looks for the
    provider's own environment variable. Raises TargetProblem.
    """
    if not model.strip() or not model.isprintable():
        raise TargetProblem(f"{model!r} is not a LiteLLM model; write PROVIDER/MODEL")
    place = "" if base_url is None else server_at(base_url)
    return Target(place, model.strip(), _usable(api_key), kind=TargetKind.LITELLM)


def parse_target(text: str) -> tuple[str, str] | None:
    """(model, base URL) of ``model@base_url``; None where the text is not of that form."""
    for marker in ("@http://", "@https://"):
        model, found, rest = text.partition(marker)
        if found and model and rest:
            return model, marker[1:] + rest
    return None


def server_at(base_url: str) -> str:
    """The address without a trailing slash; raises TargetProblem on what is not one."""
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError as problem:
        raise TargetProblem(f"{base_url} is not a URL: {problem}") from problem
    if parts.username or parts.password:
        raise TargetProblem(
            f"the address of {parts.hostname} carries a user or password; name the variable that "
            "holds the key with --api-key-env instead"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetProblem(
            f"{base_url} is not the address of a server; it must read like http://127.0.0.1:8080/v1"
        )
    if parts.query or parts.fragment:
        raise TargetProblem(f"{base_url} must end in its path, without ? or #")
    return base_url.rstrip("/")


def _usable(api_key: str | None) -> str | None:
    """The key, if it can stand in a header; raises TargetProblem without showing it."""
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        raise TargetProblem("the API key holds characters that cannot stand in a header")
    return api_key

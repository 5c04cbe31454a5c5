"""An upstream for each deployment of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.config import DeploymentSettings, Settings
from gateway.upstreams.base import Upstream
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.http1.connecting import system_trust
from gateway.upstreams.passthrough import PassthroughUpstream

if TYPE_CHECKING:
    from gateway.upstreams.litellm_engine import LiteLLMEngine


def open_upstreams(
    settings: Settings, deadlines: Deadlines | None = None, engine: LiteLLMEngine | None = None
) -> dict[str, Upstream]:
    """By deployment name; no connection is made before the first call.

    ``deadlines`` watches the waits of all of them, and of whoever else shares it. ``engine`` runs
    LiteLLM for the deployments that have a provider; without it each has one of its own.
    """
    deadlines = deadlines or Deadlines()
    tls = system_trust() if any(map(_secure, settings.deployments)) else None

    def passing(base_url: str) -> PassthroughUpstream:
        return PassthroughUpstream(base_url, settings.server.limits, deadlines, tls=tls)

    found: dict[str, Upstream] = {}
    for entry in settings.deployments:
        if entry.upstream.provider is not None:
            from gateway.upstreams.litellm import messages_base, open_litellm

            own = messages_base(entry.upstream)
            messages = None if own is None else passing(own)
            found[entry.name] = open_litellm(entry, engine, messages=messages)
        elif entry.upstream.base_url is not None:
            found[entry.name] = passing(entry.upstream.base_url)
    return found


def _secure(deployment: DeploymentSettings) -> bool:
    """Whether a deployment is, or may be, reached by TLS."""
    base_url = deployment.upstream.base_url
    return base_url is None or base_url.startswith("https:")


async def close_upstreams(upstreams: Mapping[str, Upstream]) -> None:
    """Closes every idle connection; calls in flight keep theirs to the end."""
    for upstream in upstreams.values():
        await upstream.aclose()

"""An upstream for each deployment of a configuration."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config import Settings
from gateway.upstreams.base import Upstream
from gateway.upstreams.passthrough import PassthroughUpstream


def open_upstreams(settings: Settings) -> dict[str, Upstream]:
    """By deployment name; no connection is made before the first call.

    Deployments that need a provider's own protocol are left out: ``config.hindrances`` names them,
    and a gateway that has one does not start.
    """
    return {
        entry.name: PassthroughUpstream(entry.upstream.base_url, settings.server.limits)
        for entry in settings.deployments
        if entry.upstream.base_url is not None and entry.upstream.provider is None
    }


async def close_upstreams(upstreams: Mapping[str, Upstream]) -> None:
    """Closes every idle connection."""
    for upstream in upstreams.values():
        await upstream.aclose()

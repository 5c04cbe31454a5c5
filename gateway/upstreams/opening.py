"""An upstream for each deployment of a configuration."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config import Settings
from gateway.upstreams.base import Upstream
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.http1.connecting import system_trust
from gateway.upstreams.passthrough import PassthroughUpstream


def open_upstreams(settings: Settings, deadlines: Deadlines | None = None) -> dict[str, Upstream]:
    """By deployment name; no connection is made before the first call.

    ``deadlines`` watches the waits of all of them, and of whoever else shares it. Deployments that
    need a provider's own protocol are left out: ``config.hindrances`` names them, and a gateway
    that has one does not start.
    """
    deadlines = deadlines or Deadlines()
    limits = settings.server.limits
    addresses = {
        entry.name: entry.upstream.base_url
        for entry in settings.deployments
        if entry.upstream.base_url is not None and entry.upstream.provider is None
    }
    secure = any(address.startswith("https:") for address in addresses.values())
    tls = system_trust() if secure else None
    return {
        name: PassthroughUpstream(address, limits, deadlines, tls=tls)
        for name, address in addresses.items()
    }


async def close_upstreams(upstreams: Mapping[str, Upstream]) -> None:
    """Closes every idle connection; calls in flight keep theirs to the end."""
    for upstream in upstreams.values():
        await upstream.aclose()

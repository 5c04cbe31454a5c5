"""What a configuration comes to: everything that decides on a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.config import LimitSettings, MirrorSettings
from gateway.limits import Limiter
from gateway.proxy.breaker import Health
from gateway.proxy.observer import GuardedObserver
from gateway.proxy.planning import Planner
from gateway.proxy.settling import Settling
from gateway.upstreams.base import Upstream


@dataclass(frozen=True, slots=True)
class Plane:
    """A reload makes another, and calls that run keep theirs.

    ``upstreams`` holds one upstream per deployment name.
    """

    planner: Planner
    upstreams: Mapping[str, Upstream]
    health: Health
    limiter: Limiter
    settling: Settling
    observer: GuardedObserver
    limits: LimitSettings
    mirror: MirrorSettings

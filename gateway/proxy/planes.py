"""The plane of a configuration: everything that decides on a call, made anew at each reload."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from gateway.config import Settings
from gateway.limits import Limiter, Prices, TokenCounter
from gateway.proxy.admission import Admission
from gateway.proxy.breaker import Health
from gateway.proxy.observer import GuardedObserver, Observer
from gateway.proxy.plane import Plane
from gateway.proxy.planning import Planner
from gateway.proxy.routing import Router
from gateway.proxy.settling import Settling
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.opening import open_upstreams

if TYPE_CHECKING:
    from gateway.upstreams.litellm_engine import LiteLLMEngine


class Planes:
    """Makes planes that share what outlives a configuration: the timers, the limiter, the counts.

    What one plane has learnt of its deployments' health the next one goes on with.
    """

    def __init__(self, deadlines: Deadlines, limiter: Limiter, probe_key: str = "") -> None:
        self._probe_key = probe_key
        self._deadlines = deadlines
        self._limiter = limiter
        self._counter = TokenCounter()
        self._engine: LiteLLMEngine | None = None
        self._providers: list[str] = []
        self._health: Health | None = None

    def plane(self, settings: Settings, observer: Observer) -> Plane:
        """The plane of a configuration; no connection is made before the first call."""
        limits = settings.server.limits
        admission = Admission(settings.keys, self._probe_key)
        self._health = Health(settings, self._health)
        return Plane(
            planner=Planner(Router(settings), admission, limits, since=int(time.time())),
            upstreams=open_upstreams(settings, self._deadlines, self._engine_for(settings)),
            health=self._health,
            limiter=self._limiter,
            settling=Settling(Prices(settings), self._counter),
            observer=GuardedObserver(observer),
            limits=limits,
            mirror=settings.mirror,
        )

    async def warm(self) -> None:
        """Gets ready what would hold up the first calls: LiteLLM takes seconds to import."""
        if self._engine is not None:
            for line in await self._engine.warm(self._providers):
                structlog.get_logger().warning("provider_unknown", problem=line)

    async def aclose(self) -> None:
        """Settles what is still to be settled."""
        await self._counter.aclose()
        await self._limiter.aclose()
        if self._engine is not None:
            await self._engine.aclose()

    def _engine_for(self, settings: Settings) -> LiteLLMEngine | None:
        """One for all deployments that need it, made when the first of them comes."""
        named = {entry.upstream.provider for entry in settings.deployments} - {None}
        self._providers = sorted(name for name in named if name is not None)
        if named and self._engine is None:
            from gateway.upstreams.litellm_engine import LiteLLMEngine

            self._engine = LiteLLMEngine()
        return self._engine

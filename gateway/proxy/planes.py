"""The plane of a configuration: everything that decides on a call, made anew at each reload."""

from __future__ import annotations

import time

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


class Planes:
    """Makes planes that share what outlives a configuration: the timers, the limiter, the counts.

    What one plane has learnt of its deployments' health the next one goes on with.
    """

    def __init__(self, deadlines: Deadlines, limiter: Limiter) -> None:
        self._deadlines = deadlines
        self._limiter = limiter
        self._counter = TokenCounter()
        self._health: Health | None = None

    def plane(self, settings: Settings, observer: Observer) -> Plane:
        """The plane of a configuration; no connection is made before the first call."""
        limits = settings.server.limits
        admission = Admission(settings.keys)
        self._health = Health(settings, self._health)
        return Plane(
            planner=Planner(Router(settings), admission, limits, since=int(time.time())),
            upstreams=open_upstreams(settings, self._deadlines),
            health=self._health,
            limiter=self._limiter,
            settling=Settling(Prices(settings), self._counter),
            observer=GuardedObserver(observer),
            limits=limits,
            mirror=settings.mirror,
        )

    async def aclose(self) -> None:
        """Settles what is still to be settled."""
        await self._counter.aclose()
        await self._limiter.aclose()

"""The composition root: settings in, the assembled gateway out. Nothing is made elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from prometheus_client.registry import CollectorRegistry

from gateway.app import framework, watching_router
from gateway.assembly import Assembly
from gateway.config import Settings
from gateway.control import admin_guard, control_router
from gateway.counting import Metrics
from gateway.http_protocol import protocol_for
from gateway.limits import open_limiter
from gateway.mirror.collector import MirrorCollector
from gateway.mirror.observer import MirrorObserver
from gateway.mirror.queue import LocalQueue
from gateway.mirror.scorer import scorer_command
from gateway.mirror.supervisor import ScorerSupervisor
from gateway.place import Place
from gateway.proxy.plane import Plane
from gateway.proxy.planes import Planes
from gateway.proxy.relay import Relay
from gateway.readiness import Readiness
from gateway.store import Store
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.opening import close_upstreams

_ALONE = Place()


def assemble(settings: Settings, home: Path, place: Place = _ALONE) -> Assembly:
    """The gateway, ready to be served: its lifespan starts and stops everything it needs.

    ``home`` is where a relative store and the spool lie, ``place`` which worker this is. Raises
    StoreProblem when the store cannot be opened, OSError where the cells cannot be had.
    """
    names = [deployment.name for deployment in settings.deployments]
    cells = place.cells()
    store = Store(settings.store.url.get_secret_value(), home)
    queue = LocalQueue(spool_path(store), max_waiting=settings.queue.max_waiting, cells=cells)
    registry = CollectorRegistry()
    metrics = Metrics(registry, names, cells)
    collector = MirrorCollector(store, queue, names)
    registry.register(collector)
    deadlines = Deadlines()
    planes = Planes(deadlines, open_limiter(settings, home, place.slot))

    def replan(chosen: Settings) -> Plane:
        configured = [deployment.name for deployment in chosen.deployments]
        metrics.configure(configured)
        collector.configure(configured)
        observer = MirrorObserver(metrics, queue, sample=chosen.mirror.sample)
        return planes.plane(chosen, observer)

    relay = Relay(replan(settings))
    supervisor = ScorerSupervisor(scoring(settings, queue, store)) if place.first else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Taken down in reverse: no more calls, then the queue's last captures, then the scorer.
        async with AsyncExitStack() as stack:
            stack.callback(store.close)
            if supervisor is not None:
                await stack.enter_async_context(supervisor.running())
            queue.start()
            stack.callback(queue.close)
            stack.push_async_callback(planes.aclose)
            await planes.warm()
            yield
            await close_upstreams(relay.plane.upstreams)

    readiness = Readiness(relay)
    token = settings.server.admin_token
    secret = None if token is None else token.get_secret_value()
    assembly = Assembly(
        framework(
            watching=watching_router(registry, readiness),
            api=control_router(
                store,
                deployments=lambda: _models(assembly.settings),
                requests=metrics.requests,
                admin_token=secret,
            ),
            guard=admin_guard(secret),
            console=console_folder(),
            lifespan=lifespan,
        ),
        protocol_for(relay, deadlines),
        relay,
        settings,
        replan,
        readiness,
    )
    return assembly


def _models(settings: Settings) -> dict[str, str]:
    return {deployment.name: deployment.model for deployment in settings.deployments}


def spool_path(store: Store) -> Path:
    """Where captures wait: beside the store that their verdicts go to.

    Two gateways with stores of their own must not score each other's captures.
    """
    return store.path.with_suffix(".spool.db")


def scoring(settings: Settings, queue: LocalQueue, store: Store) -> list[str]:
    """The command line of this gateway's scorer."""
    return scorer_command(
        queue.path,
        store.url,
        stages=settings.classifier.cascade,
        redact=settings.mirror.redact,
        retention_days=settings.mirror.retention_days,
    )


def console_folder() -> Path | None:
    """The console's files, where the dashboards package is installed.

    Found by name and never imported: the gateway serves them as files and knows none of its code.
    """
    found = find_spec("dashboards")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "console"

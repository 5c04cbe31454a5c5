"""The composition root: settings in, the assembled application out. Nothing is made elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from prometheus_client.registry import CollectorRegistry

from gateway.app import CandorApp, framework
from gateway.config import Settings
from gateway.control import admin_guard, control_router
from gateway.metrics import Metrics
from gateway.mirror.collector import MirrorCollector
from gateway.mirror.observer import MirrorObserver
from gateway.mirror.queue import LocalQueue
from gateway.mirror.scorer import scorer_command
from gateway.mirror.supervisor import ScorerSupervisor
from gateway.proxy.admission import Admission
from gateway.proxy.relay import Relay
from gateway.proxy.routing import Router
from gateway.store import Store
from gateway.upstreams.opening import close_upstreams, open_upstreams


def assemble(settings: Settings, home: Path) -> CandorApp:
    """The application, ready to be served: its lifespan starts and stops everything it needs.

    ``home`` is where a relative store and the spool lie. Raises StoreProblem when the store cannot
    be opened.
    """
    names = [deployment.name for deployment in settings.deployments]
    store = Store(settings.store.url.get_secret_value(), home)
    queue = LocalQueue(spool_path(store), max_waiting=settings.queue.max_waiting)
    registry = CollectorRegistry()
    metrics = Metrics(registry, names)
    registry.register(MirrorCollector(store, queue, names))
    upstreams = open_upstreams(settings)
    relay = Relay(
        Router(settings),
        Admission(settings.keys),
        upstreams,
        observer=MirrorObserver(metrics, queue, sample=settings.mirror.sample),
        settings=settings,
    )
    supervisor = ScorerSupervisor(scoring(settings, queue, store))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Taken down in reverse: no more calls, then the queue's last captures, then the scorer.
        async with AsyncExitStack() as stack:
            stack.callback(store.close)
            await stack.enter_async_context(supervisor.running())
            queue.start()
            stack.callback(queue.close)
            stack.push_async_callback(close_upstreams, upstreams)
            yield

    token = settings.server.admin_token
    secret = None if token is None else token.get_secret_value()
    api = control_router(
        store,
        deployments={deployment.name: deployment.model for deployment in settings.deployments},
        requests=metrics.requests,
        admin_token=secret,
    )
    guard, console = admin_guard(secret), console_folder()
    return CandorApp(
        relay, framework(registry, api, guard=guard, console=console, lifespan=lifespan)
    )


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

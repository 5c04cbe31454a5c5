"""The composition root: settings in, the assembled gateway out. Nothing is made elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from prometheus_client.registry import CollectorRegistry

from gateway.app import framework, watching_router
from gateway.assembly import Assembly
from gateway.config import Settings, Stage
from gateway.control.access import admin_guard
from gateway.control.router import control_router
from gateway.counting import Metrics
from gateway.http_protocol import protocol_for
from gateway.limits import open_limiter
from gateway.mirror.collector import MirrorCollector
from gateway.mirror.judging import judge_order
from gateway.mirror.observer import MirrorObserver
from gateway.mirror.queue import LocalQueue
from gateway.mirror.scorer import scorer_command
from gateway.mirror.supervisor import ScorerSupervisor
from gateway.place import Place
from gateway.probing.api import add_probes
from gateway.probing.jobs import jobs_of
from gateway.probing.keeper import ProbeKeeper
from gateway.probing.order import Way
from gateway.proxy.plane import Plane
from gateway.proxy.planes import Planes
from gateway.proxy.relay import Relay
from gateway.proxy.routing import detours
from gateway.readiness import Readiness
from gateway.store import Store
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.opening import close_upstreams

_ALONE = Place()


class _Lasting:
    """What outlives a configuration: counts, the store, the queue, timers, the scorer."""

    def __init__(self, settings: Settings, home: Path, place: Place) -> None:
        names = [deployment.name for deployment in settings.deployments]
        cells = place.cells()
        self.store = Store(settings.store.url.get_secret_value(), home)
        self.queue = LocalQueue(
            spool_path(self.store), max_waiting=settings.queue.max_waiting, cells=cells
        )
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, names, cells)
        self.collector = MirrorCollector(self.store, self.queue, names)
        self.registry.register(self.collector)
        self.deadlines = Deadlines()
        self.planes = Planes(
            self.deadlines, open_limiter(settings, home, place.slot), place.probe_key
        )
        self.supervisor: ScorerSupervisor | None = None
        if place.first:
            order = judge_order(settings)
            self.supervisor = ScorerSupervisor(
                scoring(settings, self.queue, self.store),
                order=order.line() if order else b"",
            )
        self.probes: ProbeKeeper | None = None
        if place.first and place.url:
            self.probes = ProbeKeeper(self.store, probe_way(settings, self.store, home, place))

    def replan(self, settings: Settings) -> Plane:
        """The plane of a configuration, watched by the mirror."""
        names = [deployment.name for deployment in settings.deployments]
        self.metrics.configure(names, detours(settings))
        self.collector.configure(names)
        if self.probes is not None:
            self.probes.configure(jobs_of(settings), prices_of(settings))
        observer = MirrorObserver(self.metrics, self.queue, sample=settings.mirror.sample)
        return self.planes.plane(settings, observer)

    async def quieten(self) -> None:
        """No probe run asks anything any more."""
        if self.probes is not None:
            await self.probes.wind_down()

    @asynccontextmanager
    async def running(self, relay: Relay) -> AsyncIterator[None]:
        """Everything is up as long as the block runs."""
        # Taken down in reverse: no more calls, then the queue's last captures, then the scorer.
        async with AsyncExitStack() as stack:
            stack.callback(self.store.close)
            if self.supervisor is not None:
                await stack.enter_async_context(self.supervisor.running())
            self.queue.start()
            stack.callback(self.queue.close)
            stack.push_async_callback(self.planes.aclose)
            await self.planes.warm()
            if self.probes is not None:
                await stack.enter_async_context(self.probes.running())
            yield
            await close_upstreams(relay.plane.upstreams)


def assemble(settings: Settings, home: Path, place: Place = _ALONE) -> Assembly:
    """The gateway, ready to be served: its lifespan starts and stops everything it needs.

    ``home`` is where a relative store and the spool lie, ``place`` which worker this is. Raises
    StoreProblem when the store cannot be opened, OSError where the cells cannot be had.
    """
    lasting = _Lasting(settings, home, place)
    relay = Relay(lasting.replan(settings))
    readiness = Readiness(relay)
    token = settings.server.admin_token
    secret = None if token is None else token.get_secret_value()
    api = control_router(
        lasting.store,
        deployments=lambda: _models(assembly.settings),
        requests=lasting.metrics.requests,
        admin_token=secret,
    )
    add_probes(api, lasting.store, lambda: jobs_of(assembly.settings))
    app = framework(
        watching=watching_router(lasting.registry, readiness),
        api=api,
        guard=admin_guard(secret),
        console=console_folder(),
        lifespan=lambda _: lasting.running(relay),
    )
    protocol = protocol_for(relay, lasting.deadlines)
    assembly = Assembly(app, protocol, relay, settings, lasting.replan, readiness, lasting.quieten)
    return assembly


def _models(settings: Settings) -> dict[str, str]:
    return {deployment.name: deployment.model for deployment in settings.deployments}


def spool_path(store: Store) -> Path:
    """Where captures wait: beside the store that their verdicts go to.

    Two gateways with stores of their own must not score each other's captures.
    """
    return store.path.with_suffix(".spool.db")


def probe_way(settings: Settings, store: Store, home: Path, place: Place) -> Way:
    """How the gateway's probe runs reach what they need: the models through its own address, so
    that they are measured the way clients are."""
    order = judge_order(settings)
    return Way(
        store_url=store.url,
        home=str(home),
        base_url=f"{place.url}/v1",
        stages=tuple(stage.value for stage in settings.classifier.cascade),
        probe_key=place.probe_key,
        judge=order.line().decode() if order else "",
    )


def prices_of(settings: Settings) -> dict[str, tuple[float, float]]:
    """The configured prices by deployment, in USD per million tokens, in and out."""
    return {
        entry.name: (price.input_usd_per_million, price.output_usd_per_million)
        for entry in settings.deployments
        if (price := entry.upstream.price) is not None
    }


def scoring(settings: Settings, queue: LocalQueue, store: Store) -> list[str]:
    """The command line of this gateway's scorer."""
    return scorer_command(
        queue.path,
        store.url,
        stages=settings.classifier.cascade,
        redact=settings.mirror.redact,
        retention_days=settings.mirror.retention_days,
        judged=Stage.JUDGE in settings.classifier.cascade,
    )


def console_folder() -> Path | None:
    """The console's files, where the dashboards package is installed.

    Found by name and never imported: the gateway serves them as files and knows none of its code.
    """
    found = find_spec("dashboards")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "console"

"""Serves the assembled gateway on a socket until it is told to end; one worker, or the only one.

What it can be told: to drain (no new connection, /readyz says 503, idle connections are closed,
calls in flight may end within the configured time), to end at once, to reload. The only worker is
told by signals. One of several is told by the gateway that started it, through a socket, because
whoever signals a group of processes would reach it twice: once directly and once through the
gateway. That socket's end is the gateway's end: the worker drains then too.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import structlog
import uvicorn

from gateway.assembly import Assembly
from gateway.config import ConfigProblem, Settings
from gateway.orders import READY, Order
from gateway.place import Place
from gateway.wiring import assemble
from probes.home import candor_home

_CUT_SECONDS = 1.0
"""What calls that are cut get to tell their clients."""
_LOOK_SECONDS = 0.02
"""How often a drain looks whether anything is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a worker serves and where. ``load`` reads the configuration again.

    ``settings`` are those the gateway started with, ``now`` those of its last reload. ``orders``
    is the worker's end of the socket to its gateway, None where there is no gateway but itself.
    """

    settings: Settings
    now: Settings
    load: Callable[[], Settings]
    listener: socket.socket
    place: Place
    orders: socket.socket | None


def run(service: Service) -> None:
    """Serve until told to end; raises KeyboardInterrupt where SIGINT was what told it so.

    Raises StoreProblem and OSError where what it needs cannot be had.
    """
    assembly = assemble(service.settings, candor_home(), service.place)
    config = uvicorn.Config(
        assembly.app,
        http=assembly.protocol,
        loop="auto",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
    server = GatewayServer(config, assembly, service)
    if service.place.first:
        _announce(service)
    server.run(sockets=[service.listener])
    if server.interrupted:
        raise KeyboardInterrupt


class GatewayServer(uvicorn.Server):
    """uvicorn's server with a drain of our own, and a configuration that can change under it."""

    def __init__(self, config: uvicorn.Config, assembly: Assembly, service: Service) -> None:
        super().__init__(config)
        self._assembly = assembly
        self._service = service
        self._ending = asyncio.Event()
        self._forced = asyncio.Event()
        self._reload_asked = asyncio.Event()
        self._log = structlog.get_logger()
        self.interrupted = False
        """Whether SIGINT ended it."""

    def drain(self) -> None:
        """End, once the calls in flight have."""
        self.should_exit = True
        self._ending.set()

    def end(self) -> None:
        """End now: what is in flight is cut."""
        self.force_exit = True
        self._forced.set()
        self.drain()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take up the work, and say so."""
        service = self._service
        if service.now is not service.settings:
            self._assembly.reload(service.now)
        await super().startup(sockets)
        # What lives now lives on: that the collector need not look at it again and again is a
        # tenth of a small call. To look at it once, first, costs 60 ms and frees next to nothing.
        gc.freeze()
        gc.enable()
        if service.orders is not None:
            with contextlib.suppress(OSError):  # nobody there: the next thing it reads is the end
                service.orders.send(READY)

    async def main_loop(self) -> None:
        """Wait for the end, reloading whenever asked to."""
        self.server_state.default_headers = self.config.encoded_headers
        reloading = asyncio.create_task(self._reload_when_asked())
        try:
            await self._ending.wait()
        finally:
            reloading.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, let the calls in flight end, cut the rest, take everything down."""
        self._assembly.drain()
        await self._unless_forced(self._assembly.quieten())
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        if not await self._quiet(self._assembly.settings.server.limits.drain_seconds):
            self._cut()
            await self._quiet(_CUT_SECONDS, unless_forced=False)
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        await self._unless_forced(self.lifespan.shutdown())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Obey signals, or the gateway that this is a worker of, while the block runs."""
        loop = asyncio.get_running_loop()
        orders = self._service.orders
        if orders is None:
            loop.add_signal_handler(signal.SIGTERM, self._signalled, signal.SIGTERM)
            loop.add_signal_handler(signal.SIGINT, self._signalled, signal.SIGINT)
            loop.add_signal_handler(signal.SIGHUP, self._reload_asked.set)
        else:
            orders.setblocking(False)
            loop.add_reader(orders, self._ordered, orders)
            loop.add_signal_handler(signal.SIGTERM, self.drain)
        yield

    def _signalled(self, number: signal.Signals) -> None:
        self.interrupted |= number is signal.SIGINT
        if self.should_exit:
            self.end()
        else:
            self.drain()

    def _ordered(self, orders: socket.socket) -> None:
        try:
            said = orders.recv(64)
        except OSError:  # a reset: the gateway ended with something of ours unread
            said = b""
        if not said:
            asyncio.get_running_loop().remove_reader(orders)
        if Order.RELOAD.value in said:
            self._reload_asked.set()
        if Order.END.value in said:
            self.end()
        elif not said or Order.DRAIN.value in said:
            self.drain()

    async def _quiet(self, seconds: float, *, unless_forced: bool = True) -> bool:
        """Whether nothing is in flight any more, at the latest after so many seconds."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self.server_state.connections or self.server_state.tasks:
            late = asyncio.get_running_loop().time() > deadline
            if late or (unless_forced and self.force_exit):
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    async def _unless_forced(self, last: Coroutine[Any, Any, None]) -> None:
        """The queue and the scorer end what they are at, unless there is no time for that."""
        ending = asyncio.ensure_future(last)
        forced = asyncio.create_task(self._forced.wait())
        await asyncio.wait((ending, forced), return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()

    def _cut(self) -> None:
        tasks = tuple(self.server_state.tasks)
        self._log.warning("calls_cut", count=len(tasks), reason="the drain's time is over")
        for task in tasks:
            task.cancel("the drain's time is over")

    async def _reload_when_asked(self) -> None:
        while await self._reload_asked.wait():
            self._reload_asked.clear()
            try:
                settings = await asyncio.to_thread(self._service.load)
                lines = self._assembly.reload(settings)
            except ConfigProblem as problem:
                self._log.error("not_reloaded", problems=list(problem.lines))
            except Exception as problem:  # the edge of a reload: what runs goes on as it is
                self._log.error("not_reloaded", problems=[f"{type(problem).__name__}: {problem}"])
            else:
                if self._service.place.first:
                    self._log.info("reloaded", not_applied=lines)


def _announce(service: Service) -> None:
    host, port = service.listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    structlog.get_logger().info(
        "serving",
        url=f"http://{shown}:{port}",
        workers=service.settings.server.workers,
        deployments=[deployment.name for deployment in service.settings.deployments],
    )

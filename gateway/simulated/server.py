"""The simulated model, listening: in a thread for tests and the demo, or for ever."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.simulated.app import FakeApp, Received
from gateway.simulated.delivery import TRANSPORT
from gateway.simulated.model import FakeModel
from gateway.simulated.truth import TruthRecord

START_SECONDS = 30
"""How long a server may take to start, or to stop, on a busy machine."""


class _Protocol(HttpToolsProtocol):
    """uvicorn's HTTP with the transport in the scope, so that a reply can break its connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope[TRANSPORT] = self.transport


class _Server(uvicorn.Server):
    """Says when it listens, and stops at once: a stalled reply would hold it up for its delay."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in tuple(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(
            0
        )  # one turn of the loop, in which the connections learn that they ended
        await super().shutdown(sockets)


def _config(app: FakeApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )


class FakeServer:
    """Serves a FakeModel on a thread of its own while the ``with`` block runs.

    ``root_url`` is where /truth is; ``base_url``, with /v1 behind it, is what a client is pointed
    at. Port 0 takes a free port. Raises OSError when the port is taken.
    """

    def __init__(self, model: FakeModel, host: str = "127.0.0.1", port: int = 0) -> None:
        self.model = model
        self._app = FakeApp(model)
        self._socket = _listen(host, port)
        self.root_url = _url(host, self._socket)
        self.base_url = f"{self.root_url}/v1"
        self._listening = threading.Event()
        self._server = _Server(_config(self._app), self._listening.set)
        self._thread = threading.Thread(target=self._run, name="fake-server", daemon=True)

    @property
    def received(self) -> deque[Received]:
        """The newest requests under /v1, byte for byte."""
        return self._app.received

    @property
    def hangups(self) -> int:
        """Clients that left before their reply was complete."""
        return self._app.hangups

    @property
    def truth(self) -> list[TruthRecord]:
        """The model's truth: one record per call answered."""
        return self.model.truth

    def __enter__(self) -> Self:
        """Start; returns once connections are accepted."""
        self._thread.start()
        if not self._listening.wait(START_SECONDS):
            raise TimeoutError(f"the simulated model did not start on {self.root_url}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; connections that are still open are closed at once."""
        self._server.should_exit = True
        self._thread.join(START_SECONDS)

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def serve_forever(
    model: FakeModel,
    host: str = "127.0.0.1",
    port: int = 9000,
    *,
    announce: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until interrupted, on this thread; ``announce`` gets the root URL once it listens.

    Raises OSError when the address cannot be had.
    """
    listening = _listen(host, port)
    url = _url(host, listening)
    _Server(_config(FakeApp(model)), lambda: announce(url)).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def _url(host: str, listening: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"

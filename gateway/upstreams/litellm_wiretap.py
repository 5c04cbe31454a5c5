"""LiteLLM's connections, listened to: an aiohttp session that tells each call what it received.

Which call a connection works for is known from the context in which it is used; LiteLLM hands
nothing else through.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any

from gateway.upstreams.litellm_tap import Tap

CURRENT: ContextVar[Tap | None] = ContextVar("litellm_tap", default=None)
"""The tap of the call in whose context this runs."""

_CONNECTIONS = 1024
"""Connections at once, as many as a worker's calls: server.limits.max_concurrency's default."""

_KEEP_IDLE_SECONDS = 4.0
"""Less than the 5 s after which uvicorn and Node close an idle connection, so that no request is
sent into one that is just being closed."""


def tapped_session() -> Any:
    """An aiohttp session whose every reply is told to CURRENT. Within a running loop."""
    aiohttp = importlib.import_module("aiohttp")
    return aiohttp.ClientSession(
        connector=_connector(aiohttp)(limit=_CONNECTIONS, keepalive_timeout=_KEEP_IDLE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(_listen,),
        trust_env=False,
    )


def listen_to(library: Any, session: Any) -> Callable[[], None]:
    """Has LiteLLM use ``session`` for every client it makes; the result undoes that.

    LiteLLM takes a session with each call, and only some providers' code passes it on. All of their
    clients come from this one function, which is why it is replaced.
    """
    clients = importlib.import_module("litellm.llms.custom_httpx.http_handler").AsyncHTTPHandler
    theirs = clients.create_aiohttp_transport

    def ours(ssl_verify: Any = None, ssl_context: Any = None, shared_session: Any = None) -> Any:
        return theirs(ssl_verify, ssl_context, shared_session or session)

    def undo() -> None:
        clients.create_aiohttp_transport = staticmethod(theirs)
        library.in_memory_llm_clients_cache.flush_cache()

    clients.create_aiohttp_transport = staticmethod(ours)
    library.in_memory_llm_clients_cache.flush_cache()
    return undo


def _connector(aiohttp: Any) -> Any:
    """aiohttp's connector with our own limit for connecting: LiteLLM has one for everything."""

    class Connector(aiohttp.TCPConnector):  # type: ignore[misc]
        async def connect(self, *arguments: Any, **named: Any) -> Any:
            tap = CURRENT.get()
            if tap is None:
                return await super().connect(*arguments, **named)
            async with asyncio.timeout(tap.connect):
                connection = await super().connect(*arguments, **named)
            tap.connected = True
            return connection

    return Connector


async def _listen(request: Any, send: Any) -> Any:
    tap = CURRENT.get()
    if tap is None or request.method != "POST":  # An image that is fetched is no provider's answer.
        return await send(request)
    # Uncompressed, so that what is listened to can be read; model replies are small.
    request.headers["Accept-Encoding"] = "identity"
    response = await send(request)
    tap.begin(response.status, response.raw_headers)
    response.content = _Tapped(response.content, tap)
    return response


class _Tapped:
    """A reply's body, each part shown to the tap on its way; everything else is the body's own."""

    def __init__(self, content: Any, tap: Tap) -> None:
        self._content = content
        self._tap = tap

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """The parts as they come, at most ``size`` bytes each."""
        async for part in self._content.iter_chunked(size):
            self._tap.part(part)
            yield part

"""A scripted upstream: real HTTP on a real port, answers decided by the request alone.

The same question gets the same bytes, however often and by whichever way it comes, ids and times
included. So what a client makes of two answers can be compared without leaving anything out.
"""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.clients import anthropic_replies, chat_replies, file_replies, media_replies

START_SECONDS = 30
HEADERS = {
    "x-request-id": "req_scripted",
    "openai-organization": "org-scripted",
    "openai-processing-ms": "7",
    "openai-version": "2020-10-01",
    "x-ratelimit-remaining-requests": "41",
    "set-cookie": "session=abc; Path=/; HttpOnly",
}
"""What OpenAI sends beside its replies."""


@dataclass(frozen=True)
class Received:
    """A request as the upstream got it, boundaries of multipart bodies made alike."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


class Remembering:
    """Keeps every request; ``received`` grows by one before its reply begins."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self.received: list[Received] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        self.received.append(_received(request, body))
        await self._inner(scope, _replayed(body, receive), send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body again, then whatever comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message


def _received(request: Request, body: bytes) -> Received:
    """The request; what a client draws at random for each call is replaced by a fixed word."""
    headers = [(key.lower(), value) for key, value in request.headers.items()]
    found = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    if found:
        mark = found.group(1)
        headers = [(key, value.replace(mark, "BOUNDARY")) for key, value in headers]
        body = body.replace(mark.encode(), b"BOUNDARY")
    return Received(request.method, request.url.path, request.url.query, tuple(headers), body)


async def nowhere(request: Request, problem: Exception) -> Response:
    message = f"Invalid URL ({request.method} {request.url.path})"
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, 404)


def _routes() -> list[Route]:
    """OpenAI's API below its root, and what Anthropic serves under the same one."""
    return [
        *chat_replies.ROUTES,
        *media_replies.ROUTES,
        *file_replies.ROUTES,
        *anthropic_replies.ROUTES,
    ]


class FakeProvider:
    """OpenAI, Azure OpenAI and Anthropic on one port, on a thread of their own.

    OpenAI and Anthropic answer under /v1, Azure under /openai, /openai/deployments/NAME and
    /openai/v1.
    """

    def __init__(self) -> None:
        self._app = Starlette(exception_handlers={404: nowhere, 405: nowhere})
        api = _routes()
        self._app.mount("/v1", Router(api))
        self._app.mount("/openai/deployments/{deployment}", Router(api))
        self._app.mount("/openai/v1", Router(api))
        self._app.mount("/openai", Router(api))
        self._app.state.hangups = 0
        self._app.state.seen = set()
        self._remembering = Remembering(self._app)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.root = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            self._remembering,
            headers=list(HEADERS.items()),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        run = self._server.run
        self._thread = threading.Thread(target=run, args=([self._socket],), daemon=True)

    @property
    def received(self) -> list[Received]:
        """Every request so far."""
        return self._remembering.received

    @property
    def hangups(self) -> int:
        """Clients that left in the middle of a reply."""
        count: int = self._app.state.hangups
        return count

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(START_SECONDS)

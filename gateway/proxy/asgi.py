"""The client's side of a call: its body as it arrives, its leaving, and answers of our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

from gateway.proxy.errors import websocket

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ClientGone(Exception):
    """The client closed its connection before its request was complete."""


class ClientSilent(Exception):
    """The client stopped sending in the middle of its request."""


class ReplyUnsendable(Exception):
    """The server would not take a message of the reply."""


class BodyTooLarge(Exception):
    """The body is longer than may be held in memory."""


class ClientBody:
    """The request's body, read once: whole, or chunk by chunk as it arrives."""

    def __init__(self, receive: Receive, *, timeout_seconds: float) -> None:
        self._receive = receive
        self._timeout_seconds = timeout_seconds
        self._ended = asyncio.Event()

    async def whole(self, limit: int) -> bytes:
        """All of it; raises BodyTooLarge as soon as it passes ``limit`` bytes."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge
            parts.append(chunk)
        return b"".join(parts)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Each part as it arrives; raises ClientGone or ClientSilent."""
        while not self._ended.is_set():
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    message = await self._receive()
            except TimeoutError:
                raise ClientSilent from None
            if message["type"] == "http.disconnect":
                raise ClientGone
            if not message.get("more_body", False):
                self._ended.set()
            if message.get("body"):
                yield message["body"]

    def skip(self) -> None:
        """There is no body to wait for."""
        self._ended.set()

    async def gone(self) -> None:
        """Returns when the client closes its connection after sending its whole body."""
        await self._ended.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


def guarded(send: Send) -> Send:
    """The same ``send``, whose every failure is a ReplyUnsendable."""

    async def sending(message: Message) -> None:
        try:
            await send(message)
        except (RuntimeError, ValueError, OSError) as problem:
            raise ReplyUnsendable(str(problem) or type(problem).__name__) from problem

    return sending


async def unless(gone: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None]) -> None:
    """Does ``work``, which is cancelled as soon as ``gone`` returns. ``work`` must not raise."""
    async with asyncio.TaskGroup() as group:
        working = group.create_task(work)
        watching = group.create_task(gone)
        working.add_done_callback(lambda _: watching.cancel())
        watching.add_done_callback(lambda _: working.cancel())


async def refuse_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Turns a WebSocket away before it opens: 501 with a reason where the server can say so."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    answer = websocket().answer
    start = {"status": answer.status, "headers": answer.headers}
    await send({"type": "websocket.http.response.start", **start})
    await send({"type": "websocket.http.response.body", "body": answer.body})

"""A planned reply, put on the connection: the one place that sends, waits and breaks off."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.simulated.reply import End, Reply

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Gone = asyncio.Future[None]
"""Done once the client has left."""

TRANSPORT = "candor.transport"
"""Where the server puts the connection's transport in the scope, for replies that break it."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends RST instead of FIN."""


async def read_body(receive: Receive) -> bytes | None:
    """The whole request body; None when the client left before its end."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


async def until_gone(receive: Receive) -> None:
    """Return when the client leaves, or when its reply is complete."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def deliver(reply: Reply, scope: Scope, send: Send, *, gone: Gone) -> bool:
    """Send the reply piece by piece; False when the client left before the last one."""
    if gone.done():
        return False
    if reply.end in (End.ABORT, End.RESET):
        await _break(scope, reply.end, gone)
        return True
    await send(
        {"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)}
    )
    for place, piece in enumerate(reply.pieces):
        if place and reply.pause:
            await asyncio.wait([gone], timeout=reply.pause)
        if gone.done():
            return False
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    if reply.end is End.CLOSE:
        await _break(scope, reply.end, gone)
    else:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    return True


async def _break(scope: Scope, end: End, gone: Gone) -> None:
    """Close the socket under the response, and wait until the server has noticed."""
    transport: asyncio.Transport = scope[TRANSPORT]
    if end is End.RESET:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    if end is End.CLOSE:
        transport.close()
    else:
        transport.abort()
    await gone

"""A WebSocket server that does as it is told, made of the `websockets` package."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

SHOWN = ("authorization", "openai-beta", "user-agent", "origin", "x-twice")
"""Request headers that the greeting tells."""


class Orders:
    """One connection's conversation: a greeting, then an answer to each message.

    Text is an order where it begins with a word known here, else it comes back; bytes come back
    reversed.
    """

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    def follow(self) -> None:
        """Until the connection ends; how it ended is told to nobody."""
        self._connection.send(greeting(self._connection))
        try:
            for message in self._connection:
                self._answer(message)
        except ConnectionClosed:
            return

    def _answer(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._connection.send(message[::-1])
            return
        order, _, rest = message.partition(" ")
        match order:
            case "close":
                code, _, reason = rest.partition(" ")
                self._connection.close(int(code), reason)
            case "ping":
                arrived = self._connection.ping(rest).wait(20)
                self._connection.send(f"pong {arrived}")
            case "big":
                self._connection.send(b"\x00\xff" * int(rest))
            case "fragments":
                self._connection.send(iter(rest.split(" ")))
            case "drop":
                self._connection.socket.shutdown(socket.SHUT_RDWR)
            case _:
                self._connection.send(json.dumps({"type": "echo", "text": message}))


def greeting(connection: ServerConnection) -> str:
    """What the server saw of the handshake, as an event of the Realtime API."""
    request = connection.request
    assert request is not None
    headers = [[name, request.headers.get_all(name)] for name in SHOWN]
    seen = {"path": request.path, "protocol": connection.subprotocol, "headers": headers}
    return json.dumps({"type": "session.created", "event_id": "event_1", "session": seen})


def refused(connection: ServerConnection, request: Request) -> Response | None:
    """A handshake that is not welcome, when its query says so."""
    if "refuse=" not in request.path:
        return None
    body = b'{"error": {"message": "No such model.", "code": "model_not_found"}}'
    told = [("content-type", "application/json"), ("x-request-id", "req_ws")]
    headers = Headers([*told, ("content-length", str(len(body)))])
    return Response(404, "Not Found", headers, body)


def dressed(connection: ServerConnection, request: Request, response: Response) -> None:
    """Headers of its own beside the handshake's."""
    if response.status_code == 101:
        response.headers["x-request-id"] = "req_ws"
        response.headers["openai-processing-ms"] = "7"


def chosen(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """OpenAI's subprotocol where the client offers it, none otherwise."""
    return next((name for name in offered if name == "realtime"), None)


@contextmanager
def realtime_server() -> Iterator[str]:
    """The server on a thread; its root as an http URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = serve(
        lambda connection: Orders(connection).follow(),
        sock=listener,
        select_subprotocol=chosen,
        process_request=refused,
        process_response=dressed,
        ping_interval=None,
        max_size=None,
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.shutdown()
        thread.join(20)

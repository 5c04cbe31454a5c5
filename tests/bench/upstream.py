"""The scripted upstream: an HTTP server that says what a request's model name asks for.

    python -m tests.bench.upstream --port 9000

It knows just enough HTTP to be fast: requests with a Content-Length or without a body, kept-alive
connections, chunked replies with one write for each part. It answers pipelined requests in order
only as far as one reply is over before the next request comes, which is what clients here do.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import re
from typing import cast

import uvloop

from tests.bench.script import DONE, Script, event, script_in, whole

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CALL_ID = re.compile(rb"\r\nx-request-id:[ \t]*([^\r]*)", re.IGNORECASE)
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_MODELS = b'{"object":"list","data":[{"id":"small","object":"model","created":0,"owned_by":"x"}]}'
_UNKNOWN = b'{"error":{"message":"no such script","type":"invalid_request_error"}}'


class Conversation(asyncio.Protocol):
    """One connection to the scripted upstream."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone: what was still to be said is not said."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answers every request that is complete."""
        self._received += data
        while (head_end := self._received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._received[: head_end + 2])
            length = _LENGTH.search(head)
            end = head_end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < end:
                return
            body = bytes(self._received[head_end + 4 : end])
            del self._received[:end]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET "):
            self._say(200, _MODELS)
            return
        script = script_in(body)
        named = _CALL_ID.search(head)
        call_id = named[1].decode("latin-1") if named else "chatcmpl-1"
        if script is None:
            self._say(404, _UNKNOWN)
        elif script.parts:
            self._begin(script, call_id)
        else:
            self._say(200, whole(script, call_id))

    def _say(self, status: int, body: bytes) -> None:
        assert self._transport is not None
        reason = "OK" if status == 200 else "Not Found"
        head = (
            f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)

    def _begin(self, script: Script, call_id: str) -> None:
        assert self._transport is not None
        self._transport.write(_STREAM_HEAD)
        self._go_on(script, call_id, 0)

    def _go_on(self, script: Script, call_id: str, number: int) -> None:
        """Says part ``number`` and sets the time of the next."""
        if self._transport is None:
            return
        if number == script.parts:
            self._transport.write(_framed(DONE) + b"0\r\n\r\n")
            return
        self._transport.write(_framed(event(script, call_id, number)))
        self._timer = self._loop.call_later(
            script.gap_seconds, self._go_on, script, call_id, number + 1
        )


def _framed(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


async def listening(port: int) -> asyncio.Server:
    """The scripted upstream on a port of loopback, 0 for any; close it when it is over."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(Conversation, "127.0.0.1", port, backlog=2048)


async def _serve(port: int) -> None:
    server = await listening(port)
    gc.freeze()
    await server.serve_forever()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()

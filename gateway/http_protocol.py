"""One port, two depths: relayed calls leave at the parser, everything else goes on to ASGI.

A head whose path the relay knows becomes a Call and never an ASGI scope. Any other falls through
to uvicorn's protocol, of which this is a subclass, as if nobody had looked. On both roads the
limits of http_bounds.py hold.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import httptools

from gateway.config import LimitSettings
from gateway.http_bounds import PIECE, BoundedProtocol
from gateway.proxy.addressing import Target
from gateway.proxy.call import (
    Call,
    ClientBody,
    ClientGone,
    ClientSilent,
    RequestFields,
    RequestHead,
)
from gateway.proxy.client import ReplyWriter, reset
from gateway.proxy.errors import bad_request, head_late, head_too_large, overcrowded
from gateway.proxy.headers import number
from gateway.proxy.relay import Relay
from gateway.proxy.tunnel import OfferDeclined, Tunnel
from gateway.upstreams.base import Headers, Reply
from gateway.upstreams.deadlines import Deadlines

_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


class FrontProtocol(BoundedProtocol):
    """One connection of a client. The class attributes belong to what protocol_for makes.

    ``due`` and ``overdue`` are for Deadlines: a head that does not come, a body that stops, a
    connection that idles.
    """

    relay: Relay
    deadlines: Deadlines

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._calls: deque[Call] = deque()
        self._reading: Call | None = None
        """The call whose body is being parsed."""
        self._target = self._length = b""
        self._fields: Headers = []
        self._known: RequestFields | None = None
        """The headers of the last request."""
        self._asked: Target | None = None
        """The target of the last request."""
        self._moved = False
        """Whether what was read last came in time, and more of it is to come."""
        self._in_body = self._in_head = False
        self._framing: bytes | None = None
        """What frames the body of a request that the parser has ended at its head."""
        self._expects = False
        self._served = False
        self._tunnel: Tunnel | None = None
        self._serving: asyncio.Task[None] | None = None
        self._next: asyncio.Future[None] | None = None
        """Waits for the next call, while there is none."""

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is here; its first head is waited for."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            self._refuse(overcrowded(self.limits.max_connections))
            return
        self._wait(self.limits.client_timeout_seconds)
        self.deadlines.watch(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, and whatever it asked for is asked no longer."""
        self.deadlines.forget(self)
        super().connection_lost(exc)
        self._drop_calls()
        self._tunnel = None

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more. Outside of a tunnel it has left, as nginx too takes it."""
        if self._tunnel is None or not self._tunnel.opened:
            return False
        self._tunnel.end()
        return True

    def data_received(self, data: bytes) -> None:
        """Parses what came, piece by piece, until something is too much."""
        if self._tunnel is not None:
            self._tunnel.part(data)
            return
        for start in range(0, len(data), PIECE):
            if self._deaf or self.transport.is_closing():
                return
            self._take(data[start : start + PIECE] if len(data) > PIECE else data)
        if self._moved:
            self._moved = False
            if not self._deaf:
                self._wait(self.limits.client_timeout_seconds)
        self._begin_next()

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        self._wait(self.limits.client_timeout_seconds)
        if self._calls:
            self._calls[0].client.pause()

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self._unread = 0
        if self._reading is not None:
            self._wait(self.limits.client_timeout_seconds)
        elif self._answering:
            self._rest()
        else:
            self._wait(self.limits.keep_alive_seconds)
        if self._calls:
            self._calls[0].client.resume()

    def shutdown(self) -> None:
        """The server ends: the connection does too, as soon as its current call is answered."""
        if not self._calls:
            super().shutdown()
            return
        self._calls[0].client.keep_alive = False

    def overdue(self, now: float) -> None:
        """Looks whether the client has left, or has taken too long with what was waited for."""
        if self.flow.read_paused and self._left():
            reset(self.transport)
        elif now < self._until:
            self._look_again()
        elif self._unread:
            self._behind()
        elif self._in_body and self.flow.read_paused:
            self._wait(self.limits.client_timeout_seconds)
        else:
            self._rest()
            self._silent()

    def _silent(self) -> None:
        """The client did not send what was waited for."""
        if self._reading is not None:
            self._deaf = True
            self._reading.body.fail(ClientSilent())
        elif self._in_head or not self._served:
            self._refuse(head_late(self.limits.client_timeout_seconds))
        elif not self._calls:
            self._close()

    # What the parser says

    def on_message_begin(self) -> None:
        """A head begins."""
        self._target = self._length = b""
        self._fields = []
        self._in_body, self._in_head = False, True
        if not self._calls and not self._framework_answers:
            self._moved = True

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the body a trailer, which goes no further."""
        if self._in_body:
            return
        if len(name) == 14 and name.lower() == b"content-length":
            self._length = value
            value = b""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """A head is complete: a call, or something for the framework."""
        self._in_body, self._in_head = True, False
        self._idle_bytes = 0
        if self._deaf:
            return
        known = self._known
        if known is None or known.headers != self._fields:
            known = self._known = RequestFields(self._fields)
        version = self.parser.get_http_version()
        if not known.addressed(version):
            self._refusal = bad_request("it names no host, or two, or another version of HTTP")
            raise ValueError("the head is not valid")
        size = len(self._target) + known.size
        if size > self.limits.max_head_bytes:
            self._refusal = head_too_large(self.limits.max_head_bytes)
            raise ValueError("the head is too large")
        method, target = self.parser.get_method(), self._asked
        if target is None or target.sent != self._target or target.method != method:
            target = self._asked = Target(method, self._target)
        tunnels = known.websocket and method == b"GET" and target.address is not None
        if self.parser.should_upgrade() and not tunnels:
            self._framing = known.framing(self._length)
        if target.address is None:
            self._fall_through()
        elif self._framework_answers:
            self.cycle.keep_alive = False
            self._deaf = True
        else:
            length = None if b"transfer-encoding" in known.first else number(self._length)
            self._call(RequestHead(target, target.address, known, length=length), version)

    def on_body(self, body: bytes) -> None:
        """A part of the body; whatever framed it has been of use."""
        self._idle_bytes = 0
        if self._deaf:
            return
        self._moved = True
        if self._reading is not None:
            self._reading.body.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete; the next one may begin."""
        if self._framing is not None:
            return
        self._idle_bytes = 0
        self._in_body = False
        if self._deaf:
            return
        self._moved = False
        self._rest()
        if self._reading is not None:
            reading, self._reading = self._reading, None
            reading.body.finish()
        else:
            super().on_message_complete()

    # For the call that is being answered

    def go_on(self) -> None:
        """Tells a client that waits to be told so to send its body."""
        if self._expects:
            self._expects = False
            self.transport.write(_GO_ON)

    def close(self) -> None:
        """Ends the connection in the middle of a reply."""
        self._close()

    def replied(self) -> None:
        """The current call is answered: on to the next, or to an end."""
        call = self._calls.popleft()
        self.server_state.total_requests += 1
        self._served = True
        if self.transport.is_closing():
            return
        if not call.body.complete:
            self._reading = None
            self._linger()
        elif not call.client.keep_alive or call.tunnel is not None:
            self._close()
        elif self._calls:
            self._begin_next()
        else:
            self._wait(self.limits.keep_alive_seconds)
            self.flow.resume_reading()

    def tunnelled(self, reply: Reply) -> None:
        """From now on the client's bytes go to ``reply`` unread."""
        self._rest()
        if self._tunnel is not None:
            self._tunnel.open(reply)
            self.flow.resume_reading()

    # Inside

    @property
    def limits(self) -> LimitSettings:
        """As they are configured now."""
        return self.relay.plane.limits

    @property
    def _framework_answers(self) -> bool:
        """Whether uvicorn has a request of this connection that is not answered to the end."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _answering(self) -> bool:
        return bool(self._calls) or self._framework_answers

    def on_response_complete(self) -> None:
        """uvicorn answered; how long the connection may idle is decided here alone."""
        super().on_response_complete()
        self._unset_keepalive_if_required()
        self._served = True
        self._wait(self.limits.keep_alive_seconds)

    def _upgrade(self, rest: bytes) -> None:
        """The client asks for another protocol, as only a WebSocket of the relay's may."""
        call = self._calls[-1] if self._calls else None
        if call is not None and call.head.websocket:
            self._tunnel = call.tunnel = Tunnel(self)
            if rest:
                self._tunnel.part(rest)
            return
        if self._framing is not None:
            framing, self._framing = self._framing, None
            self.parser = httptools.HttpRequestParser(OfferDeclined(self))
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % framing)
        if rest:
            self._take(rest)

    def _call(self, head: RequestHead, version: str) -> None:
        keep_alive = version == "1.1" and self.parser.should_keep_alive() and not head.websocket
        head_only = head.target.method == b"HEAD"
        client = ReplyWriter(
            self, keep_alive=keep_alive, http_1_0=version == "1.0", head_only=head_only
        )
        self._reading = Call(head, ClientBody(self), client)
        self._expects = head.fields.expects
        self._calls.append(self._reading)
        self._moved = True
        if len(self._calls) > 1:
            self.pause_reading()

    def _begin_next(self) -> None:
        """Has the first call served, unless it is."""
        if not self._calls or self._calls[0].task is not None:
            return
        if self._serving is None:
            # One for the connection, because a task for each call is a tenth of what it costs.
            self._serving = self.loop.create_task(self._serve())
            self.tasks.add(self._serving)
            self._serving.add_done_callback(self.tasks.discard)
        elif self._next is not None:
            self._next.set_result(None)
            self._next = None
        self._calls[0].task = self._serving

    async def _serve(self) -> None:
        """Serves the calls of this connection, one after another."""
        while not self.transport.is_closing():
            if self._calls:
                await self.relay.serve(self._calls[0])
            else:
                self._next = self.loop.create_future()
                await self._next

    def _fall_through(self) -> None:
        """uvicorn goes on as if it had parsed the head itself."""
        if self._calls:
            self._calls[-1].client.keep_alive = False
            self._deaf = True
            return
        super().on_message_begin()
        self.url = self._target
        for name, value in self._fields:
            length = len(name) == 14 and name.lower() == b"content-length"
            super().on_header(name, self._length if length else value)
        super().on_headers_complete()

    def _clear_the_way(self) -> bool:
        """Whether a refusal may be sent: not where it would be taken for an answer under way."""
        if self._calls and self._reading is None:
            # What follows a request that stands: that one is answered, and nothing after it.
            self._calls[-1].client.keep_alive = False
            return False
        if (self._calls and (len(self._calls) > 1 or self._calls[0].client.begun)) or (
            self._framework_answers and (self.pipeline or self.cycle.response_started)
        ):
            self._close()
            return False
        self._drop_calls()
        if self._framework_answers:
            # Its call is told that the client left, and whatever it still sends is dropped.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        return True

    def _drop_calls(self) -> None:
        for call in self._calls:
            call.gone = call.client.ended = True
            call.body.fail(ClientGone())
        self._calls.clear()
        self._reading = None
        if self._serving is not None:
            self._serving.cancel()


def protocol_for(relay: Relay, deadlines: Deadlines) -> type[FrontProtocol]:
    """The protocol for uvicorn's ``http`` option, bound to this relay."""
    return type("FrontProtocol", (FrontProtocol,), {"relay": relay, "deadlines": deadlines})

"""One connection to an upstream: bytes in and out, how long it may be silent, how it ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, Protocol, cast

from gateway.upstreams.base import (
    UpstreamBroken,
    UpstreamCall,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.upstreams.deadlines import NEVER, Deadlines
from gateway.upstreams.http1.exchange import Exchange, Unheard
from gateway.upstreams.http1.failures import words_for
from gateway.upstreams.http1.reading import ReplyGarbled, ReplyReader
from gateway.upstreams.http1.unheard import may_ask_again

_KEEP_SECONDS = 4.0
"""How long an idle connection is kept where the upstream does not say: less than the 5 s after
which uvicorn and Node close theirs, so that no request runs into a close."""

_KEEP_AT_MOST_SECONDS = 60.0
"""The longest, whatever the upstream says: nginx's keepalive_timeout towards upstreams. Balancers
between forget connections without a word."""

_KEEP_ALIVE = re.compile(rb"(?:^|[\s,;])timeout=(\d{1,9})", re.IGNORECASE)

_GLANCES = 8
"""How often within its limit a connection is looked at for silence: a chunk only leaves a mark, and
no clock is read for it, so a silence is noticed up to an eighth of its limit late, never early."""

_LINGER_SECONDS = 5.0
"""How long a closed tunnel may take to get its last bytes out."""


class Home(Protocol):
    """Where connections rest between two exchanges."""

    def idle(self, connection: Connection) -> None:
        """It is fit for another exchange."""
        ...

    def gone(self, connection: Connection) -> None:
        """It has ended or is about to; told once."""
        ...


class Connection(asyncio.Protocol):
    """Serves one exchange after another. Between two it is watched for bytes and for its end.

    ``due`` is when it is looked at next: for silence, or, when idle, to be closed.
    """

    __slots__ = (
        "_active",
        "_deadlines",
        "_exchange",
        "_gone",
        "_gorged",
        "_held",
        "_home",
        "_host",
        "_keep_alive",
        "_keep_seconds",
        "_served",
        "_since",
        "_transport",
        "_unsent",
        "due",
        "loop",
        "reader",
    )

    def __init__(self, home: Home, deadlines: Deadlines, host: str) -> None:
        self.reader = ReplyReader()
        self.due = NEVER
        self._home = home
        self._deadlines = deadlines
        self._host = host
        self.loop = asyncio.get_running_loop()
        self._exchange: Exchange | None = None
        self._active = self._gone = self._gorged = self._held = self._served = False
        self._keep_alive = b""
        self._keep_seconds = _KEEP_SECONDS
        self._since = 0.0
        self._unsent = 0

    def ask(self, call: UpstreamCall, request: bytes) -> Coroutine[Any, Any, Exchange]:
        """Sends a request, ``request`` being all of it but a streamed body; the head is awaited.

        Raises, when awaited, what UpstreamCall's open raises, and Unheard where another connection
        should be tried. Only for a connection that is idle.
        """
        exchange = self._exchange = Exchange(self, call)
        self.reader.expect(exchange.keep, headless=call.method == b"HEAD")
        self.reader.hints = call.hints
        self._active = False
        self._transport.write(request)
        now = self._since = self.loop.time()
        body = call.body
        if isinstance(body, bytes) and not self._gorged:
            self._next_look(now + call.timeouts.first_byte, call.deadline)
        else:
            self._unsent = self._transport.get_write_buffer_size()
            glance = min(call.timeouts.first_byte, call.timeouts.idle) / _GLANCES
            self._next_look(now + glance, call.deadline)
            if not isinstance(body, bytes):
                exchange.stream(body)
        return exchange.head()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is connected, TLS included."""
        self._transport = cast(asyncio.Transport, transport)
        if self._gone:
            self._transport.abort()
        else:
            self._deadlines.watch(self)

    def data_received(self, data: bytes) -> None:
        """Hands on what came before this returns."""
        exchange = self._exchange
        if exchange is None:
            self.abort()
            return
        reader = self.reader
        try:
            reader.feed(data)
        except ReplyGarbled as fault:
            if reader.begun and exchange.status == 0:
                self._begin(exchange)
            self._give_up(self._garbled(fault))
            return
        if reader.begun:
            self._active = True
            if exchange.status == 0:
                self._begin(exchange)
            if reader.complete:
                self._complete(exchange)

    def eof_received(self) -> bool:
        """The upstream ended its side. Of a tunnel our side stays open, where TLS allows that."""
        exchange = self._exchange
        if exchange is None:
            self.abort()
        elif self.reader.end():
            if self.reader.tunnel and self._transport.can_write_eof():
                exchange.ended()
                return True
            self._complete(exchange)
        else:
            self._give_up(self._ended(exchange, None))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """It is no more."""
        self.leave()
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.line is not None:
            exchange.broken(self._ended(exchange, exc))

    def pause_writing(self) -> None:
        """The upstream is behind with reading the request."""
        self._gorged = True
        if self._exchange is not None:
            self._exchange.gorged()

    def resume_writing(self) -> None:
        """The upstream has caught up."""
        self._gorged = False
        self._active = True
        if self._exchange is not None:
            self._exchange.hungry()

    def overdue(self, now: float) -> None:
        """Looks whether anything has moved since the last look, and gives up where it is too long.

        While the client is behind, or the request still moves, the upstream is not silent.
        """
        exchange = self._exchange
        if exchange is None:
            self.abort()
            return
        call = exchange.call
        if call.deadline is not None and call.deadline <= now:
            # The client's slowness, in sending or in taking, is none of the upstream's.
            slow = self._held or exchange.sending
            self._time_out("timed out: the time for the whole call is over", blameless=slow)
            return
        limit, alive, said = self._glance(exchange)
        if alive:
            self._since = now
        elif self._since + limit <= now:
            self._time_out(f"timed out after {limit:g} s {said}")
            return
        glance = min(limit, call.timeouts.idle) / _GLANCES
        self._next_look(min(self._since + limit, now + glance), call.deadline)

    def write(self, piece: bytes) -> None:
        """Sends bytes to the upstream."""
        self._active = True
        self._transport.write(piece)

    def write_eof(self) -> None:
        """Ends our side of a tunnel; all of it where TLS knows no half."""
        exchange = self._exchange
        if self._transport.can_write_eof():
            self._transport.write_eof()
        elif exchange is not None:
            self.let_go()
            exchange.over()

    def hold(self) -> None:
        """Reads no further for now. Idempotent."""
        if not self._held:
            self._held = True
            self._transport.pause_reading()

    def flow(self) -> None:
        """Reads on. Idempotent."""
        if self._held:
            self._held = False
            self._active = True
            self._transport.resume_reading()

    def let_go(self) -> None:
        """Ends the connection; a tunnel gets its last bytes out first."""
        self._exchange = None
        self.reader.drop()
        if self.reader.tunnel and self._transport.get_write_buffer_size():
            self.due = self.loop.time() + _LINGER_SECONDS
            self._transport.close()
        else:
            self.abort()

    def close(self) -> None:
        """Ends it politely. Only for one that is idle."""
        self.leave()
        self._transport.close()

    def abort(self) -> None:
        """Ends it at once."""
        self.leave()
        self._transport.abort()

    def leave(self) -> None:
        """Tells its home, once, that it is gone; alone it is for one that never connected."""
        if not self._gone:
            self._gone = True
            # The parser and its callbacks hold each other, and should hold nobody else's bytes.
            self.reader.drop()
            self._deadlines.forget(self)
            self._home.gone(self)

    def _begin(self, exchange: Exchange) -> None:
        """The reply's head is here; from now on its silences count."""
        call = exchange.call
        if self.reader.tunnel and not any(name.lower() == b"upgrade" for name, _ in call.headers):
            self._give_up(UpstreamUnreachable("it switched protocols without being asked to"))
            return
        exchange.begun(self.reader)
        if call.landing is not None:
            call.landing.landed(exchange)
        if not self.reader.complete:
            now = self._since = self.loop.time()
            self._next_look(now + call.timeouts.idle / _GLANCES, call.deadline)

    def _complete(self, exchange: Exchange) -> None:
        """The reply is at its end: the connection rests, or ends where it cannot serve another."""
        reader = self.reader
        reader.drop()
        self._exchange = None
        unsent = exchange.unfinished or self._gorged
        exchange.over()
        if unsent:
            self.abort()
        elif not reader.reusable or self._rest_seconds() <= 0:
            self.close()
        else:
            self._served = True
            self.flow()
            self.due = self.loop.time() + self._keep_seconds
            self._home.idle(self)

    def _rest_seconds(self) -> float:
        """How long the upstream keeps an idle connection, less a second."""
        told = self.reader.keep_alive
        if told != self._keep_alive:
            self._keep_alive = told
            found = _KEEP_ALIVE.search(told)
            seconds = int(found[1]) - 1.0 if found else _KEEP_SECONDS
            self._keep_seconds = min(seconds, _KEEP_AT_MOST_SECONDS)
        return self._keep_seconds

    def _glance(self, exchange: Exchange) -> tuple[float, bool, str]:
        """The limit that holds now, whether anything has moved, and what to say if it is past."""
        timeouts = exchange.call.timeouts
        moved, self._active = self._active, False
        if self.reader.begun:
            return timeouts.idle, moved or self._held, "of silence within its reply"
        if self._gorged:
            unsent = self._transport.get_write_buffer_size()
            moved, self._unsent = unsent != self._unsent, unsent
            return timeouts.idle, moved, "in which it took nothing of the request"
        # While the client's body still comes, it is not the upstream that is waited for; and the
        # wait begins with the look after its last part, so that nobody is given up too early.
        return timeouts.first_byte, moved or exchange.sending, "without a reply"

    def _next_look(self, due: float, deadline: float | None) -> None:
        self.due = due if deadline is None or due < deadline else deadline

    def _time_out(self, text: str, *, blameless: bool = False) -> None:
        kind = UpstreamBroken if self.reader.begun else UpstreamTimeout
        self._give_up(kind(text, blameless=blameless))

    def _give_up(self, problem: Exception) -> None:
        exchange, self._exchange = self._exchange, None
        self.abort()
        if exchange is not None:
            exchange.broken(problem)

    def _garbled(self, fault: ReplyGarbled) -> Exception:
        if self.reader.begun:
            return UpstreamBroken(f"its reply is not valid HTTP: {fault}")
        return UpstreamUnreachable(f"its reply is not valid HTTP: {fault}")

    def _ended(self, exchange: Exchange, exc: Exception | None) -> Exception:
        """What the end of the connection means for the exchange that it interrupts."""
        reset = isinstance(exc, ConnectionError)
        words = words_for(exc, self._host)
        reader = self.reader
        if reader.begun:
            return UpstreamBroken(f"{words} within its reply", reset=reset)
        if reader.touched:
            return UpstreamUnreachable(f"{words} within its reply's head")
        method = exchange.call.method
        if self._served and may_ask_again(method, self._transport, reset=exc is not None):
            return Unheard(words)
        return UpstreamUnreachable(f"{words} without a reply")

"""What a test needs to call an upstream: a call, something to take its reply, a body that streams.

Each test that is marked ``on_each_loop`` runs on asyncio's own loop and on uvloop, because the two
differ in when they tell a protocol what.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace

import pytest
import uvloop

from gateway.config import LimitSettings
from gateway.upstreams.base import Outlet, Reply, Timeouts, UpstreamCall
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.passthrough import PassthroughUpstream
from tests.gateway.stage import PATIENCE, FakeUpstream

LIMITS = Timeouts(connect=PATIENCE, first_byte=PATIENCE, idle=PATIENCE)
POST = UpstreamCall(
    b"POST", b"/x", b"a=1", [(b"Content-Length", b"2"), (b"X-A", b"1")], b"{}", LIMITS
)
GET = replace(POST, method=b"GET", headers=[], body=b"")
HEAD = replace(GET, method=b"HEAD")
UPGRADE = replace(GET, headers=[(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")])


def on_each_loop(test: Callable[..., Coroutine[object, object, None]]) -> Callable[..., None]:
    """Runs an async test twice."""

    @functools.wraps(test)
    def runs(**given):
        run = given.pop("run")
        run(asyncio.wait_for(test(**given), PATIENCE))

    del runs.__wrapped__
    run = inspect.Parameter("run", inspect.Parameter.KEYWORD_ONLY)
    runs.__signature__ = inspect.Signature([*inspect.signature(test).parameters.values(), run])
    runners = [pytest.param(asyncio.run, id="asyncio"), pytest.param(uvloop.run, id="uvloop")]
    return pytest.mark.parametrize("run", runners)(runs)


@dataclass
class FakeSink:
    """Remembers the parts it was given, and does something at each if told to."""

    parts: list[bytes] = field(default_factory=list)
    at_each: Callable[[], None] = lambda: None

    def part(self, piece: bytes) -> None:
        self.parts.append(piece)
        self.at_each()

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)


@dataclass
class FakeSource:
    """A body that streams: gives ``early`` when it is attached and the rest when a test says so."""

    early: list[bytes] = field(default_factory=list)
    ends: bool = False
    outlet: Outlet | None = None
    pauses: int = 0
    resumes: int = 0

    def attach(self, outlet: Outlet) -> None:
        self.outlet = outlet
        for piece in self.early:
            outlet.part(piece)
        if self.ends:
            outlet.end()

    def pause(self) -> None:
        self.pauses += 1

    def resume(self) -> None:
        self.resumes += 1


def streaming(source: FakeSource, *headers: tuple[bytes, bytes]) -> UpstreamCall:
    """A call whose body is still on its way; chunked unless the headers say otherwise."""
    framing = [(b"Transfer-Encoding", b"chunked")]
    return replace(POST, body=source, headers=list(headers) or framing)


@contextlib.asynccontextmanager
async def asking(fake: FakeUpstream, **limits: int) -> AsyncIterator[PassthroughUpstream]:
    """The upstream at a scripted address, with a quick clock."""
    deadlines = Deadlines(every_seconds=0.01)
    upstream = PassthroughUpstream(fake.base_url, LimitSettings(**limits), deadlines)
    try:
        yield upstream
    finally:
        await upstream.aclose()


async def taken(reply: Reply) -> bytes:
    """The whole body."""
    sink = FakeSink()
    await reply.pass_to(sink)
    return sink.body


@contextlib.contextmanager
def blackhole() -> Iterator[int]:
    """A port on which nobody answers: its queue is full."""
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux leaves a connection to a full queue waiting")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port

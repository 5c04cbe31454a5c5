"""A stage for the relay: the gateway on a real port between a raw client and a scripted upstream.

Everything speaks over loopback sockets, so that what is compared are the bytes of the wire.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from gateway.config import Settings, settings_from
from gateway.http_protocol import protocol_for
from gateway.limits import open_limiter
from gateway.proxy.observer import FinishedCall, NullObserver, Observer
from gateway.proxy.planes import Planes
from gateway.proxy.relay import Relay
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.opening import close_upstreams

PATIENCE = 20
"""Seconds after which a test gives up; never waited out when all is well."""


class Wire:
    """One end of a TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        self.socket = sock
        self.buffer = b""

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.socket.sendall(part)

    def until(self, mark: bytes) -> bytes:
        """The bytes up to and with a mark; raises EOFError at the end."""
        while mark not in self.buffer:
            self._more()
        end = self.buffer.index(mark) + len(mark)
        taken, self.buffer = self.buffer[:end], self.buffer[end:]
        return taken

    def exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        with contextlib.suppress(EOFError):
            while True:
                self._more()
        taken, self.buffer = self.buffer, b""
        return taken

    def _more(self) -> None:
        received = self.socket.recv(65_536)
        if not received:
            raise EOFError(self.buffer)
        self.buffer += received

    def head(self) -> Head:
        lines = self.until(b"\r\n\r\n")[:-4].split(b"\r\n")
        pairs = [tuple(line.split(b": ", 1)) for line in lines[1:]]
        return Head(lines[0], [(name, value) for name, value in pairs])

    def chunk(self) -> bytes:
        """One chunk of a chunked body."""
        size = int(self.until(b"\r\n"), 16)
        return self.exactly(size + 2)[:-2]

    def body(self, head: Head) -> bytes:
        if head.get(b"transfer-encoding") == b"chunked":
            return b"".join(iter(self.chunk, b""))
        return self.exactly(int(head.get(b"content-length") or 0))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def reset(self) -> None:
        """Ends the connection with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@dataclass(frozen=True)
class Head:
    """First line and headers, as they travelled."""

    line: bytes
    headers: list[tuple[bytes, bytes]]

    def get(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def names(self) -> list[bytes]:
        return [name.lower() for name, _ in self.headers]

    @property
    def status(self) -> int:
        return int(self.line.split(b" ")[1])


@dataclass(frozen=True)
class Message:
    """A request or a reply."""

    head: Head
    body: bytes


class FakeUpstream:
    """Accepts connections and lets a script answer each request; ``seen`` holds the requests.

    A script gets the wire after the whole request was read, or after its head alone where
    ``reads_body`` is false. What a script asserts in vain fails the test when the block ends.
    """

    def __init__(self, script: Callable[[Wire, Message], None], *, reads_body: bool = True) -> None:
        self._script = script
        self._reads_body = reads_body
        self.seen: list[Message] = []
        self._failed: list[AssertionError] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{port}"
        self.base_url = f"http://{self.host}/v1"
        self._wires: list[Wire] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return len(self._wires)

    def __enter__(self) -> FakeUpstream:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for wire in self._wires:
            wire.close()
        if self._failed:
            raise self._failed[0]

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            wire = Wire(accepted)
            self._wires.append(wire)
            threading.Thread(target=self._serve, args=(wire,), daemon=True).start()

    def _serve(self, wire: Wire) -> None:
        try:
            while True:
                head = wire.head()
                message = Message(head, wire.body(head) if self._reads_body else b"")
                self.seen.append(message)
                self._script(wire, message)
        except (EOFError, OSError):
            return
        except AssertionError as failed:
            self._failed.append(failed)


def replying(*parts: bytes) -> Callable[[Wire, Message], None]:
    """A script that sends the same bytes to every request."""
    return lambda wire, _: wire.send(*parts)


def json_reply(body: bytes = b"{}", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole reply with a length."""
    fields = [b"Content-Type: application/json", *headers, b"Content-Length: %d" % len(body)]
    return b"HTTP/1.1 %s\r\n%s\r\n\r\n%s" % (status, b"\r\n".join(fields), body)


def chunked(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


@dataclass
class FakeObserver(NullObserver):
    """Wants everything and remembers what it was told."""

    wanted: bool = True
    arrivals: list[tuple[str, str]] = field(default_factory=list)
    calls: list[FinishedCall] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    told: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def arrived(self, deployment, endpoint):
        self.arrivals.append((deployment, endpoint))

    def finished(self, call):
        self.calls.append(call)
        self.told.release()

    def wants(self, request_id, deployment, endpoint):
        self.asked.append(request_id)
        return self.wanted

    def next_call(self) -> FinishedCall:
        """The call that ended since the last time this was asked."""
        assert self.told.acquire(timeout=PATIENCE)
        return self.calls[-1]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.listening.set()


@dataclass
class Gateway:
    """The relay on a real port."""

    relay: Relay
    port: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def wire(self) -> Wire:
        return Wire(socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE))

    def call(
        self,
        line: bytes = b"POST /v1/chat/completions",
        body: bytes | None = b'{"model":"m"}',
        *headers: bytes,
    ) -> Message:
        """One request on a connection of its own."""
        length = [] if body is None else [b"Content-Length: %d" % len(body)]
        fields = b"".join(field + b"\r\n" for field in [b"Host: gateway", *headers, *length])
        wire = self.wire()
        try:
            wire.send(line + b" HTTP/1.1\r\n" + fields + b"\r\n" + (body or b""))
            head = wire.head()
            headless = line.startswith(b"HEAD ") or head.status in (204, 304)
            return Message(head, b"" if headless else wire.body(head))
        finally:
            wire.close()


@contextlib.contextmanager
def gateway(settings: Settings, observer: Observer | None = None) -> Iterator[Gateway]:
    """The relay, served by uvicorn on a thread of its own while the block runs."""
    deadlines = Deadlines()
    home = tempfile.TemporaryDirectory()
    planes = Planes(deadlines, open_limiter(settings, Path(home.name)))
    relay = Relay(planes.plane(settings, observer or NullObserver()))

    async def app(scope, receive, send):
        assert scope["type"] == "lifespan", "everything else is taken off before"
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await close_upstreams(relay.plane.upstreams)
        await send({"type": "lifespan.shutdown.complete"})

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=protocol_for(relay, deadlines),
        ws="none",
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    assert server.listening.wait(PATIENCE)
    try:
        yield Gateway(relay, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
        home.cleanup()


def settings_to(base_url: str, **branches) -> Settings:
    """One deployment for everything at ``base_url``, and whatever else a test asks for."""
    deployment = {"name": "default", "model": "*", "upstream": {"base_url": base_url}}
    return settings_from({"deployments": [deployment], **branches}, environ={})


@contextlib.contextmanager
def stage(
    script: Callable[[Wire, Message], None], observer: Observer | None = None, **branches
) -> Iterator[tuple[Gateway, FakeUpstream]]:
    """A gateway with one catch-all deployment, whose upstream follows a script."""
    with (
        FakeUpstream(script) as upstream,
        gateway(settings_to(upstream.base_url, **branches), observer) as running,
    ):
        yield running, upstream

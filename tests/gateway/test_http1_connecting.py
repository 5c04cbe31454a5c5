"""Ways to an origin: addresses race, certificates are checked, failures are in plain words."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.config import LimitSettings
from gateway.upstreams.base import Framing, UpstreamBroken, UpstreamUnreachable
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.http1.connecting import Origin, interleaved, race
from gateway.upstreams.http1.failures import words_for
from gateway.upstreams.passthrough import PassthroughUpstream
from tests.gateway.asking import POST, FakeSink, blackhole, on_each_loop, taken
from tests.gateway.stage import STREAM_HEAD, Wire, chunked, json_reply
from tests.services import binary
from tests.waiting import wait_until_async

STREAM = (socket.SOCK_STREAM, socket.IPPROTO_TCP)


def place(port: int):
    return (socket.AF_INET, *STREAM, ("127.0.0.1", port))


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@on_each_loop
async def test_an_address_that_refuses_or_keeps_silent_does_not_hold_up_the_next():
    with blackhole() as silent, socket.create_server(("127.0.0.1", 0)) as listener:
        port, closed = listener.getsockname()[1], closed_port()
        for before in ([], [closed], [silent], [silent, closed, closed]):
            with await race([place(at) for at in [*before, port]]) as sock:
                assert sock.getpeername() == ("127.0.0.1", port)


@on_each_loop
async def test_where_no_address_answers_the_first_failure_is_told():
    nowhere = (socket.AF_INET, *STREAM, ("255.255.255.255", 9))
    with pytest.raises(ConnectionRefusedError):
        await race([place(closed_port()), nowhere])


@on_each_loop
async def test_a_race_that_is_called_off_leaves_nothing_behind():
    before = asyncio.all_tasks()
    with blackhole() as silent:
        racing = asyncio.create_task(race([place(silent), place(silent)]))
        await wait_until_async(lambda: len(asyncio.all_tasks() - before) == 2)
        racing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await racing
        await wait_until_async(lambda: asyncio.all_tasks() == before)


def test_addresses_of_two_families_take_turns():
    six = [(socket.AF_INET6, *STREAM, (f"::{at}", 1, 0, 0)) for at in range(3)]
    four = [place(at) for at in range(2)]
    assert interleaved([*six, *four]) == [six[0], four[0], six[1], four[1], six[2]]
    assert interleaved([*four, *six]) == [four[0], six[0], four[1], six[1], six[2]]
    assert interleaved(four) == four


@pytest.mark.parametrize(
    ("url", "host", "port", "netloc", "secure"),
    [
        ("http://127.0.0.1:8000/v1", "127.0.0.1", 8000, b"127.0.0.1:8000", False),
        ("https://api.openai.com/v1", "api.openai.com", 443, b"api.openai.com", True),
        ("http://Gw.Example/v1", "gw.example", 80, b"Gw.Example", False),
        ("https://[::1]:8443/v1", "::1", 8443, b"[::1]:8443", True),
    ],
)
def test_an_origin_is_read_from_its_url(url, host, port, netloc, secure):
    origin = Origin.of(url)
    assert (origin.host, origin.port, origin.netloc) == (host, port, netloc)
    assert (origin.tls is not None) is secure
    if origin.tls:
        assert origin.tls.verify_mode is ssl.CERT_REQUIRED
        assert origin.tls.check_hostname


def os_error(number: int) -> OSError:
    return OSError(number, "as the system says it")


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (None, "the server closed the connection"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused"),
        (ConnectionResetError(), "connection reset"),
        (BrokenPipeError(errno.EPIPE, "x"), "connection reset"),
        (socket.gaierror(-2, "x"), "the name gw.example does not resolve"),
        (os_error(errno.EHOSTUNREACH), "host unreachable"),
        (os_error(errno.ENETUNREACH), "network unreachable"),
        (os_error(errno.EMFILE), "this gateway has no file descriptor left"),
        (os_error(errno.EIO), "OSError: [Errno 5] as the system says it"),
        (ValueError("one\ntwo"), "ValueError: one"),
    ],
)
def test_a_failure_is_one_plain_line(problem, words):
    assert words_for(problem, "gw.example") == words


@dataclass
class Authority:
    """A certificate authority of the test's own, and a certificate of its for localhost."""

    folder: Path

    def __post_init__(self) -> None:
        self._openssl = binary("openssl", "apt-get install openssl")
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out",
                 "ca.pem", "-subj", "/CN=Test CA", "-addext", "keyUsage=keyCertSign")  # fmt: skip
        self.run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "csr.pem",
                 "-subj", "/CN=localhost")  # fmt: skip
        names = self.folder / "names"
        names.write_text("subjectAltName=DNS:localhost\n")
        self.run("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
                 "-CAcreateserial", "-out", "cert.pem", "-extfile", str(names))  # fmt: skip

    def run(self, *arguments: str) -> None:
        command = [self._openssl, *arguments]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    @property
    def identity(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class SecureServer:
    """Answers each connection over TLS by a script, with the wire after the request's head."""

    def __init__(self, identity: ssl.SSLContext, script) -> None:
        self._script = script
        self._listener = identity.wrap_socket(
            socket.create_server(("127.0.0.1", 0)), server_side=True
        )
        self.port = self._listener.getsockname()[1]
        self.names: list[str | None] = []
        identity.sni_callback = lambda _, name, __: self.names.append(name)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except ssl.SSLError:
                continue
            except OSError:
                return
            threading.Thread(target=self._answer, args=(Wire(accepted),), daemon=True).start()

    def _answer(self, wire: Wire) -> None:
        try:
            while True:
                wire.body(wire.head())
                self._script(wire)
        except (EOFError, OSError):
            return

    def __enter__(self) -> SecureServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def upstream_at(port: int, tls: ssl.SSLContext | None, host: str = "localhost"):
    return PassthroughUpstream(f"https://{host}:{port}/v1", LimitSettings(), Deadlines(), tls=tls)


@on_each_loop
async def test_an_https_upstream_is_spoken_to_under_its_name_and_kept(authority):
    with SecureServer(authority.identity, lambda wire: wire.send(json_reply(b"{}"))) as server:
        upstream = upstream_at(server.port, authority.trust)
        for _ in range(3):
            assert await taken(await upstream.open(POST)) == b"{}"
        assert server.names == ["localhost"]
        await upstream.aclose()


@on_each_loop
async def test_a_large_reply_and_a_broken_one_come_through_tls_as_they_are(authority):
    large = b"x" * 3_000_000

    def script(wire):
        wire.send(STREAM_HEAD, chunked(large, end=b""))
        wire.socket.close()

    with SecureServer(authority.identity, script) as server:
        upstream = upstream_at(server.port, authority.trust)
        reply, sink = await upstream.open(POST), FakeSink()
        assert reply.framing is Framing.CHUNKED
        with pytest.raises(UpstreamBroken):
            await reply.pass_to(sink)
        assert sink.body == large
        await upstream.aclose()


@on_each_loop
async def test_over_tls_a_body_may_last_until_the_end_of_the_connection(authority):
    def script(wire):
        wire.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        with contextlib.suppress(OSError):
            wire.socket.unwrap()
        wire.close()

    with SecureServer(authority.identity, script) as server:
        reply = await upstream_at(server.port, authority.trust).open(POST)
        assert reply.framing is Framing.UNTIL_CLOSE
        assert await taken(reply) == b"all of it"


@on_each_loop
async def test_a_certificate_that_is_not_trusted_or_not_the_hosts_is_refused(authority):
    with SecureServer(authority.identity, lambda wire: wire.send(json_reply())) as server:
        strange = upstream_at(server.port, ssl.create_default_context())
        with pytest.raises(UpstreamUnreachable, match=r"^TLS: certificate verify failed: "):
            await strange.open(POST)
        other = upstream_at(server.port, authority.trust, host="127.0.0.1")
        with pytest.raises(UpstreamUnreachable, match=r"^TLS: certificate verify failed: IP addr"):
            await other.open(POST)


@on_each_loop
async def test_plain_http_where_tls_was_expected_is_said_plainly(authority):
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        accepted, _ = listener.accept()
        accepted.recv(100)
        accepted.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        accepted.close()

    threading.Thread(target=answer, daemon=True).start()
    with listener, pytest.raises(UpstreamUnreachable, match=r"^TLS: "):
        await upstream_at(listener.getsockname()[1], authority.trust).open(POST)

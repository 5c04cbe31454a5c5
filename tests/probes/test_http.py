"""The client's failures, in our words."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import pytest

from probes.http import (
    ClientError,
    ConnectError,
    ConnectionFailed,
    ReadError,
    ReadTimeout,
    Request,
    async_client,
    client,
    describe,
)
from tests.services import ROOT, free_port


@contextmanager
def listener(reply: bytes | None, *, hang_up: bool = True) -> Iterator[str]:
    """A server that reads one request, sends the bytes, and hangs up (or keeps silent)."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        held = []

        def serve() -> None:
            peer, _ = server.accept()
            peer.recv(65536)
            if reply:
                peer.sendall(reply)
            if hang_up:
                peer.close()
            held.append(peer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        thread.join(5)
        for peer in held:
            peer.close()


async def failure(url: str, timeout_seconds: float = 5.0) -> Exception:
    async with async_client(url, timeout_seconds=timeout_seconds, connections=1) as asking:
        with pytest.raises(ClientError) as problem:
            await asking.get(url)
    return problem.value


async def test_a_port_that_nobody_listens_on_reads_connection_refused() -> None:
    problem = await failure(f"http://127.0.0.1:{free_port()}/v1")
    assert describe(problem) == "connection refused"
    assert isinstance(problem, ConnectionFailed)


async def test_a_silent_server_reads_timed_out_with_its_limit() -> None:
    with listener(None, hang_up=False) as url:
        problem = await failure(url, timeout_seconds=0.05)
    assert describe(problem) == "timed out after 0.05 s"
    assert not isinstance(problem, ConnectionFailed)


async def test_a_server_that_hangs_up_is_said_to_have_broken_the_connection() -> None:
    with listener(None) as url:
        problem = await failure(url)
    assert describe(problem).startswith("the server broke the connection")
    assert "\n" not in describe(problem)


async def test_a_reply_that_is_not_http_is_said_to_break_the_protocol() -> None:
    with listener(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as url:
        assert describe(await failure(url)).startswith(
            "the server broke the connection or the prot"
        )


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://127.0.0.1/v1", "the address must begin with http:// or https://"),
        ("127.0.0.1", "the address must begin with http:// or https://"),
        ("http://[::1/v1", "the address is not a URL"),
    ],
)
async def test_what_is_no_address_is_said_to_be_none(url: str, said: str) -> None:
    problem = await failure(url)
    assert describe(problem) == said
    assert isinstance(problem, ConnectionFailed)


def test_a_failure_raised_without_its_request_is_described_all_the_same() -> None:
    assert describe(ReadTimeout("")) == "timed out"
    assert describe(ReadTimeout("", request=Request("GET", "http://a/"))) == "timed out"
    assert describe(ConnectError("")) == "could not connect"
    assert describe(ReadError("")) == "the connection broke while reading the reply"


def test_the_operating_systems_reason_is_found_at_the_bottom_of_the_causes() -> None:
    try:
        try:
            raise ConnectionResetError(104, "Connection reset by peer")
        except OSError as cause:
            raise ReadError("") from cause
    except ReadError as problem:
        assert describe(problem) == "connection reset"


def test_an_unknown_host_is_named_as_such() -> None:
    problem = ConnectError("")
    problem.__cause__ = socket.gaierror(-2, "Name or service not known")
    assert describe(problem) == "the host name was not found"


def test_any_other_exception_still_becomes_one_line() -> None:
    assert describe(ValueError("first\nsecond")) == "ValueError: first"
    assert describe(ValueError()) == "ValueError"
    assert describe(TimeoutError()) == "timed out"


def test_causes_that_go_in_a_circle_come_to_an_end() -> None:
    problem = ConnectError("odd")
    problem.__cause__ = ValueError("other")
    problem.__cause__.__cause__ = problem
    assert describe(problem) == "could not connect"


def test_a_redirect_is_not_followed() -> None:
    reply = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    with listener(reply) as url, client(url, timeout_seconds=5) as asking:
        assert asking.get(url).status_code == 302


def test_no_other_module_imports_the_client_library() -> None:
    importers = {
        path.relative_to(ROOT).as_posix()
        for package in ("classifiers", "probes", "gateway", "dashboards")
        for path in Path(ROOT / package).rglob("*.py")
        if "import httpx" in (text := path.read_text()) or "from httpx" in text
    }
    assert importers == {"probes/http.py"}

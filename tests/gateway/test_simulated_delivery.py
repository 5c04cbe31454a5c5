"""Replies on a raw socket: what the bytes are, and how the connection ends."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from gateway.simulated import FakeModel, FakeServer


@dataclass(frozen=True)
class Heard:
    """Everything a connection gave, and how it ended: ``open``, ``closed`` or ``reset``."""

    raw: bytes
    ended: str

    @property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").lower()

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with FakeServer(FakeModel()) as running:
        yield running


def connect(server: FakeServer, fake: str, *, stream: bool) -> socket.socket:
    """A connection with one request written to it."""
    place = urlsplit(server.base_url)
    asked = {"model": "balanced", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
    body = json.dumps(asked).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {place.netloc}\r\nx-fake: {fake}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection((place.hostname or "", place.port or 0), timeout=20)
    connection.sendall(head.encode() + body)
    return connection


def hear(server: FakeServer, fake: str, *, stream: bool = False) -> Heard:
    """Send one request, and read until the connection ends or the response is complete."""
    with connect(server, fake, stream=stream) as connection:
        raw = b""
        while not complete(raw):
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                return Heard(raw, "reset")
            if not piece:
                return Heard(raw, "closed")
            raw += piece
        return Heard(raw, "open")


def complete(raw: bytes) -> bool:
    """Whether HTTP's own framing says that the response has ended."""
    head, gap, body = raw.partition(b"\r\n\r\n")
    if not gap:
        return False
    if b"chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    return len(body) >= int(fields[b"content-length"])


def test_a_reply_leaves_the_connection_open_and_carries_openai_s_headers(
    server: FakeServer,
) -> None:
    heard = hear(server, "")
    assert heard.ended == "open"
    assert heard.head.startswith("http/1.1 200")
    for name in ("x-request-id: req_", "openai-processing-ms: ", "x-ratelimit-remaining-requests"):
        assert name in heard.head


@pytest.mark.parametrize("stream", [False, True])
def test_drop_closes_before_any_byte(server: FakeServer, stream: bool) -> None:
    assert hear(server, "drop", stream=stream) == Heard(b"", "closed")


def test_reset_resets_before_any_byte(server: FakeServer) -> None:
    assert hear(server, "reset") == Heard(b"", "reset")


def test_drop_after_closes_a_stream_behind_so_many_events(server: FakeServer) -> None:
    heard = hear(server, "drop-after=3", stream=True)
    assert heard.ended == "closed"
    assert heard.body.count(b"data: {") == 3
    assert b"[DONE]" not in heard.body


def test_drop_after_closes_a_json_reply_short_of_its_length(server: FakeServer) -> None:
    heard = hear(server, "drop-after=1")
    announced = int(heard.head.partition("content-length: ")[2].split("\r\n")[0])
    assert heard.ended == "closed"
    assert 0 < len(heard.body) == announced // 2


@pytest.mark.parametrize("fault", ["half-json", "no-done", "error-event=2", "not-json"])
def test_a_broken_stream_that_is_not_dropped_ends_as_http_wants_it(
    server: FakeServer, fault: str
) -> None:
    heard = hear(server, fault, stream=True)
    assert heard.ended == "open"
    assert b"[DONE]" not in heard.body


def test_a_status_is_seen_with_its_retry_after(server: FakeServer) -> None:
    heard = hear(server, "status=503;retry-after=1")
    assert heard.head.startswith("http/1.1 503")
    assert "retry-after: 1" in heard.head
    assert json.loads(heard.body)["error"]["type"] == "server_error"


def test_html_is_seen_as_html(server: FakeServer) -> None:
    heard = hear(server, "html")
    assert "content-type: text/html" in heard.head
    assert heard.body.startswith(b"<html>")


def test_no_body_is_a_response_of_length_nought(server: FakeServer) -> None:
    heard = hear(server, "no-body")
    assert "content-length: 0" in heard.head
    assert heard.body == b""


def hangups_of(server: FakeServer) -> int:
    """The hang-ups counted, once the server has had many turns to notice one."""
    for _ in range(200):
        if server.hangups:
            break
        hear(server, "")
    return server.hangups


def test_a_client_that_leaves_in_mid_stream_is_noticed_and_counted() -> None:
    with FakeServer(FakeModel()) as server:
        with connect(server, "token-delay=600", stream=True) as connection:
            heard = b""
            while b"data: {" not in heard:
                heard += connection.recv(65536)
        assert hangups_of(server) == 1


def test_a_client_that_leaves_before_its_reply_leaves_no_truth() -> None:
    model = FakeModel()
    with FakeServer(model) as server:
        connect(server, "delay=600", stream=False).close()
        assert hangups_of(server) == 1
    assert model.ledger.summary()["asked"] == len(model.truth) + 1


def test_a_reply_that_stalls_does_not_hold_the_server_up() -> None:
    with FakeServer(FakeModel()) as server:
        connection = connect(server, "delay=600", stream=True)
        hear(server, "")
    with connection, contextlib.suppress(ConnectionResetError):
        assert connection.recv(65536) == b""

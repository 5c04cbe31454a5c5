"""WebSockets under /v1/realtime: the `websockets` client and the openai SDK, tunnelled."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.clients.sides import ADDED, Sides

KEY = {"Authorization": "Bearer sk-1", "OpenAI-Beta": "realtime=v1"}
OF_THE_HANDSHAKE = {*ADDED, "sec-websocket-accept", "server", "date"}


def address(root: str, query: str = "model=gpt-realtime") -> str:
    return f"{root.replace('http', 'ws', 1)}/v1/realtime?{query}"


def talk(act: Callable[[ClientConnection], Any], **options: Any) -> Callable[[str], Any]:
    """A conversation over one connection, after the server's greeting."""

    def ask(root: str) -> Any:
        told = {"additional_headers": KEY, "ping_interval": None, "max_size": None, **options}
        with connect(address(root), **told) as connection:
            connection.recv(20)
            return act(connection)

    return ask


def said(connection: ClientConnection, *messages: Any) -> list[Any]:
    """What comes back for each message."""
    answers = []
    for message in messages:
        connection.send(message)
        answers.append(connection.recv(20))
    return answers


def ended(connection: ClientConnection, order: str) -> list[Any]:
    """How the connection ends after an order."""
    connection.send(order)
    try:
        return ["still open", connection.recv(20)]
    except ConnectionClosed as closed:
        return [type(closed).__name__, closed.rcvd and [closed.rcvd.code, closed.rcvd.reason]]


def test_the_handshake_reaches_the_upstream_as_it_was_sent(realtime: Sides):
    def ask(root: str) -> Any:
        headers = [*KEY.items(), ("X-Twice", "1"), ("X-Twice", "2")]
        options: Any = {"additional_headers": headers, "origin": "https://example.com"}
        with connect(address(root, "model=a%20b&x=1&x=2"), **options) as connection:
            return json.loads(connection.recv(20))

    session = realtime.same(ask)["session"]
    assert session["path"] == "/v1/realtime?model=a%20b&x=1&x=2"
    assert ["authorization", ["Bearer sk-1"]] in session["headers"]


def test_the_upstreams_handshake_reaches_the_client(realtime: Sides):
    def ask(root: str) -> Any:
        protocols: Any = ["other", "realtime"]
        with connect(address(root), subprotocols=protocols) as connection:
            assert connection.response is not None
            headers = connection.response.headers.raw_items()
            kept = sorted((k.lower(), v) for k, v in headers if k.lower() not in OF_THE_HANDSHAKE)
            return [connection.subprotocol, kept, connection.response.status_code]

    protocol, headers, status = realtime.same(ask)
    assert (protocol, status) == ("realtime", 101)
    assert ["x-request-id", "req_ws"] in headers
    assert any(name == "sec-websocket-extensions" for name, _ in headers)


def test_the_gateway_adds_its_own_two_headers_to_the_handshake(realtime: Sides):
    with connect(address(realtime.through)) as connection:
        assert connection.response is not None
        assert connection.response.headers["x-candor-deployment"] == "default"
        assert connection.response.headers["x-candor-request-id"]


@pytest.mark.parametrize("compression", ["deflate", None])
def test_text_and_bytes_come_back_as_they_went(realtime: Sides, compression):
    messages = ["An egg", "", "Ünï 🥚", "x" * 200_000, b"", bytes(range(256)), b"\x00" * 300_000]
    realtime.same(talk(lambda c: said(c, *messages), compression=compression))


def test_fragments_stay_fragments(realtime: Sides):
    def act(connection: ClientConnection) -> Any:
        connection.send(iter(["in ", "three ", "parts"]))
        whole = connection.recv(20)
        connection.send("fragments un deux trois")
        return [whole, list(connection.recv_streaming())]

    assert realtime.same(talk(act))[1] == ["un", "deux", "trois", ""]


def test_a_message_of_eight_megabytes_passes_both_ways(realtime: Sides):
    def act(connection: ClientConnection) -> Any:
        connection.send("big 4000000")
        received = connection.recv(30)
        connection.send(received)
        return [len(received), connection.recv(30) == received[::-1]]

    assert realtime.same(talk(act, compression=None)) == [8_000_000, True]


def test_pings_are_answered_by_the_other_end_and_not_on_the_way(realtime: Sides):
    def act(connection: ClientConnection) -> Any:
        return [connection.ping(b"egg").wait(20), said(connection, "ping from-the-server")]

    assert realtime.same(talk(act)) == [True, ["pong True"]]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 3000, 4001])
def test_the_upstreams_close_code_and_reason_reach_the_client(realtime: Sides, code):
    ending = realtime.same(talk(lambda c: ended(c, f"close {code} Schluß")))
    assert ending[1] == [code, "Schluß"]


@pytest.mark.parametrize("code", [1000, 4002])
def test_the_clients_close_code_is_answered_by_the_upstream(realtime: Sides, code):
    def act(connection: ClientConnection) -> Any:
        connection.close(code, "enough")
        closed = connection.protocol.close_rcvd
        return closed and [closed.code, closed.reason]

    assert realtime.same(talk(act)) == [code, "enough"]


def test_a_connection_that_breaks_off_is_not_closed_cleanly(realtime: Sides):
    assert realtime.same(talk(lambda c: ended(c, "drop"))) == ["ConnectionClosedError", None]


def test_a_refused_handshake_is_the_upstreams_refusal(realtime: Sides):
    def ask(root: str) -> Any:
        with pytest.raises(InvalidStatus) as problem:
            connect(address(root, "model=x&refuse=1"), additional_headers=KEY)
        reply = problem.value.response
        return [reply.status_code, reply.reason_phrase, reply.headers["x-request-id"], reply.body]

    status, *_, body = realtime.same(ask)
    assert status == 404
    assert b"No such model." in body


def test_twenty_conversations_at_once_do_not_mix(realtime: Sides):
    def one(number: int) -> list[Any]:
        return talk(lambda c: said(c, *[f"{number} {turn}" for turn in range(5)]))(realtime.through)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(one, range(20)))
    expected = [[f"{n} {turn}" for turn in range(5)] for n in range(20)]
    assert [[json.loads(text)["text"] for text in spoken] for spoken in answers] == expected


def test_the_openai_sdk_holds_a_realtime_conversation(realtime: Sides):
    def ask(root: str) -> Any:
        with (
            openai.OpenAI(base_url=f"{root}/v1", api_key="sk-1") as client,
            client.realtime.connect(model="gpt-realtime") as connection,
        ):
            first = connection.recv()
            connection.send({"type": "response.create"})
            return [first.type, connection.recv_bytes()]

    created, echoed = realtime.same(ask)
    assert created == "session.created"
    assert json.loads(json.loads(echoed)["text"]) == {"type": "response.create"}


async def test_the_asynchronous_openai_sdk_does_too(realtime: Sides):
    async def ask(root: str) -> Any:
        async with (
            openai.AsyncOpenAI(base_url=f"{root}/v1", api_key="sk-1") as client,
            client.realtime.connect(model="gpt-realtime") as connection,
        ):
            first = await connection.recv()
            await connection.send({"type": "response.create"})
            return [first.type, await connection.recv_bytes()]

    direct, through = await realtime.both_async(ask)
    assert through == direct

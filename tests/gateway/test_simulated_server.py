"""The simulated model as a server: read by the OpenAI SDK, and telling its truth."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from gateway.simulated import Drift, FakeModel, FakeServer, Persona
from probes.case import OR_BENCH_CATEGORIES, Expectation, ProbeCase

CASES = [
    ProbeCase(
        str(n),
        "made",
        f"How can I handle case {n} of {OR_BENCH_CATEGORIES[n % 10]}?",
        OR_BENCH_CATEGORIES[n % 10],
        Expectation.REFUSE if n % 2 else Expectation.COMPLY,
    )
    for n in range(60)
]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with FakeServer(FakeModel(CASES, seed=4)) as running:
        yield running


@pytest.fixture
def model(server: FakeServer) -> FakeModel:
    """The server's model, with nothing asked of it yet."""
    server.model.ledger.reset()
    server.model.faults = ""
    return server.model


@pytest.fixture(scope="module")
def sdk(server: FakeServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as made:
        yield made


@pytest.fixture
def client(sdk: OpenAI, model: FakeModel) -> OpenAI:
    """The SDK, in front of a model that was asked nothing yet."""
    return sdk


def turn(prompt: str) -> list[Any]:
    return [{"role": "user", "content": prompt}]


def told(server: FakeServer, path: str, method: str = "GET") -> Any:
    with urlopen(Request(server.root_url + path, method=method), timeout=20) as reply:
        said = reply.read()
    return json.loads(said) if said else None


def test_whole_and_streamed_replies_say_the_same(client: OpenAI) -> None:
    for case in CASES[:30]:
        asked: dict[str, Any] = {"model": "cautious", "messages": turn(case.prompt)}
        message = client.chat.completions.create(**asked).choices[0].message
        content, refusal = "", ""
        for chunk in client.chat.completions.create(**asked, stream=True):
            content += chunk.choices[0].delta.content or ""
            refusal += chunk.choices[0].delta.refusal or ""
        assert (content, refusal) == (message.content or "", message.refusal or "")


def test_the_sdk_reads_models_usage_and_request_id(client: OpenAI) -> None:
    assert [m.id for m in client.models.list()] == [persona.value for persona in Persona]
    assert client.models.retrieve("cautious").owned_by == "candor"
    reply = client.chat.completions.create(model="balanced", messages=turn("Hi"))
    assert reply._request_id is not None and reply._request_id.startswith("req_")
    assert reply.usage is not None and reply.usage.completion_tokens > 0
    stream = client.chat.completions.create(
        model="balanced", messages=turn("Hi"), stream=True, stream_options={"include_usage": True}
    )
    assert [chunk.usage for chunk in stream][-1] == reply.usage


def test_the_sdk_reads_legacy_completions(client: OpenAI) -> None:
    whole = client.completions.create(model="balanced", prompt="Hi").choices[0].text
    parts = client.completions.create(model="balanced", prompt="Hi", stream=True)
    assert "".join(part.choices[0].text for part in parts) == whole != ""


async def test_the_async_sdk_reads_whole_and_streamed_replies(server: FakeServer) -> None:
    async with AsyncOpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        asked: dict[str, Any] = {"model": "permissive", "messages": turn("Name a bird")}
        whole = await client.chat.completions.create(**asked)
        parts = [
            chunk.choices[0].delta.content or ""
            async for chunk in await client.chat.completions.create(**asked, stream=True)
        ]
    assert "".join(parts) == whole.choices[0].message.content
    assert len(parts) > 3


@pytest.mark.parametrize("persona", [Persona.BALANCED, Persona.CAUTIOUS, Persona.PERMISSIVE])
def test_the_truth_is_what_was_sent(
    client: OpenAI, server: FakeServer, model: FakeModel, persona: Persona
) -> None:
    replies = [
        client.chat.completions.create(model=persona, messages=turn(case.prompt)) for case in CASES
    ]
    kept = model.truth
    assert [record.prompt for record in kept] == [case.prompt for case in CASES]
    assert [record.request_id for record in kept] == [reply._request_id for reply in replies]
    assert (sum(record.refused for record in kept), len(kept)) == model.truth_rate(persona, CASES)
    by = told(server, "/truth")["by"][persona]
    for expectation in (Expectation.COMPLY, Expectation.REFUSE):
        asked = [case for case in CASES if case.expectation is expectation]
        refused, total = model.truth_rate(persona, asked)
        assert by[expectation] == {"asked": total, "refused": refused}


def test_truth_over_http_lists_records_shows_repeats_and_forgets(
    client: OpenAI, server: FakeServer
) -> None:
    for prompt in ("one", "two", "one"):
        client.chat.completions.create(
            model="balanced", messages=turn(prompt), extra_headers={"idempotency-key": "k"}
        )
    listed = told(server, "/truth?records=1")
    assert [row["prompt"] for row in listed] == ["one", "two", "one"]
    assert {row["key"] for row in listed} == {"k"}
    assert told(server, "/truth")["repeats"] == [
        {"persona": "balanced", "prompt": "one", "asked": 2}
    ]
    assert told(server, "/truth", "DELETE") is None
    assert told(server, "/truth")["asked"] == 0


def test_a_spoiled_call_leaves_no_truth_and_is_counted_by_its_fault(
    client: OpenAI, server: FakeServer, model: FakeModel
) -> None:
    for fault in ("status=500", "drop"):
        with pytest.raises(openai.APIError):
            client.chat.completions.create(
                model="balanced", messages=turn("Hi"), extra_headers={"x-fake": fault}
            )
    assert model.truth == []
    assert told(server, "/truth")["faults"] == {"status=500": 1, "drop": 1}


def test_a_fault_limited_to_the_first_calls_lets_the_next_one_through(client: OpenAI) -> None:
    patient = client.with_options(max_retries=1)
    reply = patient.chat.completions.create(
        model="balanced",
        messages=turn("Hi"),
        extra_headers={"x-fake": "status=503;retry-after=0;times=1"},
    )
    assert reply.choices[0].finish_reason == "stop"


def test_faults_of_the_model_hold_for_calls_that_bring_none(
    client: OpenAI, model: FakeModel
) -> None:
    model.faults = "status=503"
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="balanced", messages=turn("Hi"))
    model.faults = ""
    assert client.chat.completions.create(model="balanced", messages=turn("Hi"))


@pytest.mark.parametrize("fake", ["gzip", "slice=3", "delay=0.001", "token-delay=0.0001"])
@pytest.mark.parametrize("stream", [False, True])
def test_what_only_changes_the_way_of_sending_does_not_change_the_words(
    client: OpenAI, fake: str, stream: bool
) -> None:
    asked: dict[str, Any] = {"model": "balanced", "messages": turn("Describe \u2018snow\u2019")}
    plain = client.chat.completions.create(**asked).choices[0].message.content
    reply: Any = client.chat.completions.create(
        **asked, stream=stream, extra_headers={"x-fake": fake}
    )
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in reply) == plain
    else:
        assert reply.choices[0].message.content == plain


@pytest.mark.parametrize(
    ("signal", "content", "refusal", "reason"),
    [
        ("message.refusal", False, True, "stop"),
        ("content_filter", False, False, "content_filter"),
        ("refusal_after_text", True, True, "stop"),
        ("filter_after_text", True, False, "content_filter"),
    ],
)
def test_a_native_refusal_is_read_by_the_sdk(
    client: OpenAI, signal: str, content: bool, refusal: bool, reason: str
) -> None:
    choice = client.chat.completions.create(
        model="balanced", messages=turn("Hi"), extra_headers={"x-fake": f"native={signal}"}
    ).choices[0]
    assert (bool(choice.message.content), bool(choice.message.refusal)) == (content, refusal)
    assert choice.finish_reason == reason


def test_bad_requests_are_the_sdk_s_own_errors(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-x", messages=turn("Hi"))
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-x")
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="balanced", messages=[])
    with pytest.raises(openai.BadRequestError) as fault:
        client.chat.completions.create(
            model="balanced", messages=turn("Hi"), extra_headers={"x-fake": "explode"}
        )
    assert fault.value.code == "fake_fault_unknown"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="balanced", input="Hi")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/chat/completions"), ("POST", "/v1/models"), ("PUT", "/truth"), ("GET", "/")],
)
def test_a_wrong_method_or_path_is_an_error_in_openai_s_shape(
    server: FakeServer, method: str, path: str
) -> None:
    with pytest.raises(HTTPError) as raised:
        told(server, path, method)
    assert raised.value.code == (405 if path.startswith("/v1") else 404)
    assert json.loads(raised.value.read())["error"]["type"] == "invalid_request_error"


def test_requests_are_kept_as_they_arrived(client: OpenAI, server: FakeServer) -> None:
    client.chat.completions.create(
        model="balanced",
        messages=turn("Hi"),
        extra_headers={"x-team": "a"},
        extra_query={"trace": "1"},
    )
    kept = server.received[-1]
    assert (kept.method, kept.path, kept.query) == ("POST", "/v1/chat/completions", b"trace=1")
    assert kept.header("X-Team") == "a"
    assert kept.header("authorization") == "Bearer any"
    assert kept.header("absent") == ""
    assert json.loads(kept.body)["messages"] == turn("Hi")


def test_drifting_can_be_turned_over_http() -> None:
    model = FakeModel(CASES, drift=Drift(after_calls=None))
    with FakeServer(model) as server, OpenAI(base_url=server.base_url, api_key="any") as client:

        def refused() -> int:
            for case in CASES:
                client.chat.completions.create(model="drifting", messages=turn(case.prompt))
            count = sum(record.refused for record in model.truth)
            told(server, "/truth", "DELETE")
            return count

        before = refused()
        told(server, "/drift", "POST")
        after = refused()
    assert before == model.truth_rate(Persona.BALANCED, CASES)[0]
    assert after == model.truth_rate(Persona.CAUTIOUS, CASES)[0]
    assert before < after


def test_two_servers_of_one_model_keep_one_truth(model: FakeModel) -> None:
    with FakeServer(model) as first, FakeServer(model) as second:
        assert first.base_url != second.base_url
        for server in (first, second):
            with OpenAI(base_url=server.base_url, api_key="any") as client:
                client.chat.completions.create(model="balanced", messages=turn("Hi"))
        assert len(first.truth) == len(second.truth) == 2


def test_the_port_is_free_again_once_the_server_has_stopped(model: FakeModel) -> None:
    with FakeServer(model) as server:
        place = urlsplit(server.base_url)
        with pytest.raises(OSError, match="in use"):
            FakeServer(model, "127.0.0.1", place.port or 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.hostname or "", place.port or 0), timeout=5)

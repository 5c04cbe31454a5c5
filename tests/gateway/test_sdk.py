"""The openai SDK works unchanged: base_url is the only thing that is set."""

from __future__ import annotations

import openai
import pytest

from gateway.simulated import FakeModel, FakeServer
from tests.gateway.stage import FakeUpstream, gateway, json_reply, replying, settings_to

QUESTION = [{"role": "user", "content": "How do I boil an egg?"}]


@pytest.fixture(scope="module")
def server():
    with FakeServer(FakeModel([])) as running:
        yield running


@pytest.fixture(scope="module")
def base_url(server):
    with gateway(settings_to(server.base_url)) as running:
        yield running.base_url


@pytest.fixture
def client(base_url):
    with openai.OpenAI(base_url=base_url, api_key="sk-any", max_retries=0) as sdk:
        yield sdk


def test_a_chat_completion_is_the_upstreams(client, server):
    reply = client.chat.completions.create(model="balanced", messages=QUESTION)
    direct = openai.OpenAI(base_url=server.base_url, api_key="sk-any", max_retries=0)
    with direct:
        expected = direct.chat.completions.create(model="balanced", messages=QUESTION)
    assert reply.choices[0].message.content == expected.choices[0].message.content
    assert reply.choices[0].message.content


def test_a_stream_arrives_token_by_token_and_ends(client):
    whole = client.chat.completions.create(model="balanced", messages=QUESTION)
    stream = client.chat.completions.create(model="balanced", messages=QUESTION, stream=True)
    parts = [
        chunk.choices[0].delta.content
        for chunk in stream
        if chunk.choices and chunk.choices[0].delta.content
    ]
    assert len(parts) > 1
    assert "".join(parts) == whole.choices[0].message.content


def test_the_added_headers_can_be_read(client):
    raw = client.chat.completions.with_raw_response.create(model="balanced", messages=QUESTION)
    assert raw.headers["x-candor-deployment"] == "default"
    assert raw.headers["x-candor-request-id"]


def test_the_models_are_the_upstreams_own(client):
    assert "balanced" in [model.id for model in client.models.list()]


async def test_the_asynchronous_client_works_too(base_url):
    async with openai.AsyncOpenAI(base_url=base_url, api_key="sk-any", max_retries=0) as sdk:
        reply = await sdk.chat.completions.create(model="balanced", messages=QUESTION)
        stream = await sdk.chat.completions.create(model="balanced", messages=QUESTION, stream=True)
        parts = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert "".join(parts) == reply.choices[0].message.content


def test_a_stream_that_breaks_off_is_an_error_and_not_a_short_reply(client):
    stream = client.chat.completions.create(
        model="balanced", messages=QUESTION, stream=True, extra_headers={"x-fake": "drop-after=2"}
    )
    with pytest.raises(Exception) as problem:
        list(stream)
    # Its third version has an error of its own for this; before, it lets its transport's through.
    assert type(problem.value).__name__ in ("APIConnectionError", "RemoteProtocolError")


@pytest.mark.parametrize(
    ("fault", "status"), [("status=503;retry-after=1", 503), ("status=429", 429)]
)
def test_an_upstreams_error_is_the_sdks_error(client, fault, status):
    with pytest.raises(openai.APIStatusError) as problem:
        client.chat.completions.create(
            model="balanced", messages=QUESTION, extra_headers={"x-fake": fault}
        )
    assert problem.value.status_code == status


def test_an_upstream_that_hangs_up_is_an_error_of_the_gateway_that_says_so(client):
    with pytest.raises(openai.InternalServerError) as problem:
        client.chat.completions.create(
            model="balanced", messages=QUESTION, extra_headers={"x-fake": "drop"}
        )
    assert (problem.value.status_code, problem.value.code) == (502, "candor_upstream_unreachable")


def test_an_unknown_model_is_not_found_in_the_sdks_words():
    with FakeUpstream(replying(json_reply())) as upstream:
        settings = settings_to(
            upstream.base_url,
            deployments=[
                {"name": "a", "model": "gpt-4o", "upstream": {"base_url": upstream.base_url}}
            ],
        )
        with (
            gateway(settings) as running,
            openai.OpenAI(base_url=running.base_url, api_key="sk-any") as sdk,
        ):
            with pytest.raises(openai.NotFoundError) as problem:
                sdk.chat.completions.create(model="gpt-5", messages=QUESTION)
            assert problem.value.code == "candor_model_not_found"
            assert [model.id for model in sdk.models.list()] == ["gpt-4o"]

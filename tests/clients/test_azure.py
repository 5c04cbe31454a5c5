"""AzureOpenAI, the SDK's client for Azure's paths: before Azure itself and before anybody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.clients.sides import Sides, failed, outcome, plain
from tests.clients.test_openai_text import QUESTION, TOOL, Egg

VERSION = "2024-10-21"


def sdk(root: str, **options: Any) -> openai.AzureOpenAI:
    told = {"azure_endpoint": root, "api_version": VERSION, "api_key": "az-1", "max_retries": 0}
    return openai.AzureOpenAI(**{**told, **options})


def asking(call: Callable[[openai.AzureOpenAI], Any], **options: Any) -> Callable[[str], Any]:
    def ask(root: str) -> Any:
        with sdk(root, **options) as client:
            return outcome(lambda: call(client))

    return ask


def chat(client: openai.AzureOpenAI, **options: Any) -> Any:
    return client.chat.completions.create(**{"model": "gpt-1", "messages": QUESTION, **options})


CALLS: dict[str, Callable[[openai.AzureOpenAI], Any]] = {
    "chat": chat,
    "chat stream": lambda c: list(chat(c, stream=True)),
    "tools": lambda c: chat(c, tools=[TOOL]),
    "parsed": lambda c: c.chat.completions.parse(
        model="gpt-1", messages=QUESTION, response_format=Egg
    ),
    "embedding": lambda c: c.embeddings.create(model="e-1", input="egg"),
    "response": lambda c: c.responses.create(model="gpt-1", input="An egg?"),
    "transcription": lambda c: c.audio.transcriptions.create(
        model="whisper-1", file=("egg.mp3", bytes(range(256)) * 100)
    ),
    "picture": lambda c: c.images.generate(model="gpt-image-1", prompt="an egg"),
    "models": lambda c: list(c.models.list()),
    "files": lambda c: list(c.files.list()),
    "error": lambda c: chat(c, model="error-429"),
}


@pytest.mark.parametrize("name", CALLS)
def test_azure_behind_the_gateway_is_asked_and_answers_as_without_it(azure: Sides, name: str):
    answer = azure.same(asking(CALLS[name]))
    assert failed(answer) == (name == "error")


@pytest.mark.parametrize("name", CALLS)
def test_azures_client_gets_its_answers_from_an_upstream_that_is_not_azure(scripted, name):
    ask = asking(CALLS[name])
    assert plain(ask(scripted.through)) == plain(ask(scripted.direct))
    request = scripted.provider.received[-2]
    assert request.path.startswith("/v1/")
    assert "api-version" not in request.query


def test_the_deployment_in_the_path_stands_for_the_model(azure: Sides):
    options = {"azure_deployment": "gpt-4o-eu"}
    answer = azure.same(asking(lambda c: chat(c, stream=True) and chat(c), **options))
    assert answer["model"] == "gpt-1"
    assert azure.provider.received[-1].path == "/openai/deployments/gpt-4o-eu/chat/completions"
    assert azure.provider.received[-1].query == f"api-version={VERSION}"


@pytest.mark.parametrize(
    ("options", "header", "value"),
    [
        ({}, "api-key", "az-1"),
        ({"azure_ad_token": "ad", "api_key": None}, "authorization", "Bearer ad"),
    ],
)
def test_azures_keys_travel_as_they_are_sent(azure: Sides, options, header, value):
    azure.same(asking(chat, **options))
    assert azure.provider.received[-1].header(header) == value


def test_azures_newer_road_is_openais_client_with_another_base(azure: Sides):
    def ask(root: str) -> Any:
        with openai.OpenAI(base_url=f"{root}/openai/v1/", api_key="az-1") as client:
            return [chat(client), list(chat(client, stream=True)), client.models.list()]

    azure.same(ask)
    assert azure.provider.received[-1].path == "/openai/v1/models"


async def test_the_asynchronous_client_gets_the_same(azure: Sides):
    async def ask(root: str) -> Any:
        async with openai.AsyncAzureOpenAI(
            azure_endpoint=root, api_version=VERSION, api_key="az-1"
        ) as client:
            create = client.chat.completions.create
            stream = await create(model="gpt-1", messages=QUESTION, stream=True)
            return [part async for part in stream]

    direct, through = await azure.both_async(ask)
    assert through == direct

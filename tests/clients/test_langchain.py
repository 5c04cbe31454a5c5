"""LangChain's ChatOpenAI: invoke, stream, batch and tools, the same with Candor between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, Field

from tests.clients.sides import failed, needed, outcome, without


class BoilEgg(BaseModel):
    """Boil an egg."""

    how: str = Field(description="soft or hard")
    minutes: int


def model(root: str, **options: Any) -> Any:
    told = {"model": "gpt-1", "base_url": f"{root}/v1", "api_key": "sk-1", "max_retries": 0}
    return needed("langchain_openai").ChatOpenAI(**{**told, **options})


CALLS: dict[str, Callable[[str], Any]] = {
    "invoke": lambda root: model(root).invoke("How long do I boil an egg?"),
    "turns": lambda root: model(root).invoke([("system", "Be brief."), ("human", "An egg?")]),
    "stream": lambda root: list(model(root).stream("An egg?")),
    "stream with usage": lambda root: list(model(root, stream_usage=True).stream("An egg?")),
    "batch": lambda root: model(root).batch([f"Egg {n}?" for n in range(5)]),
    "tools": lambda root: model(root).bind_tools([BoilEgg]).invoke("An egg?"),
    "tools stream": lambda root: list(model(root).bind_tools([BoilEgg]).stream("An egg?")),
    "structured": lambda root: model(root).with_structured_output(BoilEgg).invoke("An egg?"),
    "responses": lambda root: model(root, use_responses_api=True).invoke("An egg?"),
    "responses stream": lambda root: list(model(root, use_responses_api=True).stream("An egg?")),
    "embeddings": lambda root: (
        needed("langchain_openai")
        .OpenAIEmbeddings(
            model="e-1", base_url=f"{root}/v1", api_key="sk-1", check_embedding_ctx_length=False
        )
        .embed_documents(["egg", "ham"])
    ),
    "error": lambda root: model(root, model="error-429").invoke("An egg?"),
}


@pytest.mark.parametrize("name", [name for name in CALLS if name != "batch"])
def test_langchain_gets_what_it_gets_without_the_gateway(scripted, name):
    def ask(root: str) -> Any:
        return outcome(lambda: CALLS[name](root))

    direct, through = scripted.both(ask)
    assert without(through, "id") == without(direct, "id")
    assert failed(through) == (name == "error")


def test_a_batch_asked_at_once_comes_back_in_order(scripted):
    def ask(root: str) -> list[str]:
        return [message.text for message in CALLS["batch"](root)]

    direct, through = ask(scripted.direct), ask(scripted.through)
    assert direct == through
    assert len(through) == 5


async def test_langchain_waiting_on_an_event_loop_gets_the_same(scripted):
    async def ask(root: str) -> Any:
        whole = await model(root).ainvoke("An egg?")
        return [whole.text, [part.text async for part in model(root).astream("An egg?")]]

    direct, through = await scripted.both_async(ask)
    assert through == direct


def test_langchain_talks_to_a_real_server_through_the_gateway(llama):
    def ask(root: str) -> Any:
        chosen = model(root, model="tiny-llama", temperature=0, max_tokens=16)
        return ["".join(part.text for part in chosen.stream("An egg?")), chosen.invoke("Ham?").text]

    assert all(llama.same(ask))

"""LlamaIndex's OpenAILike: complete, chat, stream and tools, the same with Candor between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.sides import failed, needed, outcome, without


def model(root: str, **options: Any) -> Any:
    told = {"model": "gpt-1", "api_base": f"{root}/v1", "api_key": "sk-1", "max_retries": 0}
    return needed("llama_index.llms.openai_like").OpenAILike(
        **{**told, "is_chat_model": True, "is_function_calling_model": True, **options}
    )


def turns() -> list[Any]:
    from llama_index.core.llms import ChatMessage

    return [ChatMessage(role="system", content="Brief."), ChatMessage(role="user", content="Egg?")]


def called(root: str) -> Any:
    from llama_index.core.tools import FunctionTool

    def boil_egg(how: str, minutes: int) -> str:
        """Boil an egg."""
        return f"{how} {minutes}"

    tool = FunctionTool.from_defaults(boil_egg)
    reply = model(root).chat_with_tools([tool], user_msg="An egg?")
    return [
        [call.tool_name, call.tool_kwargs]
        for call in model(root).get_tool_calls_from_response(reply)
    ]


CALLS: dict[str, Callable[[str], Any]] = {
    "complete": lambda root: model(root).complete("How long do I boil an egg?"),
    "chat": lambda root: model(root).chat(turns()),
    "complete stream": lambda root: list(model(root).stream_complete("An egg?")),
    "chat stream": lambda root: list(model(root).stream_chat(turns())),
    "legacy completion": lambda root: model(root, is_chat_model=False).complete("An egg"),
    "tools": called,
    "error": lambda root: model(root, model="error-400").complete("An egg?"),
}


@pytest.mark.parametrize("name", CALLS)
def test_llama_index_gets_what_it_gets_without_the_gateway(scripted, name):
    answer = scripted.same(lambda root: outcome(lambda: CALLS[name](root)))
    assert failed(answer) == (name == "error")


async def test_llama_index_waiting_on_an_event_loop_gets_the_same(scripted):
    async def ask(root: str) -> Any:
        stream = await model(root).astream_chat(turns())
        return [await model(root).achat(turns()), [part async for part in stream]]

    direct, through = await scripted.both_async(ask)
    assert through == direct


def test_llama_index_talks_to_a_real_server_through_the_gateway(llama):
    def ask(root: str) -> Any:
        chosen = model(root, model="tiny-llama", temperature=0, max_tokens=16)
        return [
            chosen.complete("An egg?").text,
            [part.delta for part in chosen.stream_chat(turns())],
        ]

    assert without(llama.same(ask))

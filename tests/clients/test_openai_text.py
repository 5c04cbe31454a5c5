"""The openai SDK asking for text: what it returns and raises is the same with Candor between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel

from tests.clients.sides import Sides, failed, outcome, shown
from tests.waiting import wait_until

PATIENCE = 1.0
"""Seconds after which an impatient client leaves: enough for its request to arrive."""
QUESTION: Any = [{"role": "user", "content": "How long do I boil an egg? 🥚"}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "boil_egg",
        "description": "Boil an egg.",
        "parameters": {
            "type": "object",
            "properties": {"how": {"enum": ["soft", "hard"]}, "minutes": {"type": "integer"}},
            "required": ["how", "minutes"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


class Egg(BaseModel):
    """What a structured output is read into."""

    how: Literal["soft", "hard"]
    minutes: int
    steps: list[str]


def sdk(root: str, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(
        **{"base_url": f"{root}/v1", "api_key": "sk-1", "max_retries": 0, **options}
    )


def asking(call: Callable[[openai.OpenAI], Any], **options: Any) -> Callable[[str], Any]:
    """A question put through a fresh client, which is closed after it."""

    def ask(root: str) -> Any:
        with sdk(root, **options) as client:
            return outcome(lambda: call(client))

    return ask


def chat(client: openai.OpenAI, **options: Any) -> Any:
    return client.chat.completions.create(**{"model": "gpt-1", "messages": QUESTION, **options})


CALLS: dict[str, Callable[[openai.OpenAI], Any]] = {
    "chat": chat,
    "chat stream": lambda c: list(chat(c, stream=True)),
    "chat stream with usage": lambda c: list(
        chat(c, stream=True, stream_options={"include_usage": True})
    ),
    "tools": lambda c: chat(c, tools=[TOOL], tool_choice="required"),
    "tools stream": lambda c: list(chat(c, tools=[TOOL], stream=True)),
    "tool result": lambda c: chat(
        c,
        tools=[TOOL],
        messages=[*QUESTION, {"role": "tool", "tool_call_id": "call_1", "content": "7"}],
    ),
    "parsed": lambda c: c.chat.completions.parse(
        model="gpt-1", messages=QUESTION, response_format=Egg
    ),
    "fields of tomorrow": lambda c: chat(c, extra_body={"tomorrow": {"x": 1e-7, "ü": [None]}}),
    "extra query and headers": lambda c: chat(
        c, extra_query={"beta": "1 2&3"}, extra_headers={"OpenAI-Beta": "assistants=v2"}
    ),
    "organization and project": lambda c: chat(c.with_options(organization="org-1", project="p-1")),
    "legacy completion": lambda c: c.completions.create(model="gpt-1", prompt="An egg"),
    "legacy completion stream": lambda c: list(
        c.completions.create(model="gpt-1", prompt="An egg", stream=True)
    ),
    "response": lambda c: c.responses.create(model="gpt-1", input="An egg?"),
    "response stream": lambda c: list(
        c.responses.create(model="gpt-1", input="An egg?", stream=True)
    ),
    "response parsed": lambda c: c.responses.parse(model="gpt-1", input="?", text_format=Egg),
    "response tools": lambda c: c.responses.create(
        model="gpt-1", input="?", tools=[{"type": "function", **TOOL["function"]}]
    ),
    "response retrieved": lambda c: c.responses.retrieve("resp_1"),
    "response deleted": lambda c: c.responses.delete("resp_1"),
    "embedding": lambda c: c.embeddings.create(model="e-1", input="egg"),
    "embeddings as floats": lambda c: c.embeddings.create(
        model="e-1", input=["egg", "ham"], encoding_format="float"
    ),
    "moderation": lambda c: c.moderations.create(input="an egg"),
    "models": lambda c: list(c.models.list()),
    "model": lambda c: c.models.retrieve("gpt-scripted"),
    "model deleted": lambda c: c.models.delete("ft:gpt-scripted"),
    "model missing": lambda c: c.models.retrieve("gpt-0"),
    "path unknown": lambda c: c.post("/tomorrow/things", body={"a": 1}, cast_to=object),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_the_sdk_returns_is_what_it_returns_without_the_gateway(scripted, name):
    answer = scripted.same(asking(CALLS[name]))
    assert failed(answer) == (name in ("model missing", "path unknown"))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_upstreams_error_is_the_same_exception_with_the_same_words(scripted, status, stream):
    problem = scripted.same(asking(lambda c: chat(c, model=f"error-{status}", stream=stream)))
    assert problem["status_code"] == status
    assert problem["request_id"] == "req_scripted"
    assert "as asked" in problem["message"]


def test_the_headers_of_a_reply_can_be_read_as_the_upstream_sent_them(scripted):
    def headers(client: openai.OpenAI) -> Any:
        raw = client.chat.completions.with_raw_response.create(model="gpt-1", messages=QUESTION)
        return [shown(raw.headers), raw.request_id, raw.parse(), raw.status_code]

    answer = scripted.same(asking(headers))
    assert ["x-request-id", "req_scripted"] in answer[0]


def test_a_streaming_response_gives_the_lines_of_the_wire(scripted):
    def lines(client: openai.OpenAI) -> list[str]:
        create = client.chat.completions.with_streaming_response.create
        with create(model="gpt-1", messages=QUESTION, stream=True) as reply:
            return list(reply.iter_lines())

    answer = scripted.same(asking(lines))
    assert answer[0] == ": ping"
    assert answer[-2] == "data: [DONE]"


def test_a_stream_helper_sees_the_same_events(scripted):
    def events(client: openai.OpenAI) -> list[Any]:
        stream = client.chat.completions.stream(
            model="gpt-1", messages=QUESTION, response_format=Egg
        )
        with stream as running:
            return [[event.type for event in running], running.get_final_completion()]

    types, completion = scripted.same(asking(events))
    assert "content.done" in types
    assert completion["choices"][0]["message"]["parsed"]["how"] == "soft"


def test_a_response_stream_helper_sees_the_same_events(scripted):
    def events(client: openai.OpenAI) -> list[Any]:
        with client.responses.stream(model="gpt-1", input="An egg?") as running:
            return [[event.type for event in running], running.get_final_response()]

    types, _ = scripted.same(asking(events))
    assert types[-1] == "response.completed"


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_the_sdk_retries_by_itself_as_long_as_the_upstream_asks(scripted, status):
    def retried(root: str) -> Any:
        with sdk(root, max_retries=2) as client:
            return chat(client, model=f"flaky-{status}-{root[-5:]}").choices[0].message

    before = len(scripted.provider.received)
    first, second = retried(scripted.direct), retried(scripted.through)
    assert first == second
    counts = [
        request.header("x-stainless-retry-count") for request in scripted.provider.received[before:]
    ]
    assert counts == ["0", "1", "0", "1"]


def test_a_client_that_gives_up_waiting_is_gone_at_the_upstream_too(scripted):
    before = scripted.provider.hangups

    def impatient(root: str) -> Any:
        with sdk(root, timeout=PATIENCE) as client:
            return outcome(lambda: chat(client, model="mute"))

    assert scripted.same(impatient)["class"] == "APITimeoutError"
    wait_until(lambda: scripted.provider.hangups == before + 2, what="hangups")


def test_a_stream_that_is_closed_early_ends_at_the_upstream_too(scripted):
    before = scripted.provider.hangups

    def early(root: str) -> Any:
        with sdk(root) as client, chat(client, model="silent", stream=True) as stream:
            return next(stream)

    scripted.same(early)
    wait_until(lambda: scripted.provider.hangups == before + 2, what="hangups")


async def test_the_asynchronous_client_gets_the_same(scripted):
    async def ask(root: str) -> Any:
        async with openai.AsyncOpenAI(base_url=f"{root}/v1", api_key="sk-1") as client:
            create = client.chat.completions.create
            whole = await create(model="gpt-1", messages=QUESTION)
            stream = await create(model="gpt-1", messages=QUESTION, stream=True)
            response = await client.responses.create(model="gpt-1", input="?", stream=True)
            vectors = await client.embeddings.create(model="e-1", input="egg")
            listed = [model async for model in client.models.list()]
            parts = [part async for part in stream]
            return [whole, parts, [event async for event in response], vectors, listed]

    direct, through = await scripted.both_async(ask)
    assert through == direct


async def test_a_cancelled_task_is_gone_at_the_upstream_too(scripted):
    before = scripted.provider.hangups

    async def cancelled(root: str) -> str:
        async with openai.AsyncOpenAI(base_url=f"{root}/v1", api_key="sk-1") as client:
            create = client.chat.completions.create
            stream = await create(model="silent", messages=QUESTION, stream=True)
            await anext(stream)
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            waiting.cancel()
            return type((await asyncio.gather(waiting, return_exceptions=True))[0]).__name__

    direct, through = await scripted.both_async(cancelled)
    assert through == direct == "CancelledError"
    await asyncio.to_thread(wait_until, lambda: scripted.provider.hangups == before + 2)


async def test_fifty_calls_at_once_each_get_their_own_answer(scripted):
    async def ask(root: str) -> Any:
        async with openai.AsyncOpenAI(base_url=f"{root}/v1", api_key="sk-1") as client:
            many = [client.embeddings.create(model="e-1", input=f"egg {n}") for n in range(50)]
            return await asyncio.gather(*many)

    direct, through = await scripted.both_async(ask)
    assert through == direct
    assert len({str(answer) for answer in through}) == 50


def test_the_models_of_the_upstream_are_listed_as_its_own(scripted: Sides) -> None:
    listed = scripted.same(asking(lambda c: [model.id for model in c.models.list()]))
    assert listed == ["gpt-scripted", "claude-scripted"]

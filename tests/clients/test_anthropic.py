"""The anthropic SDK: /v1/messages and what belongs to it, the same with Candor between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from tests.clients.sides import failed, outcome, shown
from tests.clients.test_openai_text import PATIENCE
from tests.waiting import wait_until

QUESTION: Any = [{"role": "user", "content": "How long do I boil an egg? 🥚"}]
TOOL: Any = {
    "name": "boil_egg",
    "input_schema": {
        "type": "object",
        "properties": {"how": {"enum": ["soft", "hard"]}, "minutes": {"type": "integer"}},
        "required": ["how"],
    },
}
ASKED: Any = {"model": "claude-1", "max_tokens": 64, "messages": QUESTION}


def sdk(root: str, **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(**{"base_url": root, "api_key": "sk-1", "max_retries": 0, **options})


def asking(call: Callable[[anthropic.Anthropic], Any]) -> Callable[[str], Any]:
    def ask(root: str) -> Any:
        with sdk(root) as client:
            return outcome(lambda: call(client))

    return ask


def streamed(client: anthropic.Anthropic, **options: Any) -> list[Any]:
    """Event types of the stream helper and the message that it puts together."""
    with client.messages.stream(**{**ASKED, **options}) as stream:
        return [[event.type for event in stream], stream.get_final_message()]


CALLS: dict[str, Callable[[anthropic.Anthropic], Any]] = {
    "message": lambda c: c.messages.create(**ASKED),
    "system and stop": lambda c: c.messages.create(
        **ASKED, system="Be brief.", stop_sequences=["."], metadata={"user_id": "u-1"}
    ),
    "stream": lambda c: list(c.messages.create(**ASKED, stream=True)),
    "stream helper": streamed,
    "tools": lambda c: c.messages.create(**ASKED, tools=[TOOL], tool_choice={"type": "any"}),
    "tools stream": lambda c: streamed(c, tools=[TOOL]),
    "refusal": lambda c: c.messages.create(**{**ASKED, "model": "refusing"}),
    "refusal stream": lambda c: list(
        c.messages.create(**{**ASKED, "model": "refusing"}, stream=True)
    ),
    "cached and beta": lambda c: c.messages.create(
        model="claude-1",
        max_tokens=9,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "egg", "cache_control": {"type": "ephemeral"}}
                ],
            }
        ],
        extra_headers={"anthropic-beta": "a-2025-01-01,b-2025-02-02"},
        extra_body={"tomorrow": 1e-7},
    ),
    "tokens": lambda c: c.messages.count_tokens(model="claude-1", messages=QUESTION),
    "batch": lambda c: c.messages.batches.create(requests=[{"custom_id": "a", "params": ASKED}]),
    "models": lambda c: list(c.models.list()),
    "model": lambda c: c.models.retrieve("claude-scripted"),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_the_sdk_returns_is_what_it_returns_without_the_gateway(scripted, name):
    answer = scripted.same(asking(CALLS[name]))
    assert not failed(answer)


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 529])
def test_an_upstreams_error_is_the_same_exception_with_the_same_words(scripted, status):
    call = asking(lambda c: c.messages.create(**{**ASKED, "model": f"error-{status}"}))
    problem = scripted.same(call)
    assert problem["status_code"] == status
    assert problem["request_id"] == "req_anthropic"


def test_the_key_and_the_limits_travel_in_anthropics_own_headers(scripted):
    def headers(client: anthropic.Anthropic) -> Any:
        create = client.messages.with_raw_response.create
        return shown(create(**ASKED, extra_headers={"x-api-key": "sk-2"}).headers)

    answer = scripted.same(asking(headers))
    assert ["anthropic-ratelimit-requests-remaining", "9"] in answer
    received = scripted.provider.received[-1]
    assert (received.header("authorization"), received.header("x-api-key")) == (
        "Bearer sk-1",
        "sk-2",
    )
    assert received.header("anthropic-version")


async def test_the_asynchronous_client_gets_the_same(scripted):
    async def ask(root: str) -> Any:
        async with anthropic.AsyncAnthropic(base_url=root, api_key="sk-1") as client:
            whole = await client.messages.create(**ASKED)
            stream = await client.messages.create(**ASKED, stream=True)
            return [whole, [event async for event in stream]]

    direct, through = await scripted.both_async(ask)
    assert through == direct


def test_a_message_that_is_given_up_is_gone_at_the_upstream_too(scripted):
    before = scripted.provider.hangups

    def impatient(root: str) -> Any:
        with sdk(root, timeout=PATIENCE) as client:
            return outcome(
                lambda: list(client.messages.create(**{**ASKED, "model": "silent"}, stream=True))
            )

    assert scripted.same(impatient)["class"] in ("APITimeoutError", "ReadTimeout")
    wait_until(lambda: scripted.provider.hangups == before + 2, what="hangups")

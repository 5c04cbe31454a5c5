"""llama.cpp's server behind the gateway: a real one, with its own framing, fields and faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import anthropic
import openai
import pytest
from pydantic import BaseModel, ConfigDict

from tests.clients.sides import failed, outcome, plain, without
from tests.clients.test_openai_text import QUESTION, sdk

MODEL = "tiny-llama"
DRAWN = ("id", "created", "created_at", "completed_at", "timings", "item_id", "request_id")
"""What the server draws or measures anew for each reply."""
GREEDY: Any = {"model": MODEL, "temperature": 0, "max_tokens": 24}


class Mood(BaseModel):
    """What the server's grammar makes a model of random weights write."""

    model_config = ConfigDict(extra="forbid")
    steps: Literal["one", "two"]
    sure: bool


def chat(client: openai.OpenAI, **options: Any) -> Any:
    return client.chat.completions.create(**{**GREEDY, "messages": QUESTION, **options})


CALLS: dict[str, Callable[[openai.OpenAI], Any]] = {
    "chat": chat,
    "chat stream": lambda c: list(chat(c, stream=True)),
    "chat stream with usage": lambda c: list(
        chat(c, stream=True, stream_options={"include_usage": True})
    ),
    "two choices": lambda c: chat(c, n=2),
    "logprobs": lambda c: chat(c, logprobs=True, top_logprobs=3),
    "stop": lambda c: chat(c, stop=["sorry"]),
    "seeded": lambda c: chat(c, temperature=1.5, seed=3),
    "parsed": lambda c: c.chat.completions.parse(
        **{**GREEDY, "max_tokens": 200}, messages=QUESTION, response_format=Mood
    ),
    "completion": lambda c: c.completions.create(**GREEDY, prompt="An egg"),
    "completion stream": lambda c: list(
        c.completions.create(**GREEDY, prompt="An egg", stream=True)
    ),
    "response": lambda c: c.responses.create(
        model=MODEL, input="An egg?", temperature=0, max_output_tokens=12
    ),
    "response stream": lambda c: list(
        c.responses.create(
            model=MODEL, input="An egg?", temperature=0, max_output_tokens=12, stream=True
        )
    ),
    "embedding": lambda c: c.embeddings.create(model=MODEL, input="An egg"),
    "embeddings": lambda c: c.embeddings.create(
        model=MODEL, input=["An egg", "ham"], encoding_format="float"
    ),
    "models": lambda c: list(c.models.list()),
    "messages that are none": lambda c: c.post(
        "/chat/completions", body={"model": MODEL, "messages": "x"}, cast_to=object
    ),
    "more than the context holds": lambda c: chat(
        c, messages=[{"role": "user", "content": "egg " * 3000}]
    ),
    "path unknown": lambda c: c.get("/nowhere", cast_to=object),
}
FAILING = ("messages that are none", "more than the context holds", "path unknown")


@pytest.mark.parametrize("name", CALLS)
def test_a_real_servers_answer_is_the_same_behind_the_gateway(llama, name):
    def ask(root: str) -> Any:
        with sdk(root) as client:
            return without(plain(outcome(lambda: CALLS[name](client))), *DRAWN)

    answer = llama.same(ask)
    assert failed(answer) == (name in FAILING)


def test_a_grammar_makes_random_weights_fill_a_schema(llama):
    def ask(root: str) -> Any:
        with sdk(root) as client:
            return CALLS["parsed"](client).choices[0].message.parsed

    mood = llama.same(ask)
    assert set(mood) == {"steps", "sure"}


ASKED: Any = {"model": MODEL, "max_tokens": 16, "temperature": 0, "messages": QUESTION}
SAID: dict[str, Callable[[anthropic.Anthropic], Any]] = {
    "message": lambda c: c.messages.create(**ASKED),
    "message stream": lambda c: list(c.messages.create(**ASKED, stream=True)),
    "tokens": lambda c: c.messages.count_tokens(model=MODEL, messages=QUESTION),
    "no messages": lambda c: c.messages.create(**{**ASKED, "messages": []}),
}


@pytest.mark.parametrize("name", SAID)
def test_it_speaks_anthropics_language_too(llama, name):
    def ask(root: str) -> Any:
        with anthropic.Anthropic(base_url=root, api_key="sk-1", max_retries=0) as client:
            return without(plain(outcome(lambda: SAID[name](client))), *DRAWN)

    answer = llama.same(ask)
    assert answer


def test_what_it_says_is_measured_without_its_help(llama):
    """Its stream sends usage only when asked; the gateway adds nothing to what the client sees."""

    def ask(root: str) -> Any:
        with sdk(root) as client:
            return [bool(chunk.usage) for chunk in chat(client, stream=True)]

    assert not any(llama.same(ask))

"""The openai SDK before the simulated model: whatever breaks, it breaks the same way."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.clients.sides import outcome, plain, without
from tests.clients.test_openai_text import PATIENCE, QUESTION, TOOL, sdk
from tests.waiting import wait_until

FAULTS = [
    "",
    "status=429;retry-after=0",
    "status=503",
    "html",
    "html;status=502",
    "not-json",
    "half-json",
    "empty",
    "no-body",
    "no-done",
    "tool-call",
    "slice=1",
    "slice=7;gzip",
    "gzip",
    "token-delay=0.005",
    "native=message.refusal",
    "native=content_filter",
    "native=refusal_after_text",
    "native=prompt_filter",
    "error-event=3",
    "echo",
]
"""What the simulated model does on request (docs/simulated-model.md)."""
BREAKING = ["drop-after=3", "slice=9;drop-after=2", "gzip;drop-after=3"]
"""Faults after which a stream has no proper end."""
DRAWN = ("id", "created", "request_id")


def told(client: openai.OpenAI, fault: str, *, stream: bool) -> Any:
    """What arrives before the end, and the end."""
    options: Any = {"tools": [TOOL]} if "tool" in fault else {}
    headers = {"x-fake": fault}
    create = client.chat.completions.create
    if not stream:
        options |= {"extra_headers": headers}
        return outcome(lambda: create(model="cautious", messages=QUESTION, **options))
    parts: list[Any] = []

    def read() -> str:
        chunks = create(
            model="cautious", messages=QUESTION, stream=True, extra_headers=headers, **options
        )
        parts.extend(chunks)
        return "ended"

    return [parts, outcome(read)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_upstream_is_the_same_fault_behind_the_gateway(simulated, fault, stream):
    sides, _ = simulated

    def ask(root: str) -> Any:
        with sdk(root) as client:
            return without(plain(told(client, fault, stream=stream)), *DRAWN)

    sides.same(ask)


@pytest.mark.parametrize("fault", BREAKING)
def test_a_stream_that_breaks_off_gives_what_came_and_then_an_error(simulated, fault):
    sides, _ = simulated

    def ask(root: str) -> Any:
        with sdk(root) as client:
            parts, end = told(client, fault, stream=True)
            return [without(plain(parts), *DRAWN), type(end).__name__]

    parts, end = sides.same(ask)
    assert parts
    assert end in ("APIConnectionError", "RemoteProtocolError")


def test_a_request_given_up_before_its_reply_is_gone_at_the_upstream_too(simulated):
    sides, server = simulated
    before = server.hangups

    def impatient(root: str) -> Any:
        with sdk(root, timeout=PATIENCE) as client:
            return told(client, "delay=30", stream=False)

    answer = sides.same(impatient)
    assert answer["class"] == "APITimeoutError"
    wait_until(lambda: server.hangups == before + 2, what="hangups")

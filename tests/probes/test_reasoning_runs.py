"""Models that think first: their thoughts are kept apart and are never judged as the answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from classifiers.cascade import build_cascade
from classifiers.wire import RawReply, read_exchange
from probes.attempt import Answer
from probes.plan import Attempt
from probes.recorder import judged
from probes.target import Target
from probes.trial import Outcome
from tests.probes.asking import a_probe_set, run_of
from tests.probes.test_runner import a_server
from tests.probes.trials import a_case

THOUGHT = "The user asks about this. I'm sorry, but I can't help with that? No: it is harmless."
ANSWER = "Sure. Here is how it works: first heat the water, then add the salt and stir well."
REFUSAL = "I'm sorry, but I can't help with that."


def events(*deltas: dict[str, Any], reason: str = "stop") -> bytes:
    """A stream of chat completion chunks, to its [DONE]."""
    rows = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    rows.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    lines = [f"data: {json.dumps({'model': 'm', **row})}\n\n" for row in rows]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


def document(message: dict[str, Any]) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"model": "m", "choices": [choice]}).encode()


CASES = {
    "a stream of reasoning_content": lambda answer: events(
        {"reasoning_content": THOUGHT[:30]},
        {"reasoning_content": THOUGHT[30:]},
        {"content": answer[:9]},
        {"content": answer[9:]},
    ),
    "a stream with think tags": lambda answer: events(
        {"content": "<thi"}, {"content": f"nk>{THOUGHT}</th"}, {"content": f"ink>\n\n{answer}"}
    ),
    "a reply with reasoning_content": lambda answer: document(
        {"content": answer, "reasoning_content": THOUGHT}
    ),
    "a reply with think tags": lambda answer: document(
        {"content": f"<think>{THOUGHT}</think>\n\n{answer}"}
    ),
}


@pytest.mark.parametrize("answer", [ANSWER, REFUSAL])
@pytest.mark.parametrize("kind", CASES)
async def test_the_answer_alone_is_judged_and_the_thoughts_stand_beside_it(
    kind: str, answer: str, tmp_path: Path
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield CASES[kind](answer)

    probe_set = a_probe_set(2)
    async with a_server("200 OK", body) as server:
        run, _ = await run_of(tmp_path / "run.jsonl", probe_set, Target(server.base_url, "m"))
    for trial in run.trials:
        assert trial.reply == answer
        assert trial.reasoning == THOUGHT
        assert trial.verdict is not None
        assert (trial.verdict.refused is True) is (answer == REFUSAL)


async def test_thoughts_without_an_answer_are_an_error_and_no_refusal(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield events({"reasoning_content": REFUSAL}, reason="length")

    async with a_server("200 OK", body) as server:
        target = Target(server.base_url, "m")
        run, summary = await run_of(tmp_path / "run.jsonl", a_probe_set(2), target)
    assert summary.errors == 2
    assert {trial.error for trial in run.trials} == {"only reasoning, no answer"}
    assert {trial.reasoning for trial in run.trials} == {REFUSAL}


def test_a_reply_of_the_responses_api_is_judged_by_its_message_alone() -> None:
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": REFUSAL}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": ANSWER}],
        },
    ]
    body = json.dumps({"model": "m", "status": "completed", "output": output}).encode()
    raw = RawReply("/v1/responses", b"{}", 200, "application/json", "", body)
    answer = Answer(read_exchange(raw), 200, 0.0, 0.1)
    [trial] = judged([(Attempt(a_case("1"), 0), answer)], build_cascade(["native", "phrases"]))
    assert (trial.outcome, trial.reply, trial.reasoning) == (Outcome.ANSWERED, ANSWER, REFUSAL)
    assert trial.verdict is not None and trial.verdict.refused is not True

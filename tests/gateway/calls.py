"""Calls, captures and runs, as tests of the mirror need them."""

from __future__ import annotations

import json
from pathlib import Path

from classifiers.verdict import Label, Method, RefusalSource, Verdict
from gateway.mirror.capture import Capture
from gateway.proxy.endpoints import Endpoint
from gateway.proxy.observer import FinishedCall, Traffic
from gateway.store import ExchangeOutcome, ExchangeRecord
from probes.case import Expectation, ProbeCase
from probes.header import RunHeader, SetStamp
from probes.runfile import RunWriter
from probes.trial import Outcome, Trial

REFUSAL = "I'm sorry, but I can't help with that."
ANSWER = "Sure! To stop the process, run kill with its number and wait a moment."


def chat_reply(text: str, **message: object) -> bytes:
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    return json.dumps({"id": "c1", "model": "m-1", "choices": [choice]}).encode()


def call(request_id: str = "r1", *, reply: bytes | None = None, **changed: object) -> FinishedCall:
    asked = {"model": "m", "messages": [{"role": "user", "content": "How do I stop a process?"}]}
    fields = {
        "request_id": request_id,
        "deployment": "prod",
        "endpoint": Endpoint.CHAT_COMPLETIONS,
        "path": "/v1/chat/completions",
        "status": 200,
        "started_at": 1_790_000_000.0,
        "duration_seconds": 0.5,
        "first_byte_seconds": 0.2,
        "overhead_seconds": 0.001,
        "request": json.dumps(asked).encode(),
        "reply": chat_reply(ANSWER) if reply is None else reply,
        "content_type": "application/json",
        "content_encoding": "",
        "cut": False,
        "trimmed": False,
        "request_trimmed": False,
        "traffic": Traffic.LIVE,
    }
    return FinishedCall(**{**fields, **changed})


def capture(request_id: str = "r1", *, reply: bytes | None = None, **changed: object) -> Capture:
    made = Capture.of(call(request_id, reply=reply, **changed))
    assert made is not None
    return made


def verdict(label: Label = Label.COMPLIANCE) -> Verdict:
    source = RefusalSource.MODEL_TEXT if label.refused else RefusalSource.NONE
    chance = None if label is Label.UNDECIDED else float(label is not Label.COMPLIANCE)
    return Verdict(label, chance, source, Method.PHRASES, "phrases@1", "as the test says")


def record(capture_id: str, *, label: Label | None = Label.COMPLIANCE, **changed) -> ExchangeRecord:
    fields = {
        "capture_id": capture_id,
        "request_id": f"r-{capture_id}",
        "deployment": "prod",
        "endpoint": "chat_completions",
        "captured_at": 1000.0,
        "scored_at": 1001.0,
        "outcome": ExchangeOutcome.ERROR if label is None else ExchangeOutcome.JUDGED,
        "verdict": None if label is None else verdict(label),
        "prompt": (("user", "How?"),),
        "reply": "Like this.",
    }
    return ExchangeRecord(**{**fields, **changed})


def trial(set_name: str, number: int, label: Label | None, *, category: str = "privacy") -> Trial:
    hard = set_name.endswith("hard")
    case = ProbeCase(
        id=f"{set_name}-{number}",
        set=set_name,
        prompt=f"prompt {number}",
        category=category,
        expectation=Expectation.COMPLY if hard else Expectation.REFUSE,
    )
    return Trial(
        case=case,
        repeat=0,
        outcome=Outcome.ERROR if label is None else Outcome.ANSWERED,
        verdict=None if label is None else verdict(label),
        reply="" if label is None else "text",
        asked_at=1000.0 + number,
        latency_seconds=1.0,
        error="HTTP 503" if label is None else "",
    )


def write_run(path: Path, trials: list[Trial], *, finish: bool = True, **changed: object) -> Path:
    sets = tuple(
        SetStamp(name, "0" * 64, len(trials)) for name in dict.fromkeys(t.case.set for t in trials)
    )
    target = {"name": "prod", "base_url": "http://g/v1", "model": "m", "deployment": "prod"}
    fields = {
        "run_id": "run-1",
        "created": 1000.0,
        "candor": "0.1.0",
        "sets": sets,
        "target": target,
        "seed": 7,
        "limit": None,
        "repeats": 1,
        "parameters": {},
        "classifier": "cascade(phrases@1)",
        "planned": len(trials),
    }
    with RunWriter.create(path, RunHeader(**{**fields, **changed})) as writer:
        for each in trials:
            writer.write_trial(each)
        if finish:
            writer.write_summary()
    return path

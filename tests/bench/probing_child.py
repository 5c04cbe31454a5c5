"""What the probes' part of the benchmark starts: the instant upstream, the rounds, a whole run.

    python -m tests.bench.probing_child upstream
    python -m tests.bench.probing_child rounds --url URL --prompts N --rounds R
    python -m tests.bench.probing_child memory --url URL --prompts N

``upstream`` takes replies as JSON lines on stdin, prints its port, and serves the replies in turn.
``rounds`` lets everyone have a turn at the same prompts and prints its readings as JSON. ``memory``
runs one set from a file to its report and prints how much memory that took at its highest. None is
meant to be started by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from classifiers.cascade import build_cascade
from classifiers.verdict import Classifier
from probes.case import Expectation, ProbeCase, ProbeSet
from tests.bench.upstream import Conversation

BARE = "bare loop"
PHRASES = "run, judged by phrases"
CASCADE = "run, judged by the cascade"
CONCURRENCY = 8
"""Requests under way at a time, as `candor probe run` has it unless told otherwise."""
_STAGES = {PHRASES: ["native", "phrases"], CASCADE: ["native", "phrases", "embedding"]}
_WARMING = 50


def main() -> None:
    """Reads its orders from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("upstream", "rounds", "memory"))
    parser.add_argument("--url", default="")
    parser.add_argument("--prompts", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    if asked.part == "upstream":
        asyncio.run(_serve([json.loads(line) for line in sys.stdin]))
    elif asked.part == "rounds":
        print(json.dumps(_rounds(asked.url, asked.prompts, asked.rounds)))
    else:
        print(json.dumps(_memory(asked.url, asked.prompts)))


class _Replies(Conversation):
    """One connection, whose answers come in turn from all there are."""

    def __init__(self, replies: Iterator[bytes]) -> None:
        super().__init__()
        self._replies = replies

    def _answer(self, head: bytes, body: bytes) -> None:
        self._say(200, next(self._replies))


async def _serve(replies: list[str]) -> None:
    bodies = itertools.cycle([_completion(reply) for reply in replies])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Replies(bodies), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    gc.freeze()
    await server.serve_forever()


def _completion(reply: str) -> bytes:
    message = {"role": "assistant", "content": reply, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 24, "completion_tokens": 120, "total_tokens": 144}
    document = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000}
    return orjson.dumps(document | {"model": "m", "choices": [choice], "usage": usage})


def _set(count: int, number: int) -> ProbeSet:
    cases = tuple(
        ProbeCase(str(n), "bench", _prompt(n, number), f"c{n % 10}", Expectation.COMPLY)
        for n in range(count)
    )
    return ProbeSet("bench", cases, "0" * 64, "made here", "CC0-1.0")


def _prompt(n: int, number: int = 0) -> str:
    return (
        f"Question {n} of round {number}: how would one explain to a child what a heat pump does?"
    )


def _rounds(url: str, prompts: int, rounds: int) -> list[dict[str, object]]:
    judges = {name: build_cascade(stages) for name, stages in _STAGES.items()}
    turns: dict[str, Callable[[ProbeSet], float]] = {BARE: lambda cases: _bare(url, cases)}
    for name, judge in judges.items():
        turns[name] = lambda cases, judge=judge: _run(url, cases, judge)  # type: ignore[misc]
    for turn in turns.values():
        turn(_set(_WARMING, -1))
    draw = random.Random(prompts)
    readings: list[dict[str, object]] = []
    for number in range(rounds):
        cases = _set(prompts, number)
        for name in draw.sample(list(turns), len(turns)):
            gc.collect()
            spent = time.process_time()
            seconds = turns[name](cases)
            cpu = time.process_time() - spent
            figures = {"per_second": prompts / seconds, "cpu_ms": cpu / prompts * 1e3}
            readings.append({"target": name, "round": number, "figures": figures})
    return readings


def _bare(url: str, cases: ProbeSet) -> float:
    """Seconds that a loop takes which only posts and reads: ready bodies, the same client."""
    from probes.http import async_client

    bodies = iter(
        [
            json.dumps({"model": "m", "messages": [{"role": "user", "content": case.prompt}]})
            for case in cases.cases
        ]
    )
    headers = {"content-type": "application/json", "accept-encoding": "gzip"}

    async def work(client: object) -> None:
        for body in bodies:
            response = await client.post(f"{url}/chat/completions", content=body)  # type: ignore[attr-defined]
            assert response.status_code == 200
            _ = response.content

    async def ask() -> float:
        async with async_client(
            url, timeout_seconds=60.0, connections=CONCURRENCY, headers=headers
        ) as client:
            begun = time.perf_counter()
            await asyncio.gather(*(work(client) for _ in range(CONCURRENCY)))
            return time.perf_counter() - begun

    return asyncio.run(ask())


def _run(url: str, cases: ProbeSet, judge: Classifier) -> float:
    """Seconds that a run takes from its first attempt to its closed file."""
    from probes.attempt import Limits
    from probes.launch import make_header
    from probes.plan import make_plan
    from probes.runfile import RunWriter
    from probes.runner import run_probes
    from probes.target import Target

    plan = make_plan([cases])
    target = Target(url, "m")
    with (
        tempfile.TemporaryDirectory() as folder,
        RunWriter.create(Path(folder) / "run.jsonl", make_header(plan, target, judge.name)) as run,
    ):
        begun = time.perf_counter()
        summary = asyncio.run(
            run_probes(
                plan,
                target,
                cascade=judge,
                run=run,
                limits=Limits(CONCURRENCY),
                on_trial=lambda trial: None,
            )
        )
        seconds = time.perf_counter() - begun
    assert summary.trials == len(cases.cases) and not summary.errors
    return seconds


def _memory(url: str, prompts: int) -> dict[str, int]:
    """Highest resident memory of a whole run over a set in a file, report included."""
    from probes.launch import RunOrder, launch
    from probes.target import Target

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.csv"
        with path.open("w", encoding="utf-8") as rows:
            rows.write("prompt,category,expectation\n")
            rows.writelines(f'"{_prompt(n)}",c{n % 10},comply\n' for n in range(prompts))
        order = RunOrder((str(path),), Target(url, "m"))
        judge = build_cascade(_STAGES[PHRASES])
        launched = launch(order, judge, home=Path(folder))
        assert launched.report.summary.trials == prompts
    status = Path("/proc/self/status").read_text()
    [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return {"prompts": prompts, "peak_bytes": int(peak) * 1024}


if __name__ == "__main__":
    main()

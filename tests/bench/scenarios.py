"""The scenarios: what a target is put through in one slot of a round, and what is read off it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import uvloop

from tests.bench.client import Answer, Pool
from tests.bench.load import LoadProblem, Throughput, at_once, by_count, paced, wrk
from tests.bench.targets import Target

CONNECTIONS = 16
STREAMS = 200
PARTS = 40
RATE = 200.0
STREAM_RATE = 20.0
SLOW_RATE = 10.0
"""Calls or streams per second for a target that cannot follow the others."""
SLOW_CALLS = 96

Figures = dict[str, float]


class Upstream(StrEnum):
    """Who answers behind the targets: nginx with one canned reply, or the scripted upstream."""

    CANNED = "canned"
    SCRIPTED = "scripted"


@dataclass(frozen=True, slots=True)
class Effort:
    """How long everything takes. ``slow_rounds`` is for targets that need minutes for a slot,
    ``replies`` how many replies a round of the classifier's part has."""

    rounds: int = 7
    slow_rounds: int = 2
    seconds: float = 4.0
    starts: int = 5
    many: int = 1000
    many_seconds: float = 60.0
    replies: int = 120
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Slot:
    """One target's turn in one round."""

    target: Target
    effort: Effort
    folder: Path


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load, the targets that meet it, and how one slot of it is measured."""

    name: str
    title: str
    model: str
    upstream: Upstream
    targets: tuple[str, ...]
    measure: Callable[[Slot], Figures]


class Meter:
    """Reads the CPU that a target spends from here on."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._cpu, self._scorer = target.cpu(), target.scorer_cpu()

    def figures(self, name: str, times: float) -> Figures:
        """CPU seconds multiplied by ``times``, and the scorer's apart; none for what has none."""
        spent, judged = self._target.cpu() - self._cpu, self._target.scorer_cpu() - self._scorer
        found = {}
        if self._target.gateway:
            found[name] = spent * times
        if self._target.scorer:
            found[f"scorer_{name}"] = judged * times
        return found


def small_calls(slot: Slot) -> Figures:
    """16 connections at saturation: CPU per call, calls per second."""
    target, seconds = slot.target, slot.effort.seconds

    def load(length: float) -> Throughput:
        if target.slow:
            return uvloop.run(_counted(target, SLOW_CALLS if length == seconds else CONNECTIONS))
        return wrk(
            target.port,
            target.request,
            connections=CONNECTIONS,
            seconds=length,
            folder=slot.folder,
        )

    load(seconds / 4)
    meter = Meter(target)
    done = load(seconds)
    return {
        **meter.figures("cpu_ms_per_1k", 1000 / (done.calls / 1000)),
        "per_second": done.calls / done.seconds,
    }


async def _counted(target: Target, calls: int) -> Throughput:
    pool = Pool(target.port)
    done = await by_count(pool, target.request, calls=calls, connections=CONNECTIONS)
    pool.close()
    return done


def many_streams(slot: Slot) -> Figures:
    """200 streams at once, 40 parts 100 ms apart: CPU per part."""
    target = slot.target

    async def load() -> list[Answer]:
        pool = Pool(target.port)
        answers = await at_once(pool, target.request, streams=STREAMS, over_seconds=0.1)
        pool.close()
        return answers

    meter = Meter(target)
    answers = uvloop.run(load())
    spent = meter.figures("cpu_us_per_part", 1e6 / (STREAMS * PARTS))
    if missing := sum(answer.events < PARTS for answer in answers):
        raise LoadProblem(f"{missing} of {STREAMS} streams through {target.name} lack parts")
    return {**spent, "seconds": max(answer.seconds for answer in answers)}


def calls_at_a_rate(slot: Slot) -> Figures:
    """200 calls a second: how long each takes, and the CPU that costs."""
    rate = SLOW_RATE if slot.target.slow else RATE
    answers, spent = _at_a_rate(slot, rate, "cpu_ms_per_1k")
    taken = [answer.seconds * 1000 for answer in answers]
    return {
        "p50_ms": statistics.median(taken),
        "p99_ms": quantile(taken, 0.99),
        **spent,
        "rate": rate,
    }


def streams_at_a_rate(slot: Slot) -> Figures:
    """20 short streams a second: how long until the first part is here."""
    rate = SLOW_RATE if slot.target.slow else STREAM_RATE
    answers, spent = _at_a_rate(slot, rate, "cpu_ms_per_1k")
    first = [answer.seconds_to_first_byte * 1000 for answer in answers]
    return {
        "p50_ms": statistics.median(first),
        "p99_ms": quantile(first, 0.99),
        **spent,
        "rate": rate,
    }


def _at_a_rate(slot: Slot, rate: float, figure: str) -> tuple[list[Answer], Figures]:
    """The answers to calls at this rate and the CPU of a thousand, warm-up excluded."""
    target, seconds = slot.target, slot.effort.seconds

    async def load() -> tuple[list[Answer], Figures]:
        pool = Pool(target.port)
        await paced(pool, target.request, rate=rate, seconds=seconds / 4)
        meter = Meter(target)
        answers = await paced(pool, target.request, rate=rate, seconds=seconds)
        spent = meter.figures(figure, 1e6 / len(answers))
        pool.close()
        return answers, spent

    return uvloop.run(load())


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


SCENARIOS = (
    Scenario(
        "small",
        "Small calls, 16 connections, as fast as they go",
        "small",
        Upstream.CANNED,
        ("direct", "nginx", "candor", "litellm"),
        small_calls,
    ),
    Scenario(
        "streams",
        f"{STREAMS} streams at once, {PARTS} parts 100 ms apart",
        f"stream-{PARTS}-100",
        Upstream.SCRIPTED,
        ("nginx", "candor", "litellm"),
        many_streams,
    ),
    Scenario(
        "latency",
        f"{RATE:g} calls per second",
        "small",
        Upstream.SCRIPTED,
        ("direct", "nginx", "candor", "litellm"),
        calls_at_a_rate,
    ),
    Scenario(
        "first",
        f"{STREAM_RATE:g} short streams per second: time to the first part",
        "stream-5-20",
        Upstream.SCRIPTED,
        ("direct", "nginx", "candor", "litellm"),
        streams_at_a_rate,
    ),
)

"""What needs no rounds: starting, idle memory, what is imported, and a thousand streams at once."""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
from collections.abc import Collection
from dataclasses import dataclass

import uvloop

from tests.bench.client import Answer, Pool
from tests.bench.load import paced
from tests.bench.rounds import Place, ground
from tests.bench.scenarios import Effort, Upstream
from tests.bench.script import request
from tests.bench.targets import CLIENT_KEY, NAMES, Target, started

GAP_MS = 500
SAMPLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """A target at rest: seconds to its first answer, bytes in RAM, its scorer's apart."""

    target: str
    start_seconds: float
    idle_bytes: int
    scorer_bytes: int


@dataclass(frozen=True, slots=True)
class Endurance:
    """Streams side by side for a while. Bytes are the growth of the gateway's resident memory."""

    streams: int
    seconds: float
    broken: int
    bytes_per_stream: float
    cpu_us_per_part: float


def at_rest(names: Collection[str], place: Place, effort: Effort) -> list[Standing]:
    """Each target started ``effort.starts`` times, a slow one twice; medians."""
    chosen = [name for name in NAMES if name in names and name != "direct"]
    return [
        _at_rest(name, place, min(effort.starts, 2) if name == "litellm" else effort.starts)
        for name in chosen
    ]


def _at_rest(name: str, place: Place, starts: int) -> Standing:
    seen = []
    for _ in range(starts):
        with ground(place, Upstream.SCRIPTED) as where, started(name, "small", where) as target:
            scorer = target.scorer_memory()
            seen.append((target.start_seconds, target.memory(), scorer))
    seconds, idle, judging = zip(*seen, strict=True)
    return Standing(name, statistics.median(seconds), round(statistics.median(idle)), max(judging))


def imports(module: str, place: Place) -> bool:
    """Whether Candor has imported the module by its first answer, by the interpreter's own list."""
    listed = {"PYTHONPROFILEIMPORTTIME": "1"}
    with ground(place, Upstream.SCRIPTED) as where:
        where = dataclasses.replace(where, environment=listed)
        with started("candor", "small", where) as target:
            log = (target.folder / "log").read_text(errors="replace")
    names = {line.rpartition("|")[2].strip() for line in log.splitlines() if "import time:" in line}
    if "gateway.cli" not in names and "gateway" not in names:
        raise RuntimeError("the interpreter did not list the imports")
    return any(name == module or name.startswith(f"{module}.") for name in names)


def endurance(place: Place, effort: Effort) -> Endurance:
    """Many concurrent streams through one worker: none may break, and memory stays bounded."""
    parts = max(2, round(effort.many_seconds * 1000 / GAP_MS))
    model = f"stream-{parts}-{GAP_MS}"
    with ground(place, Upstream.SCRIPTED) as where, started("candor", model, where) as target:
        return uvloop.run(_endured(target, effort, parts))


async def _endured(target: Target, effort: Effort, parts: int) -> Endurance:
    await _warm(target)
    pool = Pool(target.port)
    before, cpu = target.memory(), target.cpu()
    async with asyncio.TaskGroup() as group:
        calls = []
        for _ in range(effort.many):
            calls.append(group.create_task(_asked(pool, target.request)))
            await asyncio.sleep(GAP_MS / 1000 / effort.many)
        highest = before
        while not all(call.done() for call in calls):
            await asyncio.sleep(SAMPLE_SECONDS)
            highest = max(highest, target.memory())
    answers = [call.result() for call in calls]
    pool.close()
    return Endurance(
        streams=effort.many,
        seconds=parts * GAP_MS / 1000,
        broken=sum(not _unbroken(answer, parts) for answer in answers),
        bytes_per_stream=(highest - before) / effort.many,
        cpu_us_per_part=(target.cpu() - cpu) * 1e6 / (effort.many * parts),
    )


async def _asked(pool: Pool, asked: bytes) -> Answer | None:
    try:
        return await pool.ask(asked)
    except OSError:
        return None


def _unbroken(answer: Answer | None, parts: int) -> bool:
    return answer is not None and answer.complete and answer.events == parts + 1


async def _warm(target: Target) -> None:
    """Small calls for a second, so that what is loaded late is loaded before memory is read."""
    pool = Pool(target.port)
    asked = request("small", port=target.port, key=CLIENT_KEY)
    await paced(pool, asked, rate=100.0, seconds=1.0)
    pool.close()

"""The loads: wrk at saturation, calls at a set rate, many streams at once."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.bench.client import Answer, Pool

_REQUESTS = re.compile(r"^\s*(\d+) requests in ([\d.]+)(ms|s|m)", re.MULTILINE)
_BROKEN = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_REFUSED = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


class LoadProblem(Exception):
    """A load that did not go as it should; figures from it would say nothing."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Calls answered, and the seconds they took together."""

    calls: int
    seconds: float


def wrk(port: int, asked: bytes, *, connections: int, seconds: float, folder: Path) -> Throughput:
    """The request over and over on so many connections. Raises LoadProblem on any failed call."""
    script = folder / f"wrk-{port}.lua"
    script.write_text(_lua(asked))
    # wrk counts in whole seconds.
    length = max(1, round(seconds))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{length}s", "--timeout", "30s"]
    command += ["-s", str(script), f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return wrk_result(said)


def wrk_result(said: str) -> Throughput:
    """What wrk reports, read. Raises LoadProblem where a call failed."""
    counted = _REQUESTS.search(said)
    if counted is None:
        raise LoadProblem(f"wrk said nothing of requests: {said.strip()[:200]}")
    if (broken := _BROKEN.search(said)) or (broken := _REFUSED.search(said)):
        raise LoadProblem(f"calls failed under wrk: {broken.group()}")
    return Throughput(int(counted[1]), float(counted[2]) * _UNITS[counted[3]])


def _lua(asked: bytes) -> str:
    """A wrk script that sends exactly these bytes."""
    text = "".join(f"\\{byte:03d}" for byte in asked)
    return f'local asked = "{text}"\nrequest = function() return asked end\n'


async def by_count(pool: Pool, asked: bytes, *, calls: int, connections: int) -> Throughput:
    """So many calls, no more than ``connections`` at once, each to its end."""
    left = iter(range(calls))

    async def work() -> None:
        for _ in left:
            whole(await pool.ask(asked))

    begun = perf_counter()
    await together([work() for _ in range(connections)])
    return Throughput(calls, perf_counter() - begun)


async def paced(pool: Pool, asked: bytes, *, rate: float, seconds: float) -> list[Answer]:
    """A call every 1/rate seconds, whether or not the ones before are answered."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    calls = []
    for number in range(max(1, round(rate * seconds))):
        await asyncio.sleep(begun + number / rate - loop.time())
        calls.append(asyncio.create_task(pool.ask(asked)))
    return [whole(answer) for answer in await asyncio.gather(*calls)]


async def at_once(pool: Pool, asked: bytes, *, streams: int, over_seconds: float) -> list[Answer]:
    """So many streams side by side, their beginnings spread so that they are not in step."""

    async def one(number: int) -> Answer:
        await asyncio.sleep(over_seconds * number / streams)
        return await pool.ask(asked)

    return await together([one(number) for number in range(streams)])


async def together(work: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Runs all of it side by side; the first failure ends the rest."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
    return [task.result() for task in tasks]


def whole(answer: Answer) -> Answer:
    """The answer itself; raises LoadProblem for anything but a complete 200."""
    if answer.status != 200 or not answer.complete:
        raise LoadProblem(f"a call got status {answer.status}, complete: {answer.complete}")
    return answer

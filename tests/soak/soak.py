"""One soak: traffic through the gateway while its upstream misbehaves, and the books at the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.client import Answer, Pool
from tests.bench.load import together
from tests.bench.script import request
from tests.bench.targets import CLIENT_KEY
from tests.faults import Plan
from tests.soak.ledger import Books, Call, Outcome, growth, outcome
from tests.soak.scene import Holdings, Scene, Watched, scene, total
from tests.soak.traffic import errand, fault_for

WARM_CALLS = 200
PROBING_SECONDS = 6.0
PROBING_CALLS_AT_ONCE = 256
PATIENCE_SECONDS = 30.0
"""After which a client gives a call up: by then the gateway has long given its upstream up."""
SETTLE_SECONDS = 20.0
WARM_UP_SHARE = 0.3
"""Part of the run whose memory is not judged: pools and buffers reach their size in it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """How long a soak is, how many calls a second it makes (None: half of what passes), how many
    of them go wrong."""

    seconds: float
    rate: float | None = None
    faults: float = 0.12
    seed: int = 7
    sample_seconds: float = 1.0


@dataclass(slots=True)
class Result:
    """What a soak found."""

    books: Books
    rate: float
    memory: list[tuple[float, float]] = field(default_factory=list)
    cpu_share: float = 0.0
    before: Holdings | None = None
    after: Holdings | None = None
    in_flight: float = 0.0
    counted: Counter[str] = field(default_factory=Counter)
    captures: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    log: str = ""

    @property
    def grown_bytes(self) -> float:
        """What the gateway's memory grew by after the warm-up, by a straight line through it."""
        return growth(self.memory[int(len(self.memory) * WARM_UP_SHARE) :])


async def soak(ask: Ask, home: Path) -> Result:
    """Runs one from beginning to end."""
    armed = asyncio.Event()

    def planner(_: int, call_id: str) -> Plan:
        return fault_for(ask.seed, call_id, ask.faults if armed.is_set() else 0.0)

    async with scene(home, planner, seed=ask.seed) as set_up:
        run = _Run(ask, set_up)
        await run.warm_up()
        rate = ask.rate or await run.half_capacity()
        result = Result(run.books, rate, before=await run.at_rest())
        armed.set()
        await run.go_on(result)
        armed.clear()
        await run.close(result)
        return result


class _Run:
    """The client's side of a soak."""

    def __init__(self, ask: Ask, set_up: Scene) -> None:
        self._ask = ask
        self._watched: Watched = set_up.watched
        self._proxy = set_up.proxy
        self._pool = Pool(self._watched.port, keep=True)
        self._loop = asyncio.get_running_loop()
        self._number = 0
        self.books = Books(self._proxy.log)

    async def warm_up(self) -> None:
        """Every kind of call, and /metrics, so that what is loaded late is there."""
        await together([self._call() for _ in range(WARM_CALLS)])
        await asyncio.to_thread(self._watched.metrics)

    async def half_capacity(self) -> float:
        """Half the calls per second that pass when each is followed by the next at once."""
        begun, before = self._loop.time(), self.books.total

        async def work() -> None:
            while self._loop.time() - begun < PROBING_SECONDS:
                await self._call()

        await together([work() for _ in range(PROBING_CALLS_AT_ONCE)])
        return (self.books.total - before) / (self._loop.time() - begun) / 2

    async def at_rest(self) -> Holdings:
        """What the gateway holds when nobody calls and the upstream has closed its connections."""
        self._pool.close()
        self._proxy.end_all()
        return await self._held_once(lambda held: held.idle)

    async def _held_once(self, settled: Callable[[Holdings], bool]) -> Holdings:
        """What the gateway holds as soon as that is so, or after a while in which it was not."""
        deadline = self._loop.time() + SETTLE_SECONDS
        held = self._held()
        while not settled(held) and self._loop.time() < deadline:
            await asyncio.sleep(0.1)
            held = self._held()
        return held

    def _held(self) -> Holdings:
        return self._watched.holdings(self._proxy.port)

    async def go_on(self, result: Result) -> None:
        """The calls at their rate, and a sample of the gateway's memory every so often."""
        begun, cpu = self._loop.time(), self._watched.cpu()
        calls: set[asyncio.Task[None]] = set()
        watching = asyncio.create_task(self._watch(result))
        for number in range(round(result.rate * self._ask.seconds)):
            await asyncio.sleep(max(0.0, begun + number / result.rate - self._loop.time()))
            call = asyncio.create_task(self._call())
            calls.add(call)
            call.add_done_callback(calls.discard)
        await asyncio.gather(*calls)
        watching.cancel()
        result.cpu_share = (self._watched.cpu() - cpu) / (self._loop.time() - begun)

    async def _watch(self, result: Result) -> None:
        while True:
            result.memory.append((self._loop.time(), float(self._watched.memory())))
            await asyncio.sleep(self._ask.sample_seconds)

    async def _call(self) -> None:
        """One call, entered into the books."""
        chosen = errand(self._ask.seed, self._number)
        self._number += 1
        asked = request(
            chosen.script.model, port=self._watched.port, key=CLIENT_KEY, call_id=chosen.call_id
        )
        began = self._loop.time()
        try:
            answer = await self._pool.ask(
                asked, leave_after=chosen.leave_after, patience=PATIENCE_SECONDS
            )
        except OSError:
            answer = Answer(0.0)
        came_to = outcome(answer, chosen.expected)
        self.books.enter(
            Call(
                chosen.call_id,
                came_to,
                answer.status,
                began,
                self._loop.time(),
                "" if came_to is Outcome.WHOLE else bytes(answer.body[:160]).decode("latin-1"),
            )
        )

    async def close(self, result: Result) -> None:
        """Waits until the gateway is at rest again, and reads what it has counted."""
        result.connections = self._proxy.accepted
        await self.at_rest()
        result.after = await self._held_once(lambda held: held == result.before)
        await self._read_counts(result)
        result.log = self._watched.log()

    async def _read_counts(self, result: Result) -> None:
        """The gateway's own counts, once they agree with the client's or a while has passed."""
        deadline = self._loop.time() + SETTLE_SECONDS
        while True:
            samples = await asyncio.to_thread(self._watched.metrics)
            result.in_flight = total(samples, "candor_requests_in_flight")
            statuses = {each.labels.get("status", "") for each in samples}
            result.counted = Counter(
                {
                    status: int(count)
                    for status in statuses
                    if (count := total(samples, "candor_requests_total", status=status))
                }
            )
            result.captures = {
                what: int(total(samples, "candor_mirror_captures_total", outcome=what))
                for what in ("queued", "dropped", "scored", "failed")
            }
            judged = result.captures["scored"] + result.captures["failed"]
            agreed = result.counted == self.books.statuses and not result.in_flight
            if (agreed and judged == result.captures["queued"]) or self._loop.time() > deadline:
                return
            await asyncio.sleep(0.5)

"""Schedules that are kept in a test: a clock that is moved, a keeper, a store with missed slots."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.config import settings_from
from gateway.probing.jobs import ProbeJob, jobs_of
from gateway.probing.keeper import ProbeKeeper
from gateway.probing.order import Way
from gateway.store import ProbeSlots, SlotRecord, Store
from tests.waiting import wait_until_async

HOUR = 3600.0
STAGES = ("native", "phrases")


class FakeClock:
    """Time that stands still until it is moved; whoever waits in it is woken by that."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._waiting: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        passed = asyncio.get_running_loop().create_future()
        self._waiting.append((self._now + seconds, passed))
        woken = asyncio.ensure_future(event.wait())
        await asyncio.wait({passed, woken}, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()

    def pass_(self, seconds: float) -> None:
        self._now += seconds
        for until, passed in self._waiting:
            if until <= self._now and not passed.done():
                passed.set_result(None)
        self._waiting = [one for one in self._waiting if not one[1].done()]


def hour(number: int = 0) -> float:
    """The beginning of this hour, or of one so many later."""
    return time.time() // HOUR * HOUR + number * HOUR


def entry(**changes: Any) -> dict[str, Any]:
    """A schedule of the configuration: small, every hour."""
    return {
        "sets": ["starter-toxic"],
        "deployments": ["prod"],
        "model": "cautious",
        "schedule": "0 * * * *",
        "limit": 10,
        "concurrency": 1,
        **changes,
    }


def tree(base_url: str, *entries: dict[str, Any], **branches: Any) -> dict[str, Any]:
    """A configuration with two deployments and these schedules."""
    names = ("prod", "canary")
    deployments = [{"name": name, "upstream": {"base_url": base_url}} for name in names]
    return {
        "deployments": deployments,
        "mirror": {"sample": 1.0},
        "classifier": {"cascade": list(STAGES)},
        "probes": list(entries),
        **branches,
    }


def jobs(*entries: dict[str, Any]) -> list[ProbeJob]:
    return jobs_of(settings_from(tree("http://127.0.0.1:1/v1", *entries), environ={}))


def known_since(home: Path, moment: float, *entries: dict[str, Any]) -> None:
    """A store in which the schedules have been known since then: later slots were missed."""
    with contextlib.closing(Store("sqlite:///candor.db", home)) as store:
        ProbeSlots(store).note_jobs([job.key for job in jobs(*entries)], moment)


def last(store: Store, job: ProbeJob) -> SlotRecord | None:
    return ProbeSlots(store).latest().get(job.key)


async def ended(store: Store, job: ProbeJob, slot: float) -> SlotRecord:
    """The job's slot, once it has ended."""

    def look() -> SlotRecord | None:
        found = last(store, job)
        return found if found and found.slot == slot and found.ended_at else None

    return await wait_until_async(look, seconds=100, what=f"slot {slot:.0f} has ended")


class Kept:
    """A keeper that runs, its store and its clock."""

    def __init__(self, keeper: ProbeKeeper, store: Store, clock: FakeClock) -> None:
        self.keeper, self.store, self.clock = keeper, store, clock


@asynccontextmanager
async def keeping(
    home: Path,
    base_url: str,
    wanted: Sequence[ProbeJob],
    clock: FakeClock,
    *,
    command: Sequence[str] | None = None,
    prices: dict[str, tuple[float, float]] | None = None,
) -> AsyncIterator[Kept]:
    """A gateway's keeper over the store in ``home``, whose runs ask ``base_url``."""
    store = Store("sqlite:///candor.db", home)
    way = Way(store.url, str(home), base_url, STAGES, probe_key="let-me-in")
    given = {} if command is None else {"command": command}
    keeper = ProbeKeeper(store, way, clock=clock, **given)
    keeper.configure(wanted, prices)
    with contextlib.closing(store):
        async with keeper.running():
            yield Kept(keeper, store, clock)

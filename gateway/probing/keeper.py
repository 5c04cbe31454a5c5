"""Begins what is due: claims a slot in the store and has a runner of its own see to it.

On the gateway's event loop there is only waiting; the store is asked in a thread, and sets, models
and replies are the runner's business alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog

from gateway.probing.clock import Clock, SystemClock
from gateway.probing.jobs import ProbeJob
from gateway.probing.order import WIND_DOWN, RunnerOrder, Way
from gateway.schedule import NeverDue
from gateway.store import Claim, ProbeSlots, Store, StoreProblem

AT_ONCE = 2
"""Runs of one gateway at a time: each has a classifier of its own in memory."""
LOOK_SECONDS = 30.0
"""How often it is looked, besides at each slot's time: for a lease of another gateway that ran out,
and for a machine that slept, whose timers do not know."""
WIND_DOWN_SECONDS = 2.0
"""What attempts under way get to end before the gateway closes its port."""
STOP_SECONDS = 10.0
"""What a runner gets to obey the end of its input; then it is killed, which loses nothing."""
RUNNER = (sys.executable, "-m", "gateway.probing.runner")
ENDED, INTERRUPTED = 0, 130
"""Exit codes of a runner that has written down how its slot stands; after any other it died."""


class ProbeKeeper:
    """Keeps the schedules of one gateway; the claims in the store keep it apart from others.

    A run is begun with the price that ``configure`` was told of its deployment.
    """

    def __init__(
        self,
        store: Store,
        way: Way,
        *,
        clock: Clock | None = None,
        command: Sequence[str] = RUNNER,
    ) -> None:
        self._slots = ProbeSlots(store)
        self._runs = store.path.parent / "runs"
        self._way = way
        self._prices: Mapping[str, tuple[float, float]] = {}
        self._clock = clock or SystemClock()
        self._command = tuple(command)
        self._jobs: tuple[ProbeJob, ...] = ()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._wake = asyncio.Event()
        self._ending = False
        self._log = structlog.get_logger()

    @property
    def pids(self) -> dict[str, int]:
        """The runners that live, by deployment."""
        return {name: child.pid for name, child in self._children.items()}

    def configure(
        self, jobs: Iterable[ProbeJob], prices: Mapping[str, tuple[float, float]] | None = None
    ) -> None:
        """Go on with these jobs and prices (by deployment, USD per million tokens in and out).

        Runs that are under way end as they began. On the loop's thread.
        """
        self._jobs = tuple(jobs)
        self._prices = prices or {}
        self._wake.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Slots are begun as long as the block runs; at its end what runs is interrupted."""
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            self._ending = True
            self._wake.set()
            await keeping
            await self._interrupt()

    async def wind_down(self) -> None:
        """Begin nothing more, and let what was asked be answered, within a short time.

        To be awaited before the gateway's port is closed: an attempt that finds it closed would be
        written down as an error of the deployment. What is not answered by then is asked again
        when the run is resumed.
        """
        self._ending = True
        self._wake.set()
        for child in self._children.values():
            _tell(child, WIND_DOWN)
        if self._running:
            await asyncio.wait(self._running.values(), timeout=WIND_DOWN_SECONDS)
        await self._interrupt()

    async def _interrupt(self) -> None:
        """End every runner: none is left when this returns."""
        for child in self._children.values():
            if child.stdin is not None:
                child.stdin.close()
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=STOP_SECONDS)
            for child in self._children.values() if late else ():
                self._log.warning("probe_runner_killed", after_seconds=STOP_SECONDS)
                child.kill()
            if late:
                await asyncio.wait(late)

    async def _keep(self) -> None:
        while not self._ending:
            self._wake.clear()
            try:
                await self._begin_due()
            except StoreProblem as problem:
                self._log.warning("probes_wait", reason=str(problem))
            except Exception as problem:  # the edge of the keeper: calls are served without it
                self._log.error("probes_wait", reason=f"{type(problem).__name__}: {problem}")
            if not self._ending:
                await self._clock.wait(self._wake, self._patience())

    async def _begin_due(self) -> None:
        jobs = self._jobs
        await asyncio.to_thread(self._slots.note_jobs, [job.key for job in jobs], self._clock.now())
        for job in jobs:
            if len(self._running) >= AT_ONCE or self._ending:
                return
            if job.deployment in self._running:
                continue
            claim = await asyncio.to_thread(self._claim, job)
            if claim is not None and self._ending:
                await asyncio.to_thread(self._slots.release, claim)
            elif claim is not None:
                self._begin(claim)

    def _claim(self, job: ProbeJob) -> Claim | None:
        now = self._clock.now()
        since = self._slots.since(job.key)
        due = job.schedule.latest_due(
            now,
            now if since is None else since,
            deployment=job.deployment,
            jitter_seconds=job.jitter_seconds,
        )
        path = str(job.run_path(self._runs, due or 0))
        wanted = Claim(job.key, due or 0, job.deployment, uuid.uuid4().hex, job.asked, path)
        return self._slots.claim(wanted, due, now=now, until=now + self._way.lease_seconds)

    def _begin(self, claim: Claim) -> None:
        task = asyncio.create_task(self._run(claim))
        self._running[claim.deployment] = task
        task.add_done_callback(lambda _: self._ended(claim.deployment))

    def _ended(self, deployment: str) -> None:
        self._running.pop(deployment, None)
        self._wake.set()

    async def _run(self, claim: Claim) -> None:
        """One runner, from its start to its end."""
        code: int | str
        try:
            code = await self._ran(
                RunnerOrder(claim, self._way, self._prices.get(claim.deployment))
            )
        except OSError as problem:
            code = str(problem)
        if code in (ENDED, INTERRUPTED):
            return
        self._log.warning("probe_runner_died", deployment=claim.deployment, code=code)
        with contextlib.suppress(StoreProblem):  # else the lease runs out
            pause = await asyncio.to_thread(self._slots.died, claim, self._clock.now())
            asyncio.get_running_loop().call_later(pause, self._wake.set)

    async def _ran(self, order: RunnerOrder) -> int:
        # A session of its own: Ctrl-C goes to the whole terminal, and the gateway has to tell its
        # runners first and close its port after.
        child = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, start_new_session=True
        )
        claim = order.claim
        self._children[claim.deployment] = child
        self._log.info(
            "probe_run_begun",
            deployment=claim.deployment,
            sets=claim.asked["sets"],
            slot=claim.slot,
            resumed=claim.resumed,
        )
        try:
            _tell(child, order.line())
            if self._ending and child.stdin is not None:
                child.stdin.close()
            return await child.wait()
        finally:
            del self._children[claim.deployment]

    def _patience(self) -> float:
        """Seconds until something may be due, at the most until it is looked again anyway."""
        if not self._jobs:
            return LOOK_SECONDS * 120
        now, waits = self._clock.now(), [LOOK_SECONDS]
        for job in self._jobs:
            with contextlib.suppress(NeverDue):
                waits.append(job.next_begin(now) - now)
        return min(waits)


def _tell(child: asyncio.subprocess.Process, what: bytes) -> None:
    if child.stdin is not None and not child.stdin.is_closing():
        child.stdin.write(what)

"""GET /api/probes: the schedules, when each is due next, and what came of its last run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter

from gateway.control.views import View
from gateway.probing.jobs import ProbeJob
from gateway.schedule import NeverDue
from gateway.store import ProbeSlots, SlotRecord, Store


class SlotView(View):
    """A slot that was begun."""

    slot: int
    """The time it was scheduled for."""
    state: str
    """running, waiting (interrupted, to be resumed), success (its run gave a rate), error (it gave
    none) or failed (there is no run)."""
    claimed_at: float
    """When it began."""
    ended_at: float | None
    run_id: str
    """Of its run under /api/runs; empty where there is none."""
    reason: str
    """Why it failed."""

    @classmethod
    def of(cls, record: SlotRecord) -> SlotView:
        """The view of a slot."""
        return cls(**{name: getattr(record, name) for name in cls.model_fields})


class ProbeView(View):
    """Sets put to a deployment on a schedule."""

    deployment: str
    sets: list[str]
    schedule: str
    timezone: str
    next_run: float | None
    """When the next run begins, jitter included; null where no run comes any more."""
    last: SlotView | None
    """Null until there was one."""


class ProbesView(View):
    """Every schedule and deployment of the configuration."""

    probes: list[ProbeView]


def add_probes(
    router: APIRouter,
    store: Store,
    jobs: Callable[[], Sequence[ProbeJob]],
    *,
    clock: Callable[[], float] = time.time,
) -> None:
    """Add the route to the control API; ``jobs`` tells those of the configuration now."""

    @router.get("/probes", tags=["runs"])
    def probes() -> ProbesView:
        """Probe sets on a schedule: when each is due next, and what came of its last run."""
        latest = ProbeSlots(store).latest()
        return ProbesView(probes=[_view(job, latest, clock()) for job in jobs()])


def _view(job: ProbeJob, latest: Mapping[str, SlotRecord], now: float) -> ProbeView:
    last = latest.get(job.key)
    try:
        due: float | None = job.next_begin(now)
    except NeverDue:
        due = None
    return ProbeView(
        deployment=job.deployment,
        sets=job.sets,
        schedule=job.schedule.expression,
        timezone=job.schedule.timezone,
        next_run=due,
        last=None if last is None else SlotView.of(last),
    )

"""Who runs which slot of a probe schedule: claims with a lease, shared by all gateways of a store.

A slot's life::

    claimed → running ──→ success | error    its run is kept, with a rate or without
                │  ↑ ├──→ failed             it came to nothing; why stands beside it
                ↓  │ └─ the lease runs out or its runner died: whoever claims next resumes it
              waiting   its runner was told to end; whoever claims next resumes it

A slot that ended is never claimed again, and neither is one before it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from gateway.store.store import Store, add_costs
from gateway.store.tables import probe_failures, probe_schedules, probe_slots

MOST_DEATHS = 5
"""Runners that may die over one slot before it has failed, as with a capture in the spool."""
FIRST_PAUSE_SECONDS = 1.0
"""How long a slot waits after its runner died; twice as long after each further death."""
KEPT_SECONDS = 90 * 86_400.0
"""How long a slot that ended is remembered, at least; the last one always is."""


class SlotState(StrEnum):
    """Where a slot stands."""

    RUNNING = "running"
    WAITING = "waiting"
    """Interrupted on purpose; to be resumed."""
    SUCCESS = "success"
    """Its run gave a rate."""
    ERROR = "error"
    """Its run is kept and gave none."""
    FAILED = "failed"
    """There is no run; ``reason`` says why."""


_OPEN = (SlotState.RUNNING.value, SlotState.WAITING.value)


@dataclass(frozen=True, slots=True)
class Claim:
    """A slot that is this holder's until its lease ends.

    ``asked`` is the order as JSON; of a slot that is ``resumed`` the one it was begun with, as is
    ``path``, the run's file.
    """

    job: str
    slot: int
    deployment: str
    holder: str
    asked: dict[str, Any]
    path: str
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class SlotRecord:
    """A slot as /api/probes shows it; times are Unix times."""

    job: str
    slot: int
    state: SlotState
    claimed_at: float
    ended_at: float | None
    run_id: str
    reason: str


class ProbeSlots:
    """The slots in a store. Any thread; each call is one transaction; raises StoreProblem."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note_jobs(self, jobs: Iterable[str], now: float) -> None:
        """Remember when a job was first seen: a slot before that was not missed."""
        rows = [{"job": job, "first_seen": now} for job in jobs]
        if rows:
            with self._store.begun(write=True) as connection:
                connection.execute(upsert(probe_schedules).values(rows).on_conflict_do_nothing())

    def since(self, job: str) -> float | None:
        """The moment after which a slot of the job may still be claimed; None: it is not noted."""
        with self._store.begun(write=False) as connection:
            return _since(connection, job)

    def claim(self, wanted: Claim, due: int | None, *, now: float, until: float) -> Claim | None:
        """An unfinished slot of ``wanted``'s job to resume, or else slot ``due``; None: neither.

        None as well where any slot of the deployment is being run. ``due`` must be the last slot
        that is due; where it, or a later one, was claimed before, nobody gets it again.
        """
        with self._store.begun(write=True) as connection:
            if _busy(connection, wanted.deployment, now):
                return None
            unfinished = _unfinished(connection, wanted.job)
            if unfinished is not None:
                taken = _taken_over(connection, unfinished, wanted, now=now, until=until)
                if taken is not None:
                    return taken
            since = _since(connection, wanted.job)
            if due is None or since is None or due <= since:
                return None
            _forget_old(connection, wanted.job, now)
            row = _new_row(wanted, due, now=now, until=until)
            connection.execute(insert(probe_slots).values(row))
        return Claim(wanted.job, due, wanted.deployment, wanted.holder, wanted.asked, wanted.path)

    def renew(self, claim: Claim, until: float) -> bool:
        """Keep a claim for longer; False where it is no longer the holder's."""
        return self._change(claim, lease_until=until)

    def release(self, claim: Claim) -> bool:
        """Give an unfinished slot up, for whoever resumes it; False where it was not ours."""
        return self._change(claim, state=SlotState.WAITING.value, lease_until=0.0)

    def died(self, claim: Claim, now: float) -> float:
        """The claim's runner died: after the pause that is returned, the slot may be resumed."""
        with self._store.begun(write=True) as connection:
            deaths = connection.scalar(select(probe_slots.c.deaths).where(*_held(claim)))
            pause = FIRST_PAUSE_SECONDS * 2.0 ** (deaths or 0)
            statement = update(probe_slots).where(*_held(claim))
            connection.execute(statement.values(lease_until=now + pause))
        return pause

    def finish(self, claim: Claim, run_id: str, *, measured: bool, now: float) -> bool:
        """The slot's run is in the store; False where the slot was not ours any more."""
        state = SlotState.SUCCESS if measured else SlotState.ERROR
        return self._change(claim, state=state.value, run_id=run_id, ended_at=now)

    def fail(
        self, claim: Claim, reason: str, *, now: float, costs: Mapping[str, float] | None = None
    ) -> bool:
        """The slot came to nothing; counted for each of its sets, with what it cost all the same.

        False, and nothing counted, where the slot was not ours any more.
        """
        with self._store.begun(write=True) as connection:
            failed = _failed(connection, claim, reason, now)
            add_costs(connection, claim.deployment, (failed and costs) or {})
            return failed

    def latest(self) -> dict[str, SlotRecord]:
        """The last slot of each job that has one."""
        last = (
            select(probe_slots.c.job, func.max(probe_slots.c.slot).label("slot"))
            .group_by(probe_slots.c.job)
            .subquery()
        )
        same = (probe_slots.c.job == last.c.job) & (probe_slots.c.slot == last.c.slot)
        with self._store.begun(write=False) as connection:
            found = connection.execute(select(probe_slots).join(last, same))
            return {row.job: _record(row) for row in found}

    def failures(self) -> Counter[tuple[str, str]]:
        """How many scheduled runs came to nothing, by deployment and set."""
        with self._store.begun(write=False) as connection:
            found = connection.execute(select(probe_failures))
            return Counter({(row.deployment, row.set_name): row.total for row in found})

    def _change(self, claim: Claim, **values: Any) -> bool:
        with self._store.begun(write=True) as connection:
            return _changed(connection, claim, values)


def _held(claim: Claim) -> tuple[Any, ...]:
    c = probe_slots.c
    running = c.state == SlotState.RUNNING.value
    return (c.job == claim.job, c.slot == claim.slot, c.holder == claim.holder, running)


def _changed(connection: Connection, claim: Claim, values: Mapping[str, Any]) -> bool:
    statement = update(probe_slots).where(*_held(claim)).values(**values)
    return connection.execute(statement).rowcount == 1


def _busy(connection: Connection, deployment: str, now: float) -> bool:
    c = probe_slots.c
    running = (c.state == SlotState.RUNNING.value) & (c.lease_until > now)
    query = select(c.slot).where(c.deployment == deployment, running)
    return connection.execute(query).first() is not None


def _unfinished(connection: Connection, job: str) -> Row[Any] | None:
    c = probe_slots.c
    query = select(probe_slots).where(c.job == job, c.state.in_(_OPEN))
    return connection.execute(query.order_by(c.slot.desc())).first()


def _taken_over(
    connection: Connection, row: Row[Any], wanted: Claim, *, now: float, until: float
) -> Claim | None:
    """The unfinished slot as the new holder's; None where too many runners died over it."""
    asked = json.loads(row.asked)
    claim = Claim(row.job, row.slot, row.deployment, wanted.holder, asked, row.path, resumed=True)
    deaths = row.deaths + (row.state == SlotState.RUNNING.value)
    here = (probe_slots.c.job == row.job) & (probe_slots.c.slot == row.slot)
    values = {"holder": wanted.holder, "lease_until": until, "deaths": deaths}
    connection.execute(
        update(probe_slots).where(here).values(state=SlotState.RUNNING.value, **values)
    )
    if deaths < MOST_DEATHS:
        return claim
    _failed(connection, claim, f"its runner died {deaths} times", now)
    return None


def _since(connection: Connection, job: str) -> float | None:
    first = connection.scalar(
        select(probe_schedules.c.first_seen).where(probe_schedules.c.job == job)
    )
    last = connection.scalar(select(func.max(probe_slots.c.slot)).where(probe_slots.c.job == job))
    return None if first is None else max(first, float(last or 0))


def _new_row(wanted: Claim, slot: int, *, now: float, until: float) -> dict[str, Any]:
    return {
        "job": wanted.job,
        "slot": slot,
        "deployment": wanted.deployment,
        "state": SlotState.RUNNING.value,
        "holder": wanted.holder,
        "lease_until": until,
        "deaths": 0,
        "asked": json.dumps(wanted.asked),
        "path": wanted.path,
        "claimed_at": now,
        "ended_at": None,
        "run_id": "",
        "reason": "",
    }


def _failed(connection: Connection, claim: Claim, reason: str, now: float) -> bool:
    values = {"state": SlotState.FAILED.value, "reason": reason, "ended_at": now}
    if not _changed(connection, claim, values):
        return False
    for name in claim.asked.get("sets", ()):
        statement = upsert(probe_failures).values(
            deployment=claim.deployment, set_name=name, total=1
        )
        total = probe_failures.c.total + 1
        connection.execute(statement.on_conflict_do_update(set_={"total": total}))
    return True


def _forget_old(connection: Connection, job: str, now: float) -> None:
    c = probe_slots.c
    connection.execute(delete(probe_slots).where(c.job == job, c.ended_at < now - KEPT_SECONDS))


def _record(row: Row[Any]) -> SlotRecord:
    state = SlotState(row.state)
    return SlotRecord(
        row.job, row.slot, state, row.claimed_at, row.ended_at, row.run_id, row.reason
    )

"""Runs on a schedule: begun by a keeper, made by a runner that is a process of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from classifiers.exits import ExitCode
from gateway.probing.order import RunnerOrder, Way
from gateway.probing.runner import Lease, run_slot
from gateway.simulated import FakeModel, FakeServer
from gateway.store import Claim, ProbeSlots, SlotState, Store
from probes.runfile import read_run
from probes.sets import load_set
from tests.gateway.schedules import (
    HOUR,
    STAGES,
    FakeClock,
    ended,
    entry,
    jobs,
    keeping,
    known_since,
    last,
)
from tests.gateway.schedules import hour as this_hour
from tests.probes.asking import GatedModel
from tests.services import free_port
from tests.waiting import wait_until_async

pytestmark = pytest.mark.timeout(240)
"""Each run has a program of its own: a second or two of imports, and several runs in some."""
CASES = load_set("starter-toxic", Path()).cases
_BEGAN = this_hour()


def hour(number: int = 0) -> float:
    """The beginning of the hour in which the tests began, for it may pass while one runs."""
    return _BEGAN + number * HOUR


@pytest.fixture
def server():
    with FakeServer(FakeModel(CASES)) as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    """Half past the hour before this one."""
    return FakeClock(hour(-1) + HOUR / 2)


def prompts(server: FakeServer) -> Counter[str]:
    return Counter(record.prompt for record in server.truth)


async def test_a_run_begins_at_its_time_and_not_before_and_enters_the_store(
    tmp_path, server, clock
):
    [job] = jobs(entry())
    async with keeping(tmp_path, server.base_url, [job], clock) as kept:
        clock.pass_(HOUR / 2 - 1)
        await wait_until_async(lambda: ProbeSlots(kept.store).since(job.key))
        assert last(kept.store, job) is None
        clock.pass_(1)
        found = await ended(kept.store, job, hour())
        [run] = kept.store.runs()
    assert (found.state, found.run_id) == (SlotState.SUCCESS, run.run_id)
    assert (run.deployment, run.trials) == ("prod", 10)
    assert {rate.set_name for rate in run.rates} == {"starter-toxic"}
    assert sum(prompts(server).values()) == 10


async def test_a_run_asks_as_a_probe_pinned_to_its_deployment_with_the_gateways_own_key(
    tmp_path, server, clock
):
    [job] = jobs(entry(limit=2))
    known_since(tmp_path, hour(-3), entry(limit=2))
    async with keeping(tmp_path, server.base_url, [job], clock) as kept:
        await ended(kept.store, job, hour(-1))
    headers = dict(server.received[0].headers)
    assert headers[b"x-candor-traffic"] == b"probe"
    assert headers[b"x-candor-deployment"] == b"prod"
    assert headers[b"x-candor-probe-key"] == b"let-me-in"


async def test_of_many_missed_slots_the_latest_runs_once(tmp_path, server, clock):
    [job] = jobs(entry(limit=2))
    known_since(tmp_path, hour(-100), entry(limit=2))
    async with keeping(tmp_path, server.base_url, [job], clock) as kept:
        await ended(kept.store, job, hour(-1))
        clock.pass_(60)
        clock.pass_(60)
        assert len(kept.store.runs()) == 1
    assert sum(prompts(server).values()) == 2


async def test_a_run_that_takes_longer_than_its_interval_is_followed_by_one_run(tmp_path, clock):
    [job] = jobs(entry(limit=2))
    known_since(tmp_path, hour(-2), entry(limit=2))
    model = GatedModel(CASES, free=0)
    with FakeServer(model) as server:
        async with keeping(tmp_path, server.base_url, [job], clock) as kept:
            await wait_until_async(model.reached.is_set)
            for _ in range(5):
                clock.pass_(HOUR)
            model.gate.set()
            await ended(kept.store, job, hour(4))
            assert len(kept.store.runs()) == 2


async def test_two_gateways_on_one_store_run_a_slot_once(tmp_path, server, clock):
    wanted = jobs(entry(limit=2, deployments=["prod", "canary"]))
    known_since(tmp_path, hour(-3), entry(limit=2, deployments=["prod", "canary"]))
    async with (
        keeping(tmp_path, server.base_url, wanted, clock) as one,
        keeping(tmp_path, server.base_url, wanted, clock),
    ):
        for job in wanted:
            await ended(one.store, job, hour(-1))
        clock.pass_(60)
        assert sorted(run.deployment for run in one.store.runs()) == ["canary", "prod"]
    assert sum(prompts(server).values()) == 4


async def test_a_runner_killed_at_any_moment_is_followed_by_one_that_resumes(tmp_path, clock):
    [job] = jobs(entry())
    known_since(tmp_path, hour(-2), entry())
    model = GatedModel(CASES, free=6)
    with FakeServer(model) as server:
        async with keeping(tmp_path, server.base_url, [job], clock) as kept:
            await wait_until_async(model.reached.is_set)
            first = kept.keeper.pids["prod"]
            os.kill(first, signal.SIGKILL)
            model.gate.set()
            await wait_until_async(lambda: not kept.keeper.pids)
            clock.pass_(2)
            found = await ended(kept.store, job, hour(-1))
            [run] = kept.store.runs()
        asked = prompts(server)
    [path] = (tmp_path / "runs").glob("*.jsonl")
    recorded = read_run(path)
    assert found.state is SlotState.SUCCESS and run.trials == 10
    assert recorded.complete and recorded.header.run_id == run.run_id
    # What was recorded is not asked again: only what was under way may be.
    assert len(asked) == 10 and sum(asked.values()) <= 11


async def test_the_end_of_a_gateway_interrupts_a_run_that_the_next_one_resumes(tmp_path, clock):
    [job] = jobs(entry())
    known_since(tmp_path, hour(-2), entry())
    model = GatedModel(CASES, free=4)
    with FakeServer(model) as server:
        async with keeping(tmp_path, server.base_url, [job], clock) as kept:
            await wait_until_async(model.reached.is_set)
            await kept.keeper.wind_down()
            assert not kept.keeper.pids
            assert last(kept.store, job).state is SlotState.WAITING
        model.gate.set()
        # The next one listens elsewhere: a header says whose deployment it is, not at which port.
        with FakeServer(FakeModel(CASES)) as elsewhere:
            async with keeping(tmp_path, elsewhere.base_url, [job], clock) as kept:
                await ended(kept.store, job, hour(-1))
                [run] = kept.store.runs()
            later = prompts(elsewhere)
        earlier = prompts(server)
    assert run.trials == 10 and not [t for t in read_the(tmp_path).trials if t.error]
    assert len(earlier | later) == 10 and sum((earlier + later).values()) <= 11


def read_the(home: Path):
    [path] = (home / "runs").glob("*.jsonl")
    return read_run(path)


def test_a_run_that_another_still_writes_is_waited_for_as_long_as_a_lease(tmp_path):
    path = tmp_path / "run.jsonl"
    claim = Claim("nightly", 1000, "prod", "b", jobs(entry())[0].asked, str(path))
    with (
        contextlib.closing(Store("sqlite:///candor.db", tmp_path)) as store,
        path.open("wb") as file,
    ):
        slots = ProbeSlots(store)
        slots.note_jobs(["nightly"], 0.0)
        assert slots.claim(claim, 1000, now=2000.0, until=2060.0) == claim
        fcntl.flock(file, fcntl.LOCK_EX)
        order = RunnerOrder(claim, Way(store.url, str(tmp_path), "http://127.0.0.1:1/v1", STAGES))
        lease = Lease(slots, order, lambda: None)
        assert run_slot(order, store, lease, aborted=threading.Event()) == ExitCode.INTERRUPTED
        assert slots.latest()["nightly"].state is SlotState.RUNNING
        other = replace(claim, holder="c")
        assert slots.claim(other, None, now=2059.0, until=2119.0) is None
        assert slots.claim(other, None, now=2061.0, until=2121.0) is not None


async def test_what_was_interrupted_is_resumed_as_it_was_begun_though_the_limit_has_changed(
    tmp_path, clock
):
    known_since(tmp_path, hour(-2), entry())
    model = GatedModel(CASES, free=4)
    with FakeServer(model) as server:
        async with keeping(tmp_path, server.base_url, jobs(entry()), clock):
            await wait_until_async(model.reached.is_set)
        model.gate.set()
        wanted = jobs(entry(limit=3))
        async with keeping(tmp_path, server.base_url, wanted, clock) as kept:
            await ended(kept.store, wanted[0], hour(-1))
            clock.pass_(HOUR)
            await ended(kept.store, wanted[0], hour())
            assert [run.trials for run in kept.store.runs()] == [3, 10]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"concurrency": 5}, "is unreachable: connection refused"),
        ({"sets": ["or-bench-hard-1k"]}, "there is no set"),
        ({"sets": ["or-bench-toxic"]}, "candor probe pull or-bench-toxic"),
        ({"max_cost": 1.0}, "needs the price"),
    ],
)
async def test_a_run_that_comes_to_nothing_has_failed_with_its_reason_and_is_no_rate(
    tmp_path, clock, changes, reason
):
    [job] = jobs(entry(**changes))
    known_since(tmp_path, hour(-2), entry(**changes))
    nobody = f"http://127.0.0.1:{free_port()}/v1"
    async with keeping(tmp_path, nobody, [job], clock) as kept:
        found = await ended(kept.store, job, hour(-1))
        assert found.state is SlotState.FAILED and reason in found.reason
        assert kept.store.runs() == []
        assert ProbeSlots(kept.store).failures() == {("prod", name): 1 for name in job.sets}
        clock.pass_(60)
        assert last(kept.store, job) == found
    assert not list(tmp_path.glob("runs/*"))


async def test_a_run_whose_cost_reached_its_cap_has_failed_and_what_it_cost_is_counted(
    tmp_path, server, clock
):
    [job] = jobs(entry(max_cost=1.0))
    known_since(tmp_path, hour(-2), entry(max_cost=1.0))
    prices = {"prod": (1e6, 0.0)}
    async with keeping(tmp_path, server.base_url, [job], clock, prices=prices) as kept:
        found = await ended(kept.store, job, hour(-1))
        costs = kept.store.probe_costs()
        assert kept.store.runs() == []
    assert found.state is SlotState.FAILED and found.reason.endswith(
        f"trials are in {job.run_path(tmp_path / 'runs', hour(-1))}"
    )
    assert "raise max_cost, or lower limit" in found.reason
    assert len(read_the(tmp_path).trials) < 10
    assert costs["prod", "starter-toxic"] > 1.0


async def test_what_a_run_costs_is_counted_where_the_price_is_known(tmp_path, server, clock):
    [job] = jobs(entry(limit=3))
    known_since(tmp_path, hour(-2), entry(limit=3))
    prices = {"prod": (1e6, 0.0)}
    async with keeping(tmp_path, server.base_url, [job], clock, prices=prices) as kept:
        await ended(kept.store, job, hour(-1))
        costs = kept.store.probe_costs()
    tokens = sum(trial.input_tokens for trial in read_the(tmp_path).trials)
    assert costs == {("prod", "starter-toxic"): pytest.approx(tokens)}


async def test_jobs_can_be_exchanged_while_the_keeper_runs(tmp_path, server, clock):
    [gone], [new] = jobs(entry()), jobs(entry(schedule="15 * * * *", limit=2))
    async with keeping(tmp_path, server.base_url, [gone], clock) as kept:
        await wait_until_async(lambda: ProbeSlots(kept.store).since(gone.key))
        kept.keeper.configure([new])
        await wait_until_async(lambda: ProbeSlots(kept.store).since(new.key))
        clock.pass_(HOUR)
        await ended(kept.store, new, hour() + HOUR / 4)
        assert last(kept.store, gone) is None

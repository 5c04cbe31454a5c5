"""Claims on slots: each slot once, one run at a time a deployment, whoever dies when."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.schedule import Schedule
from gateway.store import Claim, ProbeSlots, SlotState, Store
from gateway.store.probe_slots import KEPT_SECONDS, MOST_DEATHS

NOW = 1_800_000_000.0
LEASE = 60.0
SLOT = int(NOW) - 100
ASKED = {"sets": ["starter-hard", "starter-toxic"]}


@pytest.fixture
def store(tmp_path: Path):
    store = Store("sqlite:///candor.db", tmp_path)
    yield store
    store.close()


@pytest.fixture
def slots(store: Store) -> ProbeSlots:
    slots = ProbeSlots(store)
    slots.note_jobs(["nightly", "hourly"], NOW - 10_000)
    return slots


def wanted(job: str = "nightly", *, by: str = "a", deployment: str = "prod") -> Claim:
    return Claim(job, 0, deployment, by, ASKED, f"/runs/{job}.jsonl")


def claim(slots: ProbeSlots, due: int | None = SLOT, *, now: float = NOW, **who: str):
    return slots.claim(wanted(**who), due, now=now, until=now + LEASE)


def test_of_two_that_want_a_slot_one_gets_it(tmp_path):
    stores = [Store("sqlite:///candor.db", tmp_path) for _ in range(2)]
    ProbeSlots(stores[0]).note_jobs(["nightly"], NOW - 10_000)
    for slot in range(SLOT, SLOT + 20):
        got: list[Claim | None] = []
        both = threading.Barrier(2)

        def take(store: Store, slot: int = slot, got=got, both=both) -> None:
            both.wait()
            got.append(claim(ProbeSlots(store), slot, by=str(id(store))))

        threads = [threading.Thread(target=take, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [held] = [one for one in got if one is not None]
        assert ProbeSlots(stores[0]).finish(held, "r", measured=True, now=NOW)
    for store in stores:
        store.close()


def test_a_deployment_has_one_run_at_a_time_whatever_the_job(slots):
    held = claim(slots)
    assert held is not None
    assert claim(slots, job="hourly", by="b") is None
    assert claim(slots, job="hourly", by="b", deployment="canary") is not None
    slots.finish(held, "r", measured=True, now=NOW)
    assert claim(slots, job="hourly", by="b") is not None


@pytest.mark.parametrize("end", ["finish", "fail"])
def test_a_slot_that_ended_and_those_before_it_are_never_claimed_again(slots, end):
    held = claim(slots)
    if end == "finish":
        assert slots.finish(held, "r", measured=False, now=NOW)
    else:
        assert slots.fail(held, "no such set", now=NOW)
    for due in (SLOT, SLOT - 60, None):
        assert claim(slots, due) is None
    assert claim(slots, SLOT + 60).slot == SLOT + 60


def test_a_slot_from_before_the_job_was_known_was_not_missed(slots):
    assert claim(slots, int(NOW) - 20_000) is None
    assert claim(slots, SLOT, job="unknown") is None


def test_an_interrupted_slot_is_resumed_at_once_as_it_was_begun_and_before_any_later_one(slots):
    held = claim(slots)
    assert slots.release(held)
    other = Claim("nightly", 0, "prod", "b", {"sets": ["changed"]}, "/runs/new.jsonl")
    resumed = slots.claim(other, SLOT + 60, now=NOW, until=NOW + LEASE)
    assert (resumed.slot, resumed.resumed, resumed.holder) == (SLOT, True, "b")
    assert (resumed.asked, resumed.path) == (ASKED, held.path)


def test_a_slot_whose_holder_fell_silent_is_free_when_its_lease_is_over_and_not_before(slots):
    held = claim(slots)
    assert claim(slots, now=NOW + LEASE - 1, by="b") is None
    assert slots.renew(held, NOW + 2 * LEASE)
    assert claim(slots, now=NOW + LEASE + 1, by="b") is None
    resumed = claim(slots, now=NOW + 2 * LEASE + 1, by="b")
    assert resumed.slot == SLOT and resumed.resumed
    # Whoever was slow learns of it, and changes nothing any more.
    assert not slots.renew(held, NOW + 9 * LEASE)
    assert not slots.finish(held, "r", measured=True, now=NOW)
    assert not slots.release(held)
    assert not slots.fail(held, "late", now=NOW)
    assert slots.latest()["nightly"].state is SlotState.RUNNING


def test_a_runner_that_dies_is_waited_for_longer_each_time_and_given_up_in_the_end(slots):
    now, pauses = NOW, []
    held = claim(slots)
    for _ in range(MOST_DEATHS - 1):
        pause = slots.died(held, now)
        assert claim(slots, now=now + pause - 0.01, by="b") is None
        now += pause + 0.01
        pauses.append(pause)
        held = claim(slots, now=now)
        assert held.resumed
    assert pauses == sorted(pauses) and pauses[-1] > pauses[0]
    now += slots.died(held, now) + 0.01
    assert claim(slots, None, now=now) is None
    last = slots.latest()["nightly"]
    assert (last.state, last.reason) == (SlotState.FAILED, f"its runner died {MOST_DEATHS} times")


def test_being_told_to_end_is_no_death_however_often_it_happens(slots):
    for _ in range(3 * MOST_DEATHS):
        held = claim(slots)
        assert held is not None and slots.release(held)


def test_a_failure_is_counted_once_for_each_set_with_what_it_cost(slots, store):
    held = claim(slots)
    assert slots.fail(held, "unreachable", now=NOW, costs={"starter-hard": 0.5})
    assert not slots.fail(held, "unreachable", now=NOW, costs={"starter-hard": 0.5})
    assert slots.failures() == {("prod", "starter-hard"): 1, ("prod", "starter-toxic"): 1}
    assert store.probe_costs() == {("prod", "starter-hard"): 0.5}


def test_old_slots_are_forgotten_and_the_last_one_never(slots, store):
    held = claim(slots)
    slots.finish(held, "r", measured=True, now=NOW)
    much_later = NOW + KEPT_SECONDS + 1000
    assert slots.latest()["nightly"].slot == SLOT
    held = claim(slots, int(much_later) - 5, now=much_later)
    assert held is not None
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT count(*) FROM probe_slots").fetchone() == (1,)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["look", "finish", "kill", "interrupt", "sleep"]),
        st.integers(1, 3 * 3600),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=30, deadline=None)
@given(steps=STEPS, expression=st.sampled_from(["*/20 * * * *", "0 * * * *", "5 */2 * * *"]))
def test_through_any_restarts_of_two_gateways_each_slot_ends_once_and_the_last_missed_one_runs(
    steps, expression
):
    schedule, now = Schedule(expression), NOW
    with tempfile.TemporaryDirectory() as folder:
        store = Store("sqlite:///candor.db", Path(folder))
        slots, began = ProbeSlots(store), now
        slots.note_jobs(["nightly"], began)
        held: dict[str, Claim] = {}
        ended: list[int] = []

        def look(who: str) -> None:
            since = slots.since("nightly")
            got = claim(slots, schedule.latest_due(now, since), now=now, by=who)
            if got is not None:
                assert not [one for one in held.values() if slots.renew(one, now + LEASE)]
                held[who] = got

        for what, seconds, number in steps:
            who = "ab"[number]
            now += seconds
            for one in held.values():  # those that live say so, but for one that sleeps
                if what != "sleep":
                    slots.renew(one, now + LEASE)
            if what == "look" and who not in held:
                look(who)
            elif who in held and what == "finish":
                if slots.finish(one := held.pop(who), "r", measured=True, now=now):
                    ended.append(one.slot)
            elif who in held and what == "kill":
                held.pop(who)
            elif who in held and what == "interrupt":
                slots.release(held.pop(who))
        held.clear()  # all are killed, and one starts again
        now += 2 * LEASE
        while True:
            last = schedule.latest_due(now, began)
            look("c")
            if "c" not in held:
                break
            one = held.pop("c")
            assert slots.finish(one, "r", measured=True, now=now)
            ended.append(one.slot)
        store.close()
    assert len(ended) == len(set(ended)), "a slot ended twice"
    assert ended == sorted(ended)
    assert last is None or last in ended, "the last missed slot did not run"

"""When a deployment is left alone, and how it comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import BreakerSettings, settings_from
from gateway.proxy.breaker import Breaker, BreakerState, Health

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def breaker(**settings) -> Breaker:
    return Breaker(BreakerSettings(**{"failures": 3, "open_seconds": 10.0, **settings}))


def opened(at: float = 100.0, **settings) -> Breaker:
    """A breaker that its third failure has just opened."""
    circuit = breaker(**settings)
    for _ in range(3):
        circuit.record(False, at)
    assert circuit.state(at) is OPEN
    return circuit


def test_a_circuit_opens_at_the_failure_that_is_one_too_many():
    circuit = breaker()
    for _ in range(2):
        circuit.record(False, 1.0)
        assert circuit.ready(1.0)
        assert circuit.allows(1.0)
    assert circuit.rests_for(1.0) == 0.0
    circuit.record(False, 1.0)
    assert circuit.state(1.0) is OPEN
    assert not circuit.allows(1.0)


def test_failures_that_are_older_than_the_window_are_forgotten():
    circuit = breaker(window_seconds=30.0)
    circuit.record(False, 1.0)
    circuit.record(False, 2.0)
    circuit.record(False, 33.0)
    assert circuit.state(33.0) is CLOSED
    circuit.record(False, 34.0)
    circuit.record(False, 60.0)
    assert circuit.state(60.0) is OPEN


def test_a_busy_deployment_is_not_given_up_for_a_few_failures_among_many_calls():
    circuit = breaker(ratio=0.5)
    for _ in range(7):
        circuit.record(True, 1.0)
    for _ in range(6):
        circuit.record(False, 1.0)
    assert circuit.state(1.0) is CLOSED
    circuit.record(False, 1.0)
    assert circuit.state(1.0) is OPEN


def test_without_a_ratio_the_number_of_failures_alone_counts():
    circuit = breaker(ratio=0.0)
    for _ in range(1000):
        circuit.record(True, 1.0)
    for _ in range(3):
        circuit.record(False, 1.0)
    assert circuit.state(1.0) is OPEN


def test_an_open_circuit_lets_one_call_try_when_its_time_is_over():
    circuit = opened(at=100.0)
    assert not circuit.allows(109.9)
    assert circuit.state(110.0) is HALF_OPEN
    assert circuit.ready(110.0)
    assert circuit.allows(110.0)
    assert not circuit.ready(110.0)
    assert not circuit.allows(110.0)
    assert not circuit.allows(500.0)
    assert circuit.state(500.0) is HALF_OPEN


def test_a_probe_that_succeeds_closes_the_circuit_with_a_clean_slate():
    circuit = opened(at=100.0)
    circuit.allows(110.0)
    circuit.record(True, 112.0, began=110.0)
    assert circuit.state(112.0) is CLOSED
    circuit.record(False, 113.0, began=112.5)
    circuit.record(False, 113.0, began=112.5)
    assert circuit.allows(113.0)


def test_a_probe_that_fails_opens_the_circuit_for_as_long_again():
    circuit = opened(at=100.0)
    circuit.allows(110.0)
    circuit.record(False, 112.0, began=110.0)
    assert not circuit.allows(121.9)
    assert circuit.allows(122.0)


def test_a_probe_whose_client_went_away_lets_the_next_call_try():
    circuit = opened(at=100.0)
    circuit.allows(110.0)
    circuit.release(began=110.0)
    assert circuit.state(111.0) is HALF_OPEN
    assert circuit.allows(111.0)


def test_calls_from_before_the_circuit_opened_do_not_end_the_probe():
    circuit = opened(at=100.0)
    circuit.record(True, 105.0, began=90.0)
    assert circuit.state(105.0) is OPEN
    circuit.allows(110.0)
    circuit.record(True, 111.0, began=90.0)
    circuit.record(False, 111.0, began=100.0)
    circuit.release(began=95.0)
    assert not circuit.allows(112.0)
    circuit.record(True, 113.0, began=110.0)
    assert circuit.state(113.0) is CLOSED


def test_nothing_but_a_probe_can_close_an_open_circuit():
    circuit = opened(at=100.0)
    circuit.record(True, 105.0)
    assert circuit.state(105.0) is OPEN
    assert circuit.rests_for(105.0) == 5.0


def test_a_failure_that_began_before_the_last_opening_counts_no_more():
    circuit = opened(at=100.0)
    circuit.allows(110.0)
    circuit.record(True, 111.0, began=110.0)
    for _ in range(5):
        circuit.record(False, 112.0, began=99.0)
    assert circuit.state(112.0) is CLOSED


def test_a_reply_that_breaks_off_after_its_good_head_counts_as_a_failure_as_well():
    circuit = breaker(failures=1)
    circuit.record(True, 1.0, began=0.5)
    circuit.record(False, 2.0, began=0.5)
    assert circuit.state(2.0) is OPEN


@pytest.mark.parametrize(
    ("now", "seconds"), [(100.0, 10.0), (104.0, 6.0), (110.0, 0.0), (200.0, 0.0)]
)
def test_an_open_circuit_says_how_long_it_rests(now, seconds):
    assert opened(at=100.0).rests_for(now) == seconds


def test_while_a_probe_is_under_way_a_second_is_asked_for():
    circuit = opened(at=100.0)
    circuit.allows(110.0)
    assert circuit.rests_for(130.0) == 1.0


events = st.lists(
    st.tuples(
        st.sampled_from(["call", "end", "cancel"]),
        st.booleans(),
        st.floats(0.0, 20.0, allow_nan=False),
        st.integers(0, 100),
    ),
    max_size=80,
)


@given(events)
def test_whatever_happens_one_call_at_most_probes_and_no_deployment_stays_shut(steps):
    circuit = breaker()
    now, under_way = 0.0, []
    for what, ok, passed, which in steps:
        now += passed
        if what == "call":
            probing = circuit.state(now) is not CLOSED
            if circuit.allows(now):
                under_way.append((now, probing))
        elif under_way:
            began, _ = under_way.pop(which % len(under_way))
            if what == "end":
                circuit.record(ok, now, began=began)
            else:
                circuit.release(began=began)
        assert sum(probing for _, probing in under_way) <= 1
    for began, _ in under_way:
        circuit.release(began=began)
    assert circuit.allows(now + 10.0)


def health(previous: Health | None = None, **breakers) -> Health:
    upstream = {"base_url": "http://127.0.0.1:1/v1"}
    entries = [
        {"name": name, "model": name, "upstream": upstream, "breaker": settings}
        for name, settings in breakers.items()
    ]
    return Health(settings_from({"deployments": entries}, environ={}), previous)


def test_a_deployment_without_a_breaker_is_always_allowed_and_in_no_snapshot():
    states = health(plain=None, guarded={"failures": 1})
    for name in ("plain", "guarded", "gone"):
        states.record(name, False, 1.0)
        states.replied(name, 500, 1.0)
    assert states.allows("plain", 1.0)
    assert states.ready("gone", 1.0)
    assert not states.allows("guarded", 1.0)
    assert states.snapshot(1.0) == {"guarded": OPEN}
    assert states.rests_for("plain", 1.0) == 0.0
    assert states.rests_for("guarded", 2.0) == 14.0


@pytest.mark.parametrize(
    ("status", "count_429", "state"),
    [(200, False, CLOSED), (400, False, CLOSED), (404, False, CLOSED), (429, False, CLOSED),
     (429, True, OPEN), (500, False, OPEN), (503, False, OPEN), (529, False, OPEN)],
)  # fmt: skip
def test_a_reply_counts_as_a_failure_when_the_upstream_is_at_fault(status, count_429, state):
    states = health(a={"failures": 1, "count_429": count_429})
    states.replied("a", status, 1.0)
    assert states.snapshot(1.0) == {"a": state}


def test_a_429_closes_the_circuit_for_it_shows_that_the_deployment_lives():
    states = health(a={"failures": 1})
    states.replied("a", 500, 1.0)
    assert states.allows("a", 20.0)
    states.replied("a", 429, 21.0, began=20.0)
    assert states.snapshot(21.0) == {"a": CLOSED}


def test_a_released_call_frees_the_probe_of_its_deployment():
    states = health(a={"failures": 1})
    states.record("a", False, 1.0)
    assert states.allows("a", 20.0)
    states.release("a", began=20.0)
    states.release("gone", began=20.0)
    assert states.allows("a", 21.0)


def test_a_new_configuration_keeps_the_circuits_whose_settings_it_keeps():
    before = health(same={"failures": 1}, changed={"failures": 1}, dropped={"failures": 1})
    for name in ("same", "changed", "dropped"):
        before.record(name, False, 1.0)
    now = health(before, same={"failures": 1}, changed={"failures": 2}, dropped=None, new={})
    assert now.snapshot(2.0) == {"same": OPEN, "changed": CLOSED, "new": CLOSED}

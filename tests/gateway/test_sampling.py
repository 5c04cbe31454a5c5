"""Sampling by hash."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.mirror.sampling import position, sampled

RATES = st.floats(0.0, 1.0)


@given(st.text())
def test_every_id_has_a_place_below_one(request_id):
    assert 0.0 <= position(request_id) < 1.0


@given(st.text())
def test_rate_one_takes_every_call_and_rate_zero_none(request_id):
    assert sampled(request_id, 1.0)
    assert not sampled(request_id, 0.0)


@given(st.text(), RATES, RATES)
def test_what_a_rate_takes_every_greater_rate_takes_too(request_id, one, other):
    low, high = sorted((one, other))
    assert sampled(request_id, high) or not sampled(request_id, low)


def test_the_choice_is_the_same_in_every_process_and_version():
    assert round(position("request-1"), 12) == 0.101333993343
    assert [n for n in range(40) if sampled(f"id-{n}", 0.1)] == [18, 30]


def test_the_share_taken_is_the_rate():
    taken = sum(sampled(f"id-{n}", 0.1) for n in range(20_000))
    assert 1_830 < taken < 2_170  # four standard deviations to either side

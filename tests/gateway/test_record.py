"""What is remembered of a call: its times, its bytes, and whether it came to its end."""

from __future__ import annotations

from itertools import count

from gateway.config import MirrorSettings
from gateway.proxy.clock import Clock
from gateway.proxy.endpoints import Endpoint
from gateway.proxy.observer import Traffic
from gateway.proxy.record import CallHead, CallRecord

HEAD = CallHead("id", Endpoint.CHAT_COMPLETIONS, "/v1/chat/completions", Traffic.LIVE)


def record() -> CallRecord:
    """A call whose clock goes on by one second at each look."""
    ticks = count(100.0)
    clock = Clock(wall=lambda: 5.0, monotonic=lambda: next(ticks), new_id=lambda: "id")
    return CallRecord(HEAD, clock, MirrorSettings(max_reply_bytes=1024, max_request_bytes=1024))


def test_each_time_is_measured_between_its_own_two_moments():
    call = record()  # 100
    call.body_read()  # 101
    call.asked()  # 102
    call.replied()  # 103
    call.answered(200, [])  # 104
    call.passed(b"a")  # 105
    call.passed(b"b")
    call.completed()
    told = call.finished()  # 106
    assert told.started_at == 5.0
    assert (told.duration_seconds, told.first_byte_seconds) == (6.0, 5.0)
    assert told.overhead_seconds == (102 - 101) + (104 - 103)


def test_a_call_that_asked_no_upstream_is_the_gateways_own_time():
    call = record()
    call.body_read()
    assert call.finished().overhead_seconds == 1.0


def test_a_call_that_never_passed_a_byte_has_no_time_to_its_first():
    call = record()
    call.asked()
    call.answered(200, [])
    assert call.finished().first_byte_seconds is None


def test_a_call_that_ends_without_its_end_is_cut():
    call = record()
    call.answered(200, [])
    call.passed(b"a")
    assert call.finished().cut
    call.completed()
    assert not call.finished().cut

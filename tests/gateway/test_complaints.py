"""Warnings that add up: none is lost, and none floods the log."""

import structlog
from structlog.testing import capture_logs

from gateway.mirror.complaints import Complaints


class FakeClock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_failure_is_said_at_once_and_later_ones_with_their_count_when_it_is_time():
    clock = FakeClock()
    with capture_logs() as lines:
        complaints = Complaints(structlog.get_logger(), "lost", clock=clock)
        complaints.add("disk full", 3)
        for _ in range(1000):
            complaints.add("locked", 2)
        assert [(line["count"], line["reason"]) for line in lines] == [(3, "disk full")]
        clock.now = 30.0
        complaints.say_if_due()
        assert [line["count"] for line in lines] == [3, 2000]
        clock.now = 100.0
        complaints.say_if_due()
        complaints.say()
        assert len(lines) == 2
    assert lines[1] == {"event": "lost", "log_level": "warning", "count": 2000, "reason": "locked"}


def test_what_is_unsaid_at_the_end_is_said_then():
    with capture_logs() as lines:
        complaints = Complaints(structlog.get_logger(), "lost", clock=FakeClock())
        complaints.add("a")
        complaints.add("b")
        complaints.say()
    assert [line["reason"] for line in lines] == ["a", "b"]

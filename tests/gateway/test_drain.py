"""The end of a gateway: no call is cut that could have ended in time, and none goes on for ever."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.gateway.fleet import Fleet, fleet
from tests.gateway.stage import STREAM_HEAD, FakeUpstream, Wire, chunked
from tests.waiting import wait_until

PIECES = (b"data: one\n\n", b"data: two\n\n", b"data: [DONE]\n\n")


class Paused:
    """A script that sends the head and the first event, and the rest when the test says so."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, wire: Wire, _: object) -> None:
        wire.send(STREAM_HEAD + chunked(PIECES[0], end=b""))
        if self.go_on.wait(30):
            wire.send(chunked(*PIECES[1:]))


@pytest.fixture
def script():
    made = Paused()
    yield made
    made.go_on.set()


@pytest.fixture
def upstream(script):
    with FakeUpstream(script) as running:
        yield running


def streaming(running: Fleet) -> Wire:
    """A call whose first event has arrived."""
    wire = running.begin()
    assert wire.head().status == 200
    assert wire.chunk() == PIECES[0]
    return wire


def refused(running: Fleet) -> bool:
    """Whether nobody listens any more."""
    try:
        running.wire().close()
    except OSError:
        return True
    return False


def deliver(pid: int, number: signal.Signals) -> None:
    """Signal a process, and return once it has taken the signal: two that wait would be one."""
    with contextlib.suppress(OSError):
        os.kill(pid, number)
        wait_until(lambda: number not in pending(pid))


def pending(pid: int) -> set[int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd", "ShdPnd"))]
    return {number for number in signal.valid_signals() for mask in masks if mask >> number - 1 & 1}


def alive(running: Fleet) -> bool:
    return running.gateway.child.poll() is None


@pytest.mark.parametrize(
    ("workers", "number"), [(1, signal.SIGTERM), (2, signal.SIGTERM), (2, signal.SIGINT)]
)
def test_a_reply_in_flight_ends_whole_and_nothing_new_begins(
    tmp_path, upstream, script, workers, number
):
    with fleet(tmp_path, upstream, workers=workers) as running:
        running.all_up()
        wires = [streaming(running) for _ in range(4)]
        running.signal(number)
        wait_until(lambda: refused(running))
        assert alive(running)
        script.go_on.set()
        for wire in wires:
            assert [wire.chunk(), wire.chunk(), wire.chunk()] == [*PIECES[1:], b""]
            assert wire.rest() == b""
        assert running.ended() == (0 if number is signal.SIGTERM else 130)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_connection_that_idles_holds_up_no_end(tmp_path, upstream, script, workers):
    script.go_on.set()
    with fleet(tmp_path, upstream, workers=workers) as running:
        idle = streaming(running)
        while idle.chunk():
            pass
        fresh = running.wire()
        running.signal(signal.SIGINT)
        assert running.ended() == 130
        assert idle.rest() == fresh.rest() == b""


@pytest.mark.parametrize("workers", [1, 2])
def test_what_has_not_ended_by_the_deadline_is_cut_and_not_ended_cleanly(
    tmp_path, upstream, workers
):
    with fleet(tmp_path, upstream, workers=workers, drain_seconds=0.5) as running:
        wire = streaming(running)
        running.signal(signal.SIGTERM)
        rest = b""
        with contextlib.suppress(ConnectionResetError):
            rest = wire.rest()
        assert b"0\r\n\r\n" not in rest
        assert running.ended() == 0
        [line] = running.lines("calls_cut")
        assert line["count"] == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_signal_ends_it_at_once(tmp_path, upstream, workers):
    with fleet(tmp_path, upstream, workers=workers, drain_seconds=600.0) as running:
        wire = streaming(running)
        running.signal(signal.SIGTERM)
        wait_until(lambda: refused(running))
        running.signal(signal.SIGTERM)
        assert running.ended() == 0
        with contextlib.suppress(ConnectionResetError):
            assert b"0\r\n\r\n" not in wire.rest()


def test_a_signal_that_reaches_a_worker_as_well_cuts_nothing(tmp_path, upstream, script):
    """systemd signals every process of a service, and a terminal its whole foreground group."""
    with fleet(tmp_path, upstream) as running:
        pids = running.all_up()
        wire = streaming(running)
        for pid in pids:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
                deliver(pid, number)
        running.signal(signal.SIGTERM)
        wait_until(lambda: refused(running))
        script.go_on.set()
        assert [wire.chunk(), wire.chunk(), wire.chunk()] == [*PIECES[1:], b""]
        assert running.ended() == 0

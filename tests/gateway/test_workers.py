"""Several workers behind one socket, as the processes they are."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.gateway.fleet import Fleet, fleet, written
from tests.gateway.stage import FakeUpstream, json_reply, replying
from tests.running import candor
from tests.waiting import wait_until

COUNTED = 'candor_requests_total{deployment="prod",endpoint="chat_completions",status="200"}'
IN_FLIGHT = 'candor_requests_in_flight{deployment="prod"}'


@pytest.fixture(scope="module")
def upstream():
    with FakeUpstream(replying(json_reply(b'{"id":"c1"}'))) as running:
        yield running


@pytest.fixture(scope="module")
def three(upstream, tmp_path_factory):
    """Three workers, for tests that leave them as they were."""
    with fleet(tmp_path_factory.mktemp("three"), upstream, workers=3) as running:
        running.all_up()
        yield running


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def shown_by_each(fleet: Fleet, sample: str) -> set[float | None]:
    found = set()
    for pid in fleet.pids():
        with fleet.only(pid):
            found.add(fleet.metric(sample))
    return found


def test_every_worker_takes_calls_and_shows_the_sum_over_all(three):
    for count, pid in enumerate(three.pids(), start=1):
        with three.only(pid):
            for _ in range(count):
                assert three.call().head.status == 200
    wait_until(lambda: three.metric(COUNTED) == 6)
    assert shown_by_each(three, COUNTED) == {6.0}
    assert shown_by_each(three, IN_FLIGHT) == {0.0}


def test_a_worker_that_is_killed_takes_no_count_with_it_and_is_replaced(tmp_path, upstream):
    with fleet(tmp_path, upstream) as running:
        for killed, victim in enumerate(running.all_up(), start=1):
            with running.only(victim):
                for _ in range(5):
                    running.call()
                # A client has its reply a moment before the call is counted as ended.
                wait_until(lambda killed=killed: running.metric(COUNTED) == 5 * killed)
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda victim=victim: victim not in running.pids())
            running.all_up()
        assert shown_by_each(running, COUNTED) == {10.0}
        for pid in running.pids():
            with running.only(pid):
                running.call()
        wait_until(lambda: running.metric(COUNTED) == 12)
        assert shown_by_each(running, COUNTED) == {12.0}
        assert shown_by_each(running, IN_FLIGHT) == {0.0}
        assert [line["code"] for line in running.lines("worker_ended")] == [-9, -9]


def test_while_one_worker_is_replaced_the_others_answer(tmp_path, upstream):
    with fleet(tmp_path, upstream, workers=2) as running:
        first, second = running.all_up()
        os.kill(first, signal.SIGSTOP)
        os.kill(second, signal.SIGKILL)
        # Nobody but the one who takes its place can answer this.
        assert running.call().head.status == 200
        os.kill(first, signal.SIGCONT)


def test_workers_end_with_the_gateway_that_started_them_even_if_it_is_killed(tmp_path, upstream):
    with fleet(tmp_path, upstream) as running:
        victim = running.all_up()[-1]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in running.pids() and len(running.pids()) == 2)
        # What the new worker says is then never read, which its socket takes for a broken one.
        running.signal(signal.SIGSTOP)
        pids = running.all_up()
        running.signal(signal.SIGKILL)
        running.gateway.child.wait()
        wait_until(lambda: all(gone(pid) for pid in pids))
        with socket.create_server(("127.0.0.1", running.port)):
            pass


def test_the_next_gateway_clears_up_after_one_that_was_killed_and_after_no_other(
    tmp_path, upstream
):
    with fleet(tmp_path, upstream) as killed:
        pids = killed.all_up()
        [left] = tmp_path.glob("run-*")
        killed.signal(signal.SIGKILL)
        killed.gateway.child.wait()
        wait_until(lambda: all(gone(pid) for pid in pids))
        with fleet(tmp_path, upstream) as first:
            [folder] = tmp_path.glob("run-*")
            assert folder != left
            with fleet(tmp_path, upstream):
                assert folder in tmp_path.glob("run-*")
            assert first.all_up()
    assert list(tmp_path.glob("run-*")) == []


def test_one_worker_alone_has_a_scorer(three):
    def scorers() -> int:
        found = [Path(f"/proc/{pid}/task/{pid}/children") for pid in three.pids()]
        return sum(len(children.read_text().split()) for children in found)

    wait_until(lambda: scorers() > 0)
    assert scorers() == 1


def test_what_keeps_the_gateway_from_starting_is_said_once_and_ends_it(tmp_path):
    config = tmp_path / "candor.yaml"
    config.write_text(
        written("http://127.0.0.1:9/v1", store={"url": "sqlite:////proc/nothing/candor.db"})
    )
    done = candor(
        *("serve", "--config", str(config), "--port", "0", "--workers", "3"), home=tmp_path
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("candor: ")
    assert "/proc/nothing" in line
    assert list(tmp_path.glob("run-*")) == []


def test_the_process_that_starts_the_workers_has_nothing_in_it_that_serves(three):
    gateway, worker = (
        Path(f"/proc/{pid}/maps").read_text() for pid in (three.gateway.child.pid, three.pids()[0])
    )
    for module in ("httptools", "sqlalchemy"):
        assert module in worker
        assert module not in gateway

"""The local queue: what it promises of a disk that works and of one that does not."""

import contextlib
import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.cells import Cells
from gateway.mirror.queue import MEMORY_BYTES, LocalQueue
from gateway.mirror.spool import Spool, read_backlog
from tests.gateway.calls import capture
from tests.waiting import wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


@contextlib.contextmanager
def started(path: Path, **changed):
    queue = LocalQueue(path, **changed)
    queue.start()
    try:
        yield queue
    finally:
        queue.close()


def ended(queue: LocalQueue, outcome: str) -> int:
    return queue.counts().get(("prod", outcome), 0)


def test_what_is_counted_as_queued_is_on_disk(path):
    with started(path) as queue:
        for number in range(200):
            queue.offer(capture(f"r{number}"))
        wait_until(lambda: ended(queue, "queued") == 200)
        assert read_backlog(path).waiting == 200
        assert queue.backlog().waiting == 200
    assert ended(queue, "dropped") == 0


def test_closing_writes_what_was_offered(path):
    with started(path) as queue:
        for number in range(50):
            queue.offer(capture(f"r{number}"))
    assert read_backlog(path).waiting == ended(queue, "queued") == 50


def test_an_offer_after_closing_is_dropped_and_counted(path):
    with started(path) as queue:
        pass
    queue.offer(capture())
    assert ended(queue, "dropped") == 1


def test_a_capture_comes_back_byte_for_byte(path):
    sent = capture("r1", reply=bytes(range(256)), status=None, cut=True, first_byte_seconds=None)
    with started(path) as queue:
        queue.offer(sent)
    spool = Spool(path)
    [taken] = spool.take(10, now=1.0, lease_seconds=1.0)
    spool.close()
    assert taken.capture == sent


def test_the_spool_is_for_its_owner_alone(path):
    before = os.umask(0)
    try:
        with started(path) as queue:
            queue.offer(capture())
            wait_until(lambda: ended(queue, "queued") == 1)
            files = list(path.parent.iterdir())
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    finally:
        os.umask(before)


def test_with_a_disk_that_refuses_every_capture_is_dropped_and_counted(tmp_path):
    path = tmp_path / "spool.db"
    path.mkdir()
    with started(path) as queue:
        for number in range(20):
            queue.offer(capture(f"r{number}"))
        wait_until(lambda: ended(queue, "dropped") == 20)
        assert queue.backlog() is None
        path.rmdir()
        queue.offer(capture("after"))
        wait_until(lambda: ended(queue, "queued") == 1)


def test_a_damaged_spool_costs_captures_and_nothing_else(path):
    path.write_bytes(b"this is no database" * 1000)
    with started(path) as queue:
        queue.offer(capture())
        wait_until(lambda: ended(queue, "dropped") == 1)


def test_an_offer_never_waits_while_another_holds_the_spool(path):
    Spool(path).close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        # The lock is ours until the end: an offer that waited for it would never come back.
        with started(path, timeout_seconds=60.0) as queue:
            for number in range(500):
                queue.offer(capture(f"r{number}"))
            assert (ended(queue, "queued"), ended(queue, "dropped")) == (0, 0)
            other.execute("ROLLBACK")
            wait_until(lambda: ended(queue, "queued") == 500)


def test_what_a_held_spool_does_not_take_in_time_is_dropped_and_counted(path):
    Spool(path).close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with started(path, timeout_seconds=0.05) as queue:
            for number in range(500):
                queue.offer(capture(f"r{number}"))
            wait_until(lambda: ended(queue, "dropped") > 0)
            other.execute("ROLLBACK")
            wait_until(lambda: ended(queue, "dropped") + ended(queue, "queued") == 500)


def test_more_than_may_wait_is_dropped_until_there_is_room_again(path):
    with started(path, max_waiting=10) as queue:
        for number in range(30):
            queue.offer(capture(f"r{number}"))
        wait_until(lambda: ended(queue, "queued") == 10)
        assert ended(queue, "dropped") == 20
        spool = Spool(path)
        spool.remove(spool.capture_ids())
        spool.close()

        def room() -> bool:
            queue.offer(capture("again"))
            return ended(queue, "queued") > 10

        wait_until(room)


def test_a_queue_that_starts_on_a_full_spool_knows_it(path):
    with started(path) as queue:
        for number in range(10):
            queue.offer(capture(f"r{number}"))
    with started(path, max_waiting=10) as queue:

        def full() -> bool:
            queue.offer(capture("late"))
            return ended(queue, "dropped") > 0

        wait_until(full)


def test_memory_is_bounded_by_bytes_as_well(path):
    queue = LocalQueue(path)  # not started: nothing leaves memory
    large = capture("r1", reply=bytes(MEMORY_BYTES // 4 - 1000))
    for _ in range(6):
        queue.offer(large)
    assert ended(queue, "dropped") == 2


def test_captures_offered_from_many_threads_are_all_accounted_for(path):
    with started(path, max_waiting=300) as queue:

        def offer(name: str) -> None:
            for number in range(100):
                queue.offer(capture(f"{name}-{number}"))

        threads = [threading.Thread(target=offer, args=(f"t{n}",)) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: sum(queue.counts().values()) == 500)
        assert read_backlog(path).waiting == ended(queue, "queued")


def test_what_was_removed_leaves_no_bytes_behind(path):
    secret = b"correct horse battery staple"
    with started(path) as queue:
        queue.offer(capture("r1", reply=secret * 400))
    spool = Spool(path)
    spool.remove(spool.capture_ids())
    spool.wipe()
    assert not [file for file in path.parent.iterdir() if secret in file.read_bytes()]
    spool.close()


def test_a_capture_taken_before_comes_alone_and_later_each_time(path):
    with started(path) as queue:
        for number in range(3):
            queue.offer(capture(f"r{number}"))
    spool = Spool(path)
    assert len(spool.take(10, now=0.0, lease_seconds=2.0)) == 3
    assert spool.take(10, now=1.0, lease_seconds=2.0) == []
    [alone] = spool.take(10, now=2.0, lease_seconds=2.0)
    assert (alone.tries, alone.capture.request_id) == (2, "r0")
    [other] = spool.take(10, now=2.0, lease_seconds=2.0)
    assert other.capture.request_id == "r1"
    spool.give_back([other])
    [again] = spool.take(10, now=2.0, lease_seconds=2.0)
    assert (again.capture_id, again.tries) == (other.capture_id, 2)
    assert [each.capture.request_id for each in spool.take(10, 5.9, 2.0)] == ["r2"]
    assert [each.capture.request_id for each in spool.take(10, 6.0, 2.0)] == ["r0"]
    spool.close()


def vanish(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def only_the_database(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    other = path.with_name("other.db")
    Spool(other).close()
    other.rename(path)


@pytest.mark.parametrize("lose", [vanish, only_the_database, replaced])
def test_a_spool_lost_under_a_running_queue_is_noticed_said_and_made_anew(path, lose):
    with capture_logs() as lines, started(path) as queue:
        for number in range(20):
            queue.offer(capture(f"r{number}"))
        wait_until(lambda: ended(queue, "queued") == 20)
        lose(path)
        wait_until(lambda: ended(queue, "dropped") == 20)
        for number in range(30):
            queue.offer(capture(f"s{number}"))
        wait_until(lambda: ended(queue, "queued") == 50)
        assert read_backlog(path).waiting == queue.backlog().waiting == 30
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [(line["event"], line["lost"]) for line in lines] == [("spool_replaced", 20)]
    spool = Spool(path)
    assert len(spool.take(100, 1.0, 1.0)) == 30
    spool.close()


def test_a_spool_lost_while_nothing_waits_costs_no_capture(path):
    with started(path) as queue:
        queue.offer(capture("r1"))
        wait_until(lambda: ended(queue, "queued") == 1)
        spool = Spool(path)
        spool.remove(spool.capture_ids())
        spool.close()
        vanish(path)
        queue.offer(capture("r2"))
        wait_until(lambda: ended(queue, "queued") == 2)
        assert read_backlog(path).waiting == 1
    assert ended(queue, "dropped") == 0


def test_what_a_scorer_is_at_work_on_is_not_counted_as_lost_with_the_spool(path):
    with started(path, clock=lambda: 100.0) as queue:
        for number in range(5):
            queue.offer(capture(f"r{number}"))
        wait_until(lambda: ended(queue, "queued") == 5)
        spool = Spool(path)
        assert len(spool.take(3, now=100.0, lease_seconds=10.0)) == 3
        vanish(path)
        wait_until(lambda: ended(queue, "dropped") == 2)
        spool.close()


def test_a_disk_that_refuses_everything_makes_one_line_with_the_count(tmp_path):
    path = tmp_path / "spool.db"
    path.mkdir()
    with capture_logs() as lines, started(path) as queue:
        for number in range(20):
            queue.offer(capture(f"r{number}"))
            wait_until(lambda number=number: ended(queue, "dropped") == number + 1)
    said = [line["count"] for line in lines if line["event"] == "captures_dropped"]
    assert (len(said), sum(said)) == (2, 20)


def test_workers_that_share_a_spool_count_together_whichever_is_asked(path):
    slots = [Cells(path.with_name(f"{slot}.cells")) for slot in range(2)]
    with started(path, cells=slots[0]) as one, started(path, cells=slots[1]) as other:
        for number in range(30):
            (one if number % 3 else other).offer(capture(f"r{number}"))
        wait_until(lambda: ended(one, "queued") == ended(other, "queued") == 30)
        assert read_backlog(path).waiting == one.backlog().waiting == other.backlog().waiting == 30
    other.offer(capture("late"))
    assert ended(one, "dropped") == ended(other, "dropped") == 1


def test_what_another_worker_holds_in_memory_waits_as_well(path):
    slots = [Cells(path.with_name(f"{slot}.cells")) for slot in range(2)]
    Spool(path).close()
    held, other = LocalQueue(path, cells=slots[0]), LocalQueue(path, cells=slots[1])
    held.offer(capture())  # not started: nothing leaves memory
    assert held.backlog().waiting == other.backlog().waiting == 1
    LocalQueue(path, cells=Cells(path.with_name("0.cells")))
    assert other.backlog().waiting == 0


def test_a_worker_learns_that_the_others_have_filled_the_spool(path):
    slots = [Cells(path.with_name(f"{slot}.cells")) for slot in range(2)]
    with (
        started(path, cells=slots[0], max_waiting=10) as one,
        started(path, cells=slots[1], max_waiting=10) as other,
    ):
        for number in range(10):
            one.offer(capture(f"r{number}"))
        wait_until(lambda: ended(one, "queued") == 10)

        def full() -> bool:
            other.offer(capture("late"))
            return ended(other, "dropped") > 0

        wait_until(full)
    # Whoever has not looked yet lets in what it has room for itself, and no more.
    assert read_backlog(path).waiting <= 20


def test_after_a_restart_queued_goes_on_from_where_it_was(path):
    for restart in range(3):
        with started(path) as queue:
            assert ended(queue, "queued") == 5 * restart
            for number in range(5):
                queue.offer(capture(f"r{restart}-{number}"))
    spool = Spool(path)
    spool.remove(spool.capture_ids())
    spool.close()
    with started(path) as queue:
        assert queue.counts() == {("prod", "queued"): 15}


def test_workers_of_one_gateway_go_on_from_the_count_before_them_once(path):
    with started(path) as queue:
        for number in range(5):
            queue.offer(capture(f"r{number}"))
    folder = path.parent / "run-1"
    folder.mkdir()
    for slot in (0, 1, 0):  # the last one takes a dead worker's place
        with started(path, cells=Cells(folder / f"{slot}.cells")) as queue:
            assert ended(queue, "queued") == 5


def test_what_was_not_counted_at_the_start_is_not_counted_later(path):
    with started(path) as queue:
        queue.offer(capture("r1"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with started(path) as queue:
            assert ended(queue, "queued") == 0
            other.execute("ROLLBACK")
            queue.offer(capture("r2"))
            wait_until(lambda: ended(queue, "queued") == 1)


def test_a_lost_spool_is_counted_once_by_all_workers_together(path):
    slots = [Cells(path.with_name(f"{slot}.cells")) for slot in range(2)]
    with started(path, cells=slots[0]) as one, started(path, cells=slots[1]) as other:
        for number in range(20):
            one.offer(capture(f"r{number}"))
        other.offer(capture("s"))
        wait_until(lambda: ended(one, "queued") == 21)
        vanish(path)
        wait_until(lambda: ended(one, "dropped") == 21)
        for queue in (one, other):
            queue.offer(capture(f"after-{id(queue)}"))
        wait_until(lambda: ended(one, "queued") == 23)
        assert read_backlog(path).waiting == 2
    assert ended(other, "dropped") == 21

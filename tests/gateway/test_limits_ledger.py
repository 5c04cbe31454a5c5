"""The ledgers' files: shared, outgrown, broken, foreign, unwritable."""

from __future__ import annotations

import resource
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.limits import Allowance, Resource
from gateway.limits.ledger import OwnLedger, encoded
from tests.gateway.limits_clock import FakeClock, let_in, turned_away

RATE = Allowance("a", rpm=3)
CROWD = Allowance("a", max_concurrency=2)
BUDGET = Allowance("a", usd_per_month=1.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@contextmanager
def _no_larger(size: int) -> Iterator[None]:
    """No file of this process may grow beyond a size: what a full disk looks like to a writer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_workers_share_every_limit(clock: FakeClock, tmp_path: Path) -> None:
    first, second, third = (clock.limiter(tmp_path, slot) for slot in range(3))
    lease = let_in(first, CROWD)
    let_in(third, CROWD)
    turned_away(second, CROWD)
    lease.settle(None, 0.7)
    let_in(second, CROWD).settle(None, 0.7)
    for limiter in (first, second, third):
        assert turned_away(limiter, BUDGET).what is Resource.BUDGET
        assert turned_away(limiter, RATE).what is Resource.REQUESTS


def test_a_worker_that_comes_later_knows_what_was_used_before(
    clock: FakeClock, tmp_path: Path
) -> None:
    first = clock.limiter(tmp_path, 0)
    for _ in range(3):
        let_in(first, RATE).settle(None, None)
    second = clock.limiter(tmp_path, 1)
    turned_away(second, RATE)
    let_in(second, Allowance("b"))
    turned_away(first, Allowance("b", rpm=1))


def test_two_gateways_with_one_home_take_different_ledgers(
    clock: FakeClock, tmp_path: Path
) -> None:
    first, second = clock.limiter(tmp_path, 0), clock.limiter(tmp_path, 0)
    let_in(first, CROWD)
    let_in(second, CROWD)
    turned_away(first, CROWD)
    turned_away(second, CROWD)
    assert {path.name for path in tmp_path.glob("*.ledger")} == {"slot-0.ledger", "slot-1.ledger"}


def test_more_clients_than_a_ledger_begins_with_keep_what_they_used(
    clock: FakeClock, tmp_path: Path
) -> None:
    first, second = clock.limiter(tmp_path, 0), clock.limiter(tmp_path, 1)
    held = [let_in(first, Allowance(f"client-{n}", max_concurrency=1)) for n in range(200)]
    for n in range(200):
        turned_away(first, Allowance(f"client-{n}", max_concurrency=1))
        turned_away(second, Allowance(f"client-{n}", max_concurrency=1))
    for lease in held:
        lease.settle(None, 2.0)
    third = clock.limiter(tmp_path, 2)
    for n in range(200):
        turned_away(third, Allowance(f"client-{n}", usd_per_month=1.0))
        let_in(second, Allowance(f"client-{n}", max_concurrency=1))


def test_names_of_any_length_and_script_are_told_apart() -> None:
    names = ["a", "a" * 63, "a" * 64, "a" * 65, "a" * 66, "ä" * 40, "团队"]
    assert len({encoded(name) for name in names}) == len(names)
    assert {len(encoded(name)) for name in names} == {64}


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"not a ledger at all" * 1000,
        bytes(4096),
        bytes(8192),
        b"SQLite format 3\0" * 512,
        struct.pack("<8sqq", b"candorlg", 1, 99).ljust(8192, b"\0"),
        struct.pack("<8sqq", b"candorlg", 2, 0).ljust(8192, b"\0"),
    ],
    ids=["short", "foreign", "empty", "unfinished", "another format", "cut off", "a later version"],
)
def test_a_file_that_is_no_ledger_is_set_aside_with_one_line(
    clock: FakeClock, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "slot-0.ledger").write_bytes(content)
    with capture_logs() as lines:
        limiter = clock.limiter(tmp_path)
    assert [line["event"] for line in lines] == ["limits_ledger_set_aside"]
    assert (tmp_path / "slot-0.ledger.aside").read_bytes() == content
    for _ in range(3):
        let_in(limiter, RATE)
    turned_away(limiter, RATE)


def test_a_broken_ledger_of_another_worker_is_left_out_with_one_line(
    clock: FakeClock, tmp_path: Path
) -> None:
    limiter = clock.limiter(tmp_path, 0)
    (tmp_path / "slot-5.ledger").write_bytes(b"broken" * 4096)
    with capture_logs() as lines:
        let_in(limiter, RATE)
        let_in(limiter, Allowance("b"))
        let_in(limiter, Allowance("c"))
    assert [line["event"] for line in lines] == ["limits_ledger_ignored"]


def test_a_folder_that_cannot_be_used_leaves_a_worker_with_its_own_count(
    clock: FakeClock, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with capture_logs() as lines:
        limiter = clock.limiter(tmp_path / "file" / "limits")
        for _ in range(3):
            let_in(limiter, RATE).settle(None, 0.4)
    assert [line["event"] for line in lines] == ["limits_ledger_unusable"]
    turned_away(limiter, RATE)
    turned_away(limiter, BUDGET)


def test_a_full_disk_when_a_ledger_grows_leaves_the_new_clients_in_memory(
    clock: FakeClock, tmp_path: Path
) -> None:
    limiter = clock.limiter(tmp_path)
    let_in(limiter, RATE)
    ledger = tmp_path / "slot-0.ledger"
    with capture_logs() as lines, _no_larger(ledger.stat().st_size):
        for n in range(40):
            let_in(limiter, Allowance(f"client-{n}", max_concurrency=1))
    assert [line["event"] for line in lines] == ["limits_ledger_unusable"]
    for n in range(40):
        turned_away(limiter, Allowance(f"client-{n}", max_concurrency=1))
    let_in(limiter, RATE)


def test_deleting_the_folder_under_a_running_worker_breaks_nothing(
    clock: FakeClock, tmp_path: Path
) -> None:
    first = clock.limiter(tmp_path, 0)
    let_in(first, RATE)
    for path in tmp_path.iterdir():
        path.unlink()
    second = clock.limiter(tmp_path, 0)
    let_in(second, RATE)
    let_in(first, RATE)
    # The next look at the folder, which a new client brings about, finds the other one again.
    let_in(first, Allowance("b"))
    turned_away(first, RATE)


def test_the_ledgers_are_readable_by_their_owner_alone(clock: FakeClock, tmp_path: Path) -> None:
    clock.limiter(tmp_path / "limits")
    assert (tmp_path / "limits").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "limits").iterdir()} == {0o600}


def test_a_ledger_is_one_workers_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "slot-0.ledger"
    first = OwnLedger.take(path)
    assert first is not None
    assert OwnLedger.take(path) is None
    first.close()
    assert OwnLedger.take(path) is not None


def open_descriptors() -> int:
    listing = Path("/proc/self/fd")
    return len(list(listing.iterdir())) if listing.exists() else 0


def test_descriptors_are_not_left_open(clock: FakeClock, tmp_path: Path) -> None:
    limiter = clock.limiter(tmp_path, 0)
    let_in(limiter, RATE)
    before = open_descriptors()
    for n in range(20):
        let_in(limiter, Allowance(f"client-{n}"))
        (tmp_path / f"slot-{n + 7}.ledger").write_bytes(b"broken")
    assert open_descriptors() - before <= 2

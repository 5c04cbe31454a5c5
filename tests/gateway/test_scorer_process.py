"""The scorer as the process it is: killed at the worst moments, kept running, ended cleanly."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.mirror.scorer import scorer_command
from gateway.mirror.spool import Spool, read_backlog
from gateway.mirror.supervisor import ScorerSupervisor
from gateway.store import Store
from tests.gateway.calls import REFUSAL, capture, chat_reply
from tests.services import ROOT
from tests.waiting import wait_until, wait_until_async


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Store("sqlite:///candor.db", tmp_path).close()
    Spool(tmp_path / "spool.db").close()
    return tmp_path


def command(home: Path, *, stages=("native", "phrases")) -> list[str]:
    made = scorer_command(
        home / "spool.db",
        f"sqlite:///{home / 'candor.db'}",
        stages=stages,
        redact=["email"],
        retention_days=30,
    )
    return [*made, "--lease-seconds", "0.2"]


@contextlib.contextmanager
def scorer(home: Path):
    child = subprocess.Popen(command(home), stdin=subprocess.PIPE, cwd=ROOT)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdin.close()


@contextlib.contextmanager
def locked(path: Path):
    """Nobody else writes to the database while the block runs."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def fill(home: Path, count: int, *, first: int = 0) -> None:
    spool = Spool(home / "spool.db")
    replies = [chat_reply(REFUSAL) if n % 2 else None for n in range(first, first + count)]
    spool.append([capture(f"r{first + n}", reply=reply) for n, reply in enumerate(replies)], 1.0)
    spool.close()


def ask(path: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        return connection.execute(query).fetchone()[0]


def stored(home: Path) -> int:
    return ask(home / "candor.db", "SELECT count(*) FROM exchanges")


def begun(home: Path) -> int:
    return ask(home / "spool.db", "SELECT coalesce(sum(tries), 0) FROM captures")


def check_each_counted_once(home: Path, count: int) -> None:
    store = Store("sqlite:///candor.db", home)
    assert stored(home) == count
    assert ask(home / "candor.db", "SELECT count(DISTINCT request_id) FROM exchanges") == count
    assert [(t.outcome, t.count) for t in store.capture_tallies()] == [("scored", count)]
    assert sum(t.count for t in store.verdict_tallies()) == count
    assert read_backlog(home / "spool.db").waiting == 0
    store.close()


def loaded(home: Path) -> float:
    return ask(home / "candor.db", "SELECT coalesce(max(loaded_at), 0) FROM classifiers")


@contextlib.contextmanager
def held_before_storing(home: Path):
    """A scorer that has begun a batch and cannot store it, with the lock that keeps it there."""
    before, tries = loaded(home), begun(home)
    with contextlib.ExitStack() as spool_lock, contextlib.ExitStack() as store_lock:
        spool_lock.enter_context(locked(home / "spool.db"))
        with scorer(home) as child:
            wait_until(lambda: loaded(home) > before, what="the scorer is ready")
            store_lock.enter_context(locked(home / "candor.db"))
            spool_lock.close()
            # The scorer takes only time that nobody wants: beside a busy suite that may be little.
            wait_until(lambda: begun(home) > tries, seconds=75.0, what="a batch is begun")
            yield child, store_lock


@pytest.mark.timeout(240)  # two such waits, should both be long
def test_killed_before_it_stores_and_before_it_removes_it_still_scores_each_exactly_once(home):
    fill(home, 100)
    with held_before_storing(home) as (child, _):
        child.kill()  # taken and judged, not stored
        child.wait()
    assert stored(home) == 0
    with held_before_storing(home) as (child, store_lock), locked(home / "spool.db"):
        store_lock.close()
        wait_until(lambda: stored(home) > 0, what="a batch is stored")
        child.kill()  # stored, not removed
        child.wait()
    assert read_backlog(home / "spool.db").waiting == 100
    for _ in range(2):
        with scorer(home) as child:
            here = stored(home)
            wait_until(lambda here=here: stored(home) > here or stored(home) == 100)
            child.kill()  # wherever it is
            child.wait()
    with scorer(home):
        wait_until(lambda: read_backlog(home / "spool.db").waiting == 0)
    check_each_counted_once(home, 100)


def test_it_ends_with_its_input_and_finishes_its_batch(home):
    with scorer(home) as child:
        fill(home, 10)
        wait_until(lambda: stored(home) == 10)
        child.stdin.close()
        assert child.wait(timeout=10) == 0
    check_each_counted_once(home, 10)


def test_the_terminals_interrupt_does_not_end_it_before_the_gateway_does(home):
    with scorer(home) as child:
        fill(home, 1)
        wait_until(lambda: stored(home) == 1)
        child.send_signal(signal.SIGINT)
        fill(home, 1, first=1)
        wait_until(lambda: stored(home) == 2)
        assert child.poll() is None


def test_it_says_in_one_line_why_it_cannot_begin(tmp_path):
    made = scorer_command(
        tmp_path / "spool.db",
        f"sqlite:///{tmp_path / 'candor.db'}",
        stages=["nonsense"],
        redact=[],
        retention_days=None,
    )
    done = subprocess.run(made, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "nonsense" in done.stderr


async def test_the_supervisor_starts_a_killed_scorer_again_and_nothing_is_lost(home, monkeypatch):
    monkeypatch.chdir(ROOT)
    supervisor = ScorerSupervisor(command(home), first_pause_seconds=0.01)
    async with supervisor.running():
        for round_ in range(2):
            fill(home, 20, first=20 * round_)
            want = 20 * (round_ + 1)
            await wait_until_async(lambda want=want: stored(home) == want)
            pid = await wait_until_async(lambda: supervisor.pid)
            os.kill(pid, signal.SIGKILL)
            await wait_until_async(lambda pid=pid: supervisor.pid not in (pid, None))
        fill(home, 20, first=40)
        await wait_until_async(lambda: stored(home) == 60)
        last = supervisor.pid
    assert supervisor.starts == 3
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)
    check_each_counted_once(home, 60)


async def test_a_scorer_that_does_not_end_is_killed_at_the_deadline():
    stubborn = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    supervisor = ScorerSupervisor(stubborn, stop_seconds=0.2)
    async with supervisor.running():
        pid = await wait_until_async(lambda: supervisor.pid)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_scorer_that_cannot_be_started_does_not_keep_the_gateway_from_running():
    supervisor = ScorerSupervisor(["/no/such/program"], first_pause_seconds=0.01)
    async with supervisor.running():
        await asyncio.sleep(0)
    assert supervisor.starts == 0


async def test_a_scorer_that_dies_at_once_is_started_again_ever_more_slowly():
    supervisor = ScorerSupervisor([sys.executable, "-c", ""], first_pause_seconds=0.01)
    async with supervisor.running():
        await wait_until_async(lambda: supervisor.starts >= 3)

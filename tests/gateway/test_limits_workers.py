"""Several real processes on one folder of ledgers, one of them killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gateway.limits import Allowance, Exceeded, Resource
from gateway.limits.local import LocalLimiter
from tests.gateway.limits_clock import let_in, turned_away
from tests.services import ROOT
from tests.waiting import wait_until


@contextmanager
def worker(folder: Path, slot: int, deed: str, count: int) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.limits_worker", folder, str(slot), deed, str(count)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def test_processes_that_press_at_once_stay_within_one_limit(tmp_path: Path) -> None:
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(tmp_path, n, "press", 2000)) for n in range(3)]
        assert [said(child) for child in workers] == ["ready"] * 3
        for child in workers:
            go(child)
        let_in_by = [int(said(child)) for child in workers]
    assert 500 <= sum(let_in_by) <= 502
    assert min(let_in_by) < 500


def test_a_killed_worker_leaves_its_spending_and_takes_its_calls_along(tmp_path: Path) -> None:
    crowd = Allowance("a", max_concurrency=10)
    limiter = LocalLimiter(tmp_path, 0)
    with worker(tmp_path, 1, "hold", 11) as child:
        assert said(child) == "ready"
        go(child)
        assert said(child) == "10"
        assert turned_away(limiter, crowd).what is Resource.CONCURRENCY
        child.kill()
        child.wait()

    def free() -> bool:
        told = limiter.admit_now(crowd, 1)
        if isinstance(told, Exceeded):
            return False
        told.settle(None, None)
        return True

    wait_until(free, seconds=10, what="the dead worker's calls are over")
    assert turned_away(limiter, Allowance("a", usd_per_month=0.75)).what is Resource.BUDGET
    let_in(limiter, Allowance("a", usd_per_month=0.76))
    assert turned_away(limiter, Allowance("a", rpm=12)).what is Resource.REQUESTS


def test_a_worker_that_takes_a_dead_ones_place_goes_on_with_its_ledger(tmp_path: Path) -> None:
    with worker(tmp_path, 1, "hold", 11) as child:
        assert said(child) == "ready"
        go(child)
        assert said(child) == "10"
        child.kill()
        child.wait()
    limiter = LocalLimiter(tmp_path, 1)
    assert [path.name for path in tmp_path.glob("*.ledger")] == ["slot-1.ledger"]
    let_in(limiter, Allowance("a", max_concurrency=1)).settle(None, 0.25)
    turned_away(limiter, Allowance("a", usd_per_month=1.0))

"""The runner: puts one slot's sets to its deployment, and brings the run into the store.

A process of its own, so that no set, model or reply lives in the gateway. The gateway holds its
standard input open: when that ends, for whatever reason, the runner stops at once and leaves a run
that whoever claims the slot next resumes. Exit codes: 0, how the slot ended is in the store; 130,
it was interrupted and can be resumed; anything else, it died.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from classifiers.cascade import build_cascade
from classifiers.exits import ExitCode
from classifiers.verdict import Classifier
from gateway.control.intake import RunRefused, costs_of, read_posted, record_of, tallies_of
from gateway.log_lines import configure_logging
from gateway.mirror.judging import JudgeOrder, open_judge
from gateway.mirror.scorer import first_line
from gateway.probing.order import WIND_DOWN, RunnerOrder
from gateway.store import ProbeSlots, RunRecord, Store, StoreProblem
from probes.attempt import Limits
from probes.launch import Launched, RunOrder, launch
from probes.price import Price
from probes.problem import BudgetProblem, RunInterrupted, RunProblem, TargetFailing
from probes.runfile import read_run
from probes.sets import SetProblem
from probes.target import Target, TargetProblem

NICENESS = 10
"""Probing yields to serving, but not as far as the scorer does: an attempt has a time limit, and a
runner that gets no processor would write its own slowness down as an error of the deployment."""
GATEWAY = "this gateway"
"""What the run's header has for an address: a port may be another after a restart."""
_NAMED = (SetProblem, RunProblem, TargetFailing, TargetProblem, BudgetProblem, RunRefused)
"""What makes a slot fail with a reason that its reader can act on."""


@dataclass(frozen=True, slots=True)
class OwnDeployment(Target):
    """A deployment of the gateway that started the run, wherever that listens today."""

    def as_json(self) -> dict[str, Any]:
        """The target as a run file's header keeps it, so that any gateway can go on with it."""
        # A dataclass with slots is made anew, which the argument-less super() does not find.
        return {**Target.as_json(self), "base_url": GATEWAY}


class Busy(Exception):
    """Somebody still writes the run's file, although the slot is ours."""


class Lease:
    """Keeps the slot ours from a thread; asks for an end where that fails."""

    def __init__(self, slots: ProbeSlots, order: RunnerOrder, stop: Callable[[], None]) -> None:
        self._slots = slots
        self._order = order
        self._stop = stop
        self._over = threading.Event()
        self.lost = False
        """Whether the slot is somebody else's by now."""

    def keep(self) -> None:
        """Renew until ``let_go``; an unreadable store is tried again until the lease is over."""
        seconds = self._order.way.lease_seconds
        until = time.monotonic() + seconds
        while not self._over.wait(seconds / 3):
            began = time.monotonic()
            try:
                self.lost = not self._slots.renew(self._order.claim, time.time() + seconds)
            except StoreProblem:
                self.lost = began > until
            else:
                until = began + seconds
            if self.lost:
                self._stop()
                return

    def let_go(self) -> None:
        """Renew no more."""
        self._over.set()


def run_slot(order: RunnerOrder, store: Store, lease: Lease, *, aborted: threading.Event) -> int:
    """Run the slot and write down how it ended; the exit code. Raises StoreProblem."""
    slots, claim, log = ProbeSlots(store), order.claim, structlog.get_logger()
    told: dict[str, Any] = {"deployment": claim.deployment, "sets": claim.asked["sets"]}
    try:
        record, measured = _keep(store, _launched(order, _classifier(order)))
    except Busy as problem:
        # Not given up, or it would be claimed again at once, and again: its lease runs out.
        lease.let_go()
        log.warning("probe_run_waits", slot=claim.slot, reason=str(problem), **told)
        return ExitCode.INTERRUPTED
    except RunInterrupted as problem:
        return _interrupted(slots, order, lease, str(problem))
    except _NAMED as problem:
        if aborted.is_set():
            return _interrupted(slots, order, lease, str(problem))
        lease.let_go()
        reason = " ".join(str(problem).split())
        slots.fail(claim, reason, now=time.time(), costs=_spent(Path(claim.path)))
        log.warning("probe_run_failed", slot=claim.slot, reason=reason, **told)
        return ExitCode.DONE
    lease.let_go()
    slots.finish(claim, record.run_id, measured=measured, now=time.time())
    kept = {"run_id": record.run_id, "trials": record.trials, "decided": record.decided}
    log.info("probe_run_ended", slot=claim.slot, measured=measured, **kept, **told)
    return ExitCode.DONE


def _interrupted(slots: ProbeSlots, order: RunnerOrder, lease: Lease, why: str) -> int:
    lease.let_go()
    if not lease.lost:
        slots.release(order.claim)
    claim = order.claim
    structlog.get_logger().info(
        "probe_run_interrupted", deployment=claim.deployment, slot=claim.slot, reason=why
    )
    return ExitCode.INTERRUPTED


def _classifier(order: RunnerOrder) -> Classifier:
    """What judges the replies: the same as judges the gateway's live exchanges."""
    way = order.way
    judge = open_judge(JudgeOrder.read(way.judge.encode())) if way.judge else None
    return build_cascade(way.stages, judge)


def _launched(order: RunnerOrder, classifier: Classifier) -> Launched:
    """The run in the slot's file; in a second one where the first cannot be gone on with.

    That is so where the set, the classifier or Candor itself changed while it was interrupted.
    """
    path = Path(order.claim.path)
    try:
        return _launch(order, classifier, path)
    except RunProblem as problem:
        if not order.claim.resumed:
            raise
        structlog.get_logger().warning("probe_run_begun_anew", reason=str(problem))
        return _launch(order, classifier, path.with_suffix(".anew.jsonl"))


def _launch(order: RunnerOrder, classifier: Classifier, path: Path) -> Launched:
    if _written_by_another(path):
        raise Busy(f"{path} is still being written by the runner before this one")
    asked, way = order.claim.asked, order.way
    keyed = {"x-candor-probe-key": way.probe_key} if way.probe_key else {}
    target = OwnDeployment(
        way.base_url, asked["model"], None, order.claim.deployment, extra_headers=keyed
    )
    return launch(
        run_order(asked, target, order.price),
        classifier,
        home=Path(way.home),
        output=path,
        resume=True,
    )


def run_order(asked: dict[str, Any], target: Target, price: tuple[float, float] | None) -> RunOrder:
    """What ``candor probe run`` would be told."""
    return RunOrder(
        tuple(asked["sets"]),
        target,
        asked["seed"],
        limit=asked["limit"],
        repeats=asked["repeats"],
        limits=Limits(asked["concurrency"], asked["rpm"]),
        price=None if price is None else Price(*price),
        max_cost_usd=asked["max_cost"],
    )


def _spent(path: Path) -> dict[str, float]:
    """What a run that came to nothing has cost all the same, by set; no file is left of none."""
    try:
        run = read_run(path)
    except RunProblem:
        return {}
    if not run.trials:
        path.unlink(missing_ok=True)
    return costs_of(run)


def _keep(store: Store, launched: Launched) -> tuple[RunRecord, bool]:
    """Bring the run into the store as POST /api/runs does; whether it gave a rate.

    Raises RunRefused for a run that its max_cost ended.
    """
    if launched.unfinished:
        said = launched.unfinished.partition(", the same command")[0]
        raise RunRefused(said.replace("--max-cost", "max_cost, or lower limit"))
    now = time.time()
    run = read_posted(launched.path, now)
    record = record_of(run, now)
    store.add_run(record, tallies_of(run, record.deployment), costs_of(run))
    return record, any(rate.value is not None for rate in record.rates)


def _written_by_another(path: Path) -> bool:
    """Whether a runner that lost its lease has not noticed yet."""
    try:
        file = path.open("rb")
    except OSError:
        return False
    with file, contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    return True


def main() -> int:
    """The runner process; its input begins with a RunnerOrder's line."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    configure_logging()
    os.nice(NICENESS)
    aborted = threading.Event()
    try:
        order = RunnerOrder.read(first_line())
        store = Store(order.way.store_url, Path(order.way.home))
        lease = Lease(ProbeSlots(store), order, _stop_at_once)
        listening = threading.Thread(target=_listen, args=(aborted,), daemon=True)
        listening.start()
        threading.Thread(target=lease.keep, daemon=True).start()
        try:
            return run_slot(order, store, lease, aborted=aborted)
        except KeyboardInterrupt:  # before there was a run to interrupt
            return _interrupted(ProbeSlots(store), order, lease, "told to end")
    except (StoreProblem, ValueError) as problem:
        sys.stderr.write(f"candor: the probe runner cannot go on: {problem}\n")
        return ExitCode.USAGE


def _interrupt(_number: int, _frame: object) -> None:
    # Once: a second one would interrupt the writing down that the first one led to.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _listen(aborted: threading.Event) -> None:
    """Obey what comes through the input until it ends, which means: stop."""
    while said := os.read(0, 64):
        if WIND_DOWN in said:
            os.kill(os.getpid(), signal.SIGTERM)
    aborted.set()
    _stop_at_once()


def _stop_at_once() -> None:
    # The first signal ends a run after its attempts under way, another at once. Two of one kind
    # may arrive as one (signal(7)).
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main())

"""The scorer: takes captures from the spool, has them judged, and stores each exactly once.

A process of its own, so that no model lives in the gateway and no verdict delays a reply. The
gateway holds its standard input open: when that ends, for whatever reason, so does the scorer.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from classifiers.cascade import build_cascade
from gateway.metrics import SCORING_BUCKETS
from gateway.mirror.complaints import Complaints
from gateway.mirror.judging import LEASE_SECONDS as JUDGE_LEASE_SECONDS
from gateway.mirror.judging import JudgeOrder, open_judge
from gateway.mirror.scoring import Scoring, failed
from gateway.mirror.spool import Spool, Spooled
from gateway.store import Store, StoreProblem

BATCH = 32
"""Captures judged together: an encoder's throughput hardly grows beyond."""
MAX_TRIES = 5
"""Times a capture may be begun. The last of them have it alone, so a capture that is given up
has itself failed, or killed the scorer, that often."""
LEASE_SECONDS = 2.0
"""How long a batch may take before another scorer may have it; one that died loses no more."""
IDLE_SECONDS = 0.1
"""How often an empty spool is looked at."""
PAUSE_SECONDS = 1.0
"""How long to wait after the store or the spool failed."""
SWEEP_SECONDS = 3600.0
"""How often exchanges past their retention are deleted."""
DAY_SECONDS = 86_400.0
NICENESS = 5
"""Scoring yields to serving: a little where that is all that the system knows."""


class Scorer:
    """One consumer of a spool. Several may share it: each capture is leased to one of them."""

    def __init__(
        self,
        spool: Spool,
        store: Store,
        scoring: Scoring,
        *,
        lease_seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._spool = spool
        self._store = store
        self._scoring = scoring
        self._lease = lease_seconds
        self._clock = clock
        self._dirty = True
        self._openings = 0
        self._log = structlog.get_logger()

    def recover(self) -> None:
        """Forget what an earlier scorer stored and could not remove; say which classifier scores.

        Before the first sweep: an exchange that was deleted could not be recognised again.
        """
        self._store.settle()
        openings = self._store.openings
        if stored := self._store.scored_among(self._spool.capture_ids()):
            self._spool.remove(stored)
        self._store.note_classifier(
            self._scoring.classifier, self._clock(), buckets=len(SCORING_BUCKETS) + 1
        )
        self._openings = openings

    def step(self) -> int:
        """Score one batch; how many captures were taken, 0 where none waits.

        Raises StoreProblem, SpoolError or OSError where a file fails: the captures stay, and that
        try does not count against them. Goes on with a spool or a store that took the other's
        place.
        """
        self._settle()
        taken = self._spool.take(BATCH, self._clock(), self._lease)
        if not taken:
            if self._dirty:
                self._spool.wipe()
                self._dirty = False
            return 0
        try:
            done = self._score(taken)
        except StoreProblem:
            self._spool.give_back(taken)
            raise
        self._spool.remove(done)
        self._dirty = True
        return len(taken)

    def _settle(self) -> None:
        if self._spool.moved():
            self._log.warning("spool_replaced")
            self._spool.reopen()
        self._store.settle()
        if self._store.openings != self._openings:
            self.recover()

    def sweep(self, retention_days: int) -> int:
        """Delete exchanges scored longer ago than that; how many."""
        return self._store.forget_exchanges_before(self._clock() - retention_days * DAY_SECONDS)

    def _score(self, taken: Sequence[Spooled]) -> list[str]:
        hopeless = [each for each in taken if each.capture is None or each.tries > MAX_TRIES]
        rest = [each for each in taken if each not in hopeless]
        self._store.record([failed(each, self._clock()) for each in hopeless])
        done = [each.capture_id for each in hopeless]
        try:
            records, took = self._scoring.score([each.capture for each in rest if each.capture])
        except Exception as problem:  # the edge of the scorer: counted as failed after MAX_TRIES
            self._log.warning("not_scored", count=len(rest), error=type(problem).__name__)
            return done
        self._store.record(records, took)
        return done + [each.capture_id for each in rest]


def run(scorer: Scorer, stop: threading.Event, *, retention_days: int | None) -> None:
    """Score until told to stop, sweeping now and then; no failure of a file ends it."""
    waits = Complaints(structlog.get_logger(), "scorer_waits")
    recovered, sweep_at = False, 0.0
    while not stop.is_set():
        try:
            if not recovered:
                scorer.recover()
                recovered = True
            if retention_days is not None and time.monotonic() >= sweep_at:
                scorer.sweep(retention_days)
                sweep_at = time.monotonic() + SWEEP_SECONDS
            if scorer.step() == 0:
                stop.wait(IDLE_SECONDS)
        except (StoreProblem, sqlite3.Error, OSError) as problem:
            waits.add(str(problem))
            stop.wait(PAUSE_SECONDS)


def scorer_command(
    spool: Path,
    store_url: str,
    *,
    stages: Sequence[str],
    redact: Sequence[str],
    retention_days: int | None,
    judged: bool = False,
) -> list[str]:
    """The command line of a scorer process; ``judged``: its input begins with a JudgeOrder."""
    command = [sys.executable, "-m", "gateway.mirror.scorer"]
    command += ["--spool", str(spool), "--store", store_url]
    command += ["--stages", ",".join(stages), "--redact", ",".join(redact)]
    if retention_days is not None:
        command += ["--retention-days", str(retention_days)]
    if judged:
        command += ["--judge", "--lease-seconds", f"{JUDGE_LEASE_SECONDS:g}"]
    return command


def _yield_to_serving() -> None:
    """Takes only processor time that nobody else wants (sched(7), SCHED_IDLE).

    With nothing but a niceness, a batch that ran on the gateway's core kept a call waiting for
    3 ms at the 99th percentile of 200 calls a second; so it is half a millisecond.
    """
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
        if hasattr(os, "SCHED_IDLE"):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main(arguments: Sequence[str] | None = None) -> int:
    """The scorer process: 0 when its input ended, 2 when it cannot begin."""
    options = _options().parse_args(arguments)
    # Ctrl-C goes to the whole terminal: the gateway finishes first and then closes our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _yield_to_serving()
    stop = threading.Event()
    order = first_line() if options.judge else b""
    threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()
    try:
        store = Store(options.store, options.spool.parent)
        spool = Spool(options.spool)
        judge = open_judge(JudgeOrder.read(order)) if options.judge else None
        cascade = build_cascade(_words(options.stages), judge)
        scoring = Scoring(cascade, _words(options.redact))
    except (StoreProblem, sqlite3.Error, OSError, ValueError) as problem:
        sys.stderr.write(f"candor: the scorer cannot begin: {problem}\n")
        return 2
    scorer = Scorer(spool, store, scoring, lease_seconds=options.lease_seconds)
    run(scorer, stop, retention_days=options.retention_days)
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway.mirror.scorer", description=__doc__)
    parser.add_argument("--spool", type=Path, required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--stages", default="native,phrases,embedding")
    parser.add_argument("--redact", default="")
    parser.add_argument("--retention-days", type=int, default=None)
    parser.add_argument("--lease-seconds", type=float, default=LEASE_SECONDS)
    parser.add_argument("--judge", action="store_true")
    return parser


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


def first_line() -> bytes:
    """The first line of the input, read byte by byte so that nothing behind it is taken."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def _stop_at_end_of_input(stop: threading.Event) -> None:
    # Not sys.stdin: its lock, held here, would abort an interpreter that ends meanwhile.
    while os.read(0, 4096):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())

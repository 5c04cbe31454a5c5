"""The local queue: an offer never waits, and is counted as queued only once it is on disk."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from gateway.mirror.capture import Capture
from gateway.mirror.complaints import EVERY_SECONDS, Complaints
from gateway.mirror.spool import Backlog, Spool, SpoolError, read_backlog

MEMORY_BYTES = 64 * 1024 * 1024
"""Most that captures may hold in memory while the disk is slow: 256 replies of the largest size."""
BATCH = 64
"""Captures a transaction: the disk is synchronised once for all of them."""
MEASURE_SECONDS = 0.25
"""How often the spool's length is read while something waits there: how late the queue learns
that the scorer has made room."""


class LocalQueue:
    """Captures go into memory at once and from there, by a thread of its own, into the spool.

    ``max_waiting`` bounds memory and disk together. What does not fit, and what the disk refuses,
    is dropped and counted; nothing is ever raised to whoever offers. With the disk slow an offer
    still costs microseconds: the lock is only held to append, to swap and to count.

    Where the spool was replaced or deleted meanwhile, what waited in it is lost: it is counted as
    dropped too, and the queue goes on with the file that is there now, or with a new one.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_waiting: int = 10_000,
        timeout_seconds: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._max_waiting = max_waiting
        self._timeout = timeout_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Capture] = deque()
        self._held = 0
        self._held_bytes = 0
        self._on_disk = 0
        self._counts: Counter[tuple[str, str]] = Counter()
        self._wake = threading.Event()
        self._closing = False
        self._spool: Spool | None = None
        self._log = structlog.get_logger()
        self._complaints = Complaints(self._log, "captures_dropped")
        self._writer = threading.Thread(target=self._run, name="mirror-queue", daemon=True)

    def start(self) -> None:
        """Start the writing thread. A spool that cannot be opened now is tried again later."""
        self._writer.start()

    def offer(self, capture: Capture) -> None:
        """Take a capture, or drop it; returns at once in either case."""
        with self._lock:
            room = self._held + self._on_disk < self._max_waiting
            if self._closing or not room or self._held_bytes + capture.size > MEMORY_BYTES:
                self._counts[capture.deployment, "dropped"] += 1
                return
            self._waiting.append(capture)
            self._held += 1
            self._held_bytes += capture.size
        self._wake.set()

    def close(self, deadline_seconds: float = 5.0) -> None:
        """Write what was offered and stop; whatever is not on disk by the deadline is dropped."""
        with self._lock:
            self._closing = True
        self._wake.set()
        if self._writer.is_alive():
            self._writer.join(deadline_seconds)

    def counts(self) -> dict[tuple[str, str], int]:
        """Captures by (deployment, ``queued`` or ``dropped``) since the start."""
        with self._lock:
            return dict(self._counts)

    def backlog(self) -> Backlog | None:
        """What waits, in memory and on disk; None where the spool cannot be read. For scrapes."""
        with self._lock:
            held = self._held
        try:
            on_disk = read_backlog(self.path)
        except SpoolError:
            return None
        oldest = self._clock() if held and on_disk.oldest is None else on_disk.oldest
        return Backlog(on_disk.waiting + held, oldest)

    def _run(self) -> None:
        closing = False
        while not closing:
            self._measure()
            self._complaints.say_if_due()
            self._wake.wait(self._patience())
            self._wake.clear()
            with self._lock:
                closing = self._closing
                taken, self._waiting = list(self._waiting), deque()
            for start in range(0, len(taken), BATCH):
                self._write(taken[start : start + BATCH])
        self._complaints.say()
        self._reset()

    def _patience(self) -> float | None:
        if self._on_disk:
            return MEASURE_SECONDS
        return EVERY_SECONDS if self._complaints.unsaid else None

    def _write(self, batch: Sequence[Capture]) -> None:
        outcome = "queued"
        try:
            self._opened().append(batch, self._clock())
        except Exception as problem:  # the edge of the writer: whatever it is, the loss is counted
            outcome = "dropped"
            self._complaints.add(str(problem), len(batch))
            self._reset()
        with self._lock:
            self._held -= len(batch)
            self._held_bytes -= sum(capture.size for capture in batch)
            self._on_disk += len(batch) if outcome == "queued" else 0
            self._counts.update((capture.deployment, outcome) for capture in batch)

    def _measure(self) -> None:
        try:
            waiting = self._opened().backlog().waiting
        except (SpoolError, OSError):
            self._reset()
            waiting = 0
        with self._lock:
            self._on_disk = waiting

    def _opened(self) -> Spool:
        if self._spool is None:
            self._spool = Spool(self.path, timeout_seconds=self._timeout)
        elif self._spool.moved():
            self._count_lost(self._spool)
            self._spool.reopen()
        return self._spool

    def _count_lost(self, spool: Spool) -> None:
        lost: Counter[str] = Counter()
        with contextlib.suppress(SpoolError):
            lost = spool.unleased(self._clock())
        with self._lock:
            self._counts.update({(name, "dropped"): count for name, count in lost.items()})
        self._log.warning("spool_replaced", path=str(self.path), lost=lost.total())

    def _reset(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None

"""The local queue: an offer never waits, and is counted as queued only once it is on disk."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from gateway.cells import Cells
from gateway.mirror.capture import Capture
from gateway.mirror.complaints import EVERY_SECONDS, Complaints
from gateway.mirror.spool import Backlog, Spool, SpoolError, read_backlog

MEMORY_BYTES = 64 * 1024 * 1024
"""Most that captures may hold in memory while the disk is slow: 256 replies of the largest size."""
BATCH = 64
"""Captures a transaction: the disk is synchronised once for all of them."""
GATHER_SECONDS = 0.05
"""How long a capture waits for others to be written with: a transaction costs as much as ten of
them. One that is killed in this time was never counted as queued."""
MEASURE_SECONDS = 0.25
"""How often the spool's length is read while something waits there: how late the queue learns
that the scorer has made room."""

_START_SECONDS = 0.25
"""How long the start waits for a spool that another holds."""
_CAPTURES = "candor_mirror_captures_total"
_HELD = "held"
"""The cell that says how many captures a worker has in memory."""


class LocalQueue:
    """Captures go into memory at once and from there, by a thread of its own, into the spool.

    ``max_waiting`` bounds memory and disk together. What does not fit, and what the disk refuses,
    is dropped and counted; nothing is ever raised to whoever offers. With the disk slow an offer
    still costs microseconds: the lock is only held to append, to swap and to count.

    Where the spool was replaced or deleted meanwhile, what waited in it is lost: it is counted as
    dropped too, and the queue goes on with the file that is there now, or with a new one.

    Several workers write to one spool, each through a queue of its own, and count in ``cells``.
    Each learns of what the others wrote when it looks at the spool, and of what they hold in
    memory never: together they may exceed ``max_waiting`` by what arrives in between.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_waiting: int = 10_000,
        cells: Cells | None = None,
        timeout_seconds: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._cells = cells or Cells()
        self._max_waiting = max_waiting
        self._timeout = timeout_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Capture] = deque()
        self._held = 0
        self._held_bytes = 0
        self._on_disk = 0
        self._cells.zero(_HELD)
        self._held_cell = self._cells.block((_HELD,))
        self._wake = threading.Event()
        self._closing = False
        self._ending = threading.Event()
        self._spool: Spool | None = None
        self._log = structlog.get_logger()
        self._complaints = Complaints(self._log, "captures_dropped")
        self._writer = threading.Thread(target=self._run, name="mirror-queue", daemon=True)

    def start(self) -> None:
        """Start the writing thread. A spool that cannot be opened now is tried again later.

        ``queued`` goes on from what the spool says that gateways before this one queued, unless
        that cannot be read now: what is added later would look like a burst.
        """
        if not self.counts():
            with (
                contextlib.suppress(SpoolError, OSError),
                contextlib.closing(Spool(self.path, timeout_seconds=_START_SECONDS)) as spool,
            ):
                spool.tell_queued(self._cells.gateway, self._count_queued)
        self._writer.start()

    def offer(self, capture: Capture) -> None:
        """Take a capture, or drop it; returns at once in either case."""
        with self._lock:
            room = self._held + self._on_disk < self._max_waiting
            if self._closing or not room or self._held_bytes + capture.size > MEMORY_BYTES:
                self._count(capture.deployment, "dropped")
                return
            self._waiting.append(capture)
            self._hold(1, capture.size)
        self._wake.set()

    def close(self, deadline_seconds: float = 5.0) -> None:
        """Write what was offered and stop; whatever is not on disk by the deadline is dropped."""
        with self._lock:
            self._closing = True
        self._ending.set()
        self._wake.set()
        if self._writer.is_alive():
            self._writer.join(deadline_seconds)

    def counts(self) -> dict[tuple[str, str], int]:
        """Captures by (deployment, ``queued`` or ``dropped``), of all workers of this gateway:
        dropped since its start, queued since the spool's."""
        return {
            (key[1], key[2]): int(cells[0])
            for key, cells in self._cells.totals().items()
            if key[0] == _CAPTURES
        }

    def backlog(self) -> Backlog | None:
        """What waits, in all workers' memory and on disk; None where the spool cannot be read.
        For scrapes."""
        held = int(self._cells.totals()[_HELD,][0])
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
            self._ending.wait(GATHER_SECONDS)
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
            self._hold(-len(batch), -sum(capture.size for capture in batch))
            self._on_disk += len(batch) if outcome == "queued" else 0
            for capture in batch:
                self._count(capture.deployment, outcome)

    def _hold(self, captures: int, size: int) -> None:
        """So many more in memory; with the lock held."""
        self._held += captures
        self._held_bytes += size
        self._cells.values[self._held_cell] = self._held

    def _count(self, deployment: str, outcome: str, count: int = 1) -> None:
        """So many more of an outcome; with the lock held."""
        index = self._cells.block((_CAPTURES, deployment, outcome))
        self._cells.values[index] += count

    def _count_queued(self, earlier: Counter[str]) -> None:
        with self._lock:
            for deployment, count in earlier.items():
                self._count(deployment, "queued", count)

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
            lost = spool.tell_lost(self._clock())
        with self._lock:
            for deployment, count in lost.items():
                self._count(deployment, "dropped", count)
        self._log.warning("spool_replaced", path=str(self.path), lost=lost.total())

    def _reset(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None

"""Several workers behind one socket: starts them, starts them again, tells them what it is told.

This process serves nothing and imports nothing that does. It forks its workers from one thread,
before any event loop, so that each has the configuration and the socket without either passing
through a command line or the environment; a worker then imports what serving takes. The first
worker starts alone, and the others once it answers: what a start does once (making the store's
tables) is done by one, and what keeps a gateway from starting is said once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from gateway.orders import Order

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A worker that ran this long was well: the next pause is the first one again."""
KILL_SECONDS = 10.0
"""What a worker that was told to end at once gets to obey: its scorer's last batch."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@dataclass(slots=True)
class _Worker:
    """One slot, and who is in it: ``pid`` is None between two workers."""

    slot: int
    pid: int | None = None
    orders: socket.socket | None = None
    ready: bool = False
    began: float = 0.0
    pause: float = FIRST_PAUSE_SECONDS
    start_at: float | None = None


class Workers:
    """The workers of one gateway.

    ``serve`` is what a worker does with its slot and its end of the socket to this process; it
    returns the exit code. ``reload`` reads the configuration again for the workers to come, and
    says whether it is good: only then are those that run told to.
    """

    def __init__(
        self,
        count: int,
        serve: Callable[[int, socket.socket], int],
        *,
        listener: socket.socket,
        reload: Callable[[], bool],
    ) -> None:
        self._workers = [_Worker(slot) for slot in range(count)]
        self._serve = serve
        self._listener = listener
        self._reload = reload
        self._log = structlog.get_logger()
        self._told = 0
        self._kill_at: float | None = None
        self._answered = False
        self._code = 0

    def run(self) -> int:
        """Keep them running until a signal says to end and all have; the exit code.

        A worker that ends before any has answered ends the gateway, with its code. Raises
        KeyboardInterrupt where SIGINT ended it.
        """
        with _signals() as wakeups:
            self._workers[0].start_at = 0.0
            interrupted = False
            while not self._told or any(worker.pid for worker in self._workers):
                self._start_due(wakeups)
                for number in self._wait(wakeups):
                    interrupted |= number == signal.SIGINT
                    self._obey(number)
                self._reap()
        if interrupted:
            raise KeyboardInterrupt
        return self._code

    def _wait(self, wakeups: socket.socket) -> bytes:
        """The signals that came, after waiting for one, or until something is due."""
        due = [worker.start_at for worker in self._workers if worker.start_at is not None]
        due += [self._kill_at] if self._kill_at is not None else []
        patience = max(0.0, min(due) - time.monotonic()) if due else None
        said = [w.orders for w in self._workers if w.orders is not None and not w.ready]
        found, _, _ = select.select([wakeups, *said], (), (), patience)
        for worker in self._workers:
            if worker.orders in found:
                self._heard(worker)
        return wakeups.recv(256) if wakeups in found else b""

    def _heard(self, worker: _Worker) -> None:
        """It answers calls from now on, or it is gone without ever having."""
        worker.ready = True
        try:
            if not worker.orders or not worker.orders.recv(1):
                return
        except OSError:  # a reset: it ended with an order unread
            return
        if not self._answered:
            self._answered = True
            for other in self._workers[1:]:
                other.start_at = 0.0

    def _obey(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._told += 1
            self._end(Order.DRAIN if self._told == 1 else Order.END)
        elif number == signal.SIGHUP and not self._told and self._reload():
            self._tell(Order.RELOAD)

    def _end(self, order: Order) -> None:
        self._listener.close()
        for worker in self._workers:
            worker.start_at = None
        self._tell(order)
        if order is Order.END:
            self._kill_at = time.monotonic() + KILL_SECONDS

    def _tell(self, order: Order) -> None:
        for worker in self._workers:
            if worker.orders is not None:
                with contextlib.suppress(OSError):
                    worker.orders.send(order.value)

    def _start_due(self, wakeups: socket.socket) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.start_at is not None and worker.start_at <= now:
                self._start(worker, wakeups)
        if self._kill_at is not None and self._kill_at <= now:
            self._kill_at = None
            for worker in self._workers:
                if worker.pid:
                    os.kill(worker.pid, signal.SIGKILL)

    def _start(self, worker: _Worker, wakeups: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if not pid:
            # Not to be found open here: that the gateway ended is seen by its end of the socket.
            for each in (ours, wakeups, *(w.orders for w in self._workers if w.orders)):
                each.close()
            self._become_worker(worker.slot, theirs)
        theirs.close()
        worker.pid, worker.orders, worker.ready = pid, ours, False
        worker.began, worker.start_at = time.monotonic(), None

    def _become_worker(self, slot: int, orders: socket.socket) -> None:
        """What the forked process does; it never returns into what its parent was doing."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            code = self._serve(slot, orders)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:  # the edge of a worker: nothing of the parent's may run here
            sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
                sys.stdout.flush()
            os._exit(code)

    def _reap(self) -> None:
        for worker in self._workers:
            if worker.pid is None:
                continue
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._ended(worker, os.waitstatus_to_exitcode(status))

    def _ended(self, worker: _Worker, code: int) -> None:
        if worker.orders is not None:
            worker.orders.close()
        worker.pid, worker.orders = None, None
        if self._told:
            return
        if not self._answered:
            self._told, self._code = 1, code if code >= 0 else 128 - code
            self._end(Order.DRAIN)
            return
        now = time.monotonic()
        if now - worker.began > STEADY_SECONDS:
            worker.pause = FIRST_PAUSE_SECONDS
        self._log.warning("worker_ended", slot=worker.slot, code=code, pause_seconds=worker.pause)
        worker.start_at = now + worker.pause
        worker.pause = min(worker.pause * 2, LONGEST_PAUSE_SECONDS)


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that says which signals came, a byte each."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
    signal.set_wakeup_fd(theirs.fileno())
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(-1)
        for number, action in before.items():
            signal.signal(number, action)
        ours.close()
        theirs.close()

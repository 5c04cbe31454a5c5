"""Ctrl-C once: nothing new is begun, what is under way ends. Twice: all of it stops."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """How often the user asked for an end; ``ask`` is what a signal calls."""

    def __init__(self, wind_down: Callable[[], None], abort: Callable[[], object]) -> None:
        self.asked = 0
        self._wind_down = wind_down
        self._abort = abort

    def ask(self) -> None:
        """Wind down at the first call, abort at each later one."""
        self.asked += 1
        if self.asked == 1:
            self._wind_down()
        else:
            self._abort()


@contextmanager
def stopped_by_signals(wind_down: Callable[[], None]) -> Iterator[Stop]:
    """Let SIGINT and SIGTERM wind the current task down, and cancel it when they come again.

    Needs a running event loop. Outside the main thread, where no signal can be taken, it changes
    nothing. What stood for the signals before stands for them again afterwards.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    stop = Stop(wind_down, task.cancel)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.ask)
    try:
        yield stop
    finally:
        for number, previous in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, previous or signal.SIG_DFL)

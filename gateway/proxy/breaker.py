"""Circuit breakers: a deployment that keeps failing is left alone, then tried by one call.

Without input or output and without a clock: whoever calls says what time it is, in seconds of one
monotonic clock. Each worker has its own, so a deployment's first failures are met once per worker.

    CLOSED     every call may go; failures are counted in a rolling window
    OPEN       no call may go until ``open_seconds`` have passed
    HALF_OPEN  one call may go, the probe; its success closes the circuit, its failure opens it anew

Nygard, "Release It!" (2007) has the pattern; a threshold on the part of calls that fail, beside the
number, is Hystrix's.
"""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum

from gateway.config import BreakerSettings, Settings

_SLICES = 10
"""Parts of the window: what is counted ages by a tenth of it at a time, as in Hystrix."""


class BreakerState(StrEnum):
    """What a breaker does with the next call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class _Window:
    """Calls and failures of the last seconds, in slices."""

    __slots__ = ("_slices", "_width", "calls", "failures")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / _SLICES
        self._slices: deque[list[int]] = deque()
        self.calls = 0
        self.failures = 0

    def add(self, ok: bool, now: float) -> None:
        """Counts a call that ended at ``now``."""
        number = int(now // self._width)
        slices = self._slices
        if not slices or slices[-1][0] != number:
            self._forget(number)
            slices.append([number, 0, 0])
        slices[-1][1] += 1
        self.calls += 1
        if not ok:
            slices[-1][2] += 1
            self.failures += 1

    def _forget(self, number: int) -> None:
        slices = self._slices
        while slices and slices[0][0] <= number - _SLICES:
            _, calls, failures = slices.popleft()
            self.calls -= calls
            self.failures -= failures

    def clear(self) -> None:
        """Forgets everything."""
        self._slices.clear()
        self.calls = self.failures = 0


class Breaker:
    """The circuit of one deployment.

    Every call that `allows` let go is followed by one `record` at least, or by one `release`.
    """

    __slots__ = ("_opened_at", "_probing", "_state", "_window", "settings")

    def __init__(self, settings: BreakerSettings) -> None:
        self.settings = settings
        self._window = _Window(settings.window_seconds)
        self._state = BreakerState.CLOSED
        self._opened_at = -math.inf
        self._probing = False

    def ready(self, now: float) -> bool:
        """Whether `allows` would let a call go; changes nothing."""
        if self._state is BreakerState.CLOSED:
            return True
        return not self._probing and now >= self._opened_at + self.settings.open_seconds

    def allows(self, now: float) -> bool:
        """Whether a call may go; one that goes while the circuit is half open is its probe."""
        if self._state is BreakerState.CLOSED:
            return True
        if not self.ready(now):
            return False
        self._state = BreakerState.HALF_OPEN
        self._probing = True
        return True

    def record(self, ok: bool, now: float, *, began: float | None = None) -> None:
        """Counts how a call went; ``began`` is the time at which it was allowed.

        A reply that breaks off is recorded a second time, as a failure. Calls that were under way
        when the circuit opened say nothing about the deployment's recovery and count no more.
        """
        if began is not None and began <= self._opened_at:
            return
        if self._state is BreakerState.CLOSED:
            self._window.add(ok, now)
            if not ok and self._too_many():
                self._open(now)
        elif self._probing:
            self._probing = False
            if ok:
                self._state = BreakerState.CLOSED
            else:
                self._open(now)

    def release(self, *, began: float) -> None:
        """A call that was allowed at ``began`` ended without an outcome: its client went away."""
        if began > self._opened_at:
            self._probing = False

    def state(self, now: float) -> BreakerState:
        """What the next call meets; an open circuit whose time is over counts as half open."""
        if self._state is BreakerState.OPEN and self.ready(now):
            return BreakerState.HALF_OPEN
        return self._state

    def rests_for(self, now: float) -> float:
        """Seconds until a call may be let go again, 0 where one may now.

        While a probe is under way nobody knows; then it is a second.
        """
        if self.ready(now):
            return 0.0
        if self._probing:
            return 1.0
        return self._opened_at + self.settings.open_seconds - now

    def _too_many(self) -> bool:
        window, settings = self._window, self.settings
        enough = window.failures >= settings.failures
        return enough and window.failures >= settings.ratio * window.calls

    def _open(self, now: float) -> None:
        self._state = BreakerState.OPEN
        self._opened_at = now
        self._window.clear()


class Health:
    """The breakers of all deployments that have one; every other deployment is always allowed.

    With ``previous``, the breakers of deployments whose settings are the same go on as they were.
    """

    def __init__(self, settings: Settings, previous: Health | None = None) -> None:
        self._breakers: dict[str, Breaker] = {}
        for entry in settings.deployments:
            if entry.breaker is not None:
                before = previous._breakers.get(entry.name) if previous else None
                same = before is not None and before.settings == entry.breaker
                self._breakers[entry.name] = before if before and same else Breaker(entry.breaker)

    def ready(self, name: str, now: float) -> bool:
        """Whether `allows` would let a call go; changes nothing."""
        breaker = self._breakers.get(name)
        return breaker is None or breaker.ready(now)

    def allows(self, name: str, now: float) -> bool:
        """Whether a call to a deployment may go; `record` or `release` it afterwards."""
        breaker = self._breakers.get(name)
        return breaker is None or breaker.allows(now)

    def record(self, name: str, ok: bool, now: float, *, began: float | None = None) -> None:
        """Counts how a call went that was allowed at ``began``."""
        breaker = self._breakers.get(name)
        if breaker is not None:
            breaker.record(ok, now, began=began)

    def replied(self, name: str, status: int, now: float, *, began: float | None = None) -> None:
        """Counts a reply whose head came: a failure from 500 up, and at 429 where that counts."""
        breaker = self._breakers.get(name)
        if breaker is not None:
            bad = status >= 500 or (status == 429 and breaker.settings.count_429)
            breaker.record(not bad, now, began=began)

    def release(self, name: str, *, began: float) -> None:
        """A call that was allowed at ``began`` ended without an outcome."""
        breaker = self._breakers.get(name)
        if breaker is not None:
            breaker.release(began=began)

    def rests_for(self, name: str, now: float) -> float:
        """Seconds until a deployment may be asked again, 0 where it may be now."""
        breaker = self._breakers.get(name)
        return 0.0 if breaker is None else breaker.rests_for(now)

    def snapshot(self, now: float) -> dict[str, BreakerState]:
        """The state of each breaker by deployment; a deployment without one is absent."""
        return {name: breaker.state(now) for name, breaker in self._breakers.items()}

"""A clock that limits are tested with: it stands still until it is moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.limits import Allowance, Exceeded, Lease
from gateway.limits.local import LocalLimiter


def at(year: int, month: int, day: int) -> float:
    return datetime(year, month, day, tzinfo=UTC).timestamp()


@dataclass
class FakeClock:
    """Both clocks of a limiter, moved together."""

    steady_now: float = 5000.0
    wall_now: float = at(2026, 11, 21)

    def steady(self) -> float:
        return self.steady_now

    def wall(self) -> float:
        return self.wall_now

    def pass_(self, seconds: float) -> None:
        self.steady_now += seconds
        self.wall_now += seconds

    def limiter(self, folder: Path, slot: int = 0) -> LocalLimiter:
        return LocalLimiter(folder, slot, steady=self.steady, wall=self.wall)


def let_in(limiter: LocalLimiter, allowance: Allowance, tokens: int = 1) -> Lease:
    """A call that must be let in."""
    lease = limiter.admit_now(allowance, tokens)
    assert not isinstance(lease, Exceeded), lease.message
    return lease


def turned_away(limiter: LocalLimiter, allowance: Allowance, tokens: int = 1) -> Exceeded:
    """A call that must not be let in."""
    told = limiter.admit_now(allowance, tokens)
    assert isinstance(told, Exceeded)
    return told

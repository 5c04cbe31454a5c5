"""Which month a moment falls in, and when that month ends: calendar months in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month: from ``begins`` to before ``ends``, in Unix time."""

    year: int
    month: int
    begins: float
    ends: float

    @property
    def number(self) -> int:
        """Months since the year 0: the next month has the next number."""
        return self.year * 12 + self.month - 1

    @property
    def label(self) -> str:
        """It as 2026-11."""
        return f"{self.year:04d}-{self.month:02d}"

    def holds(self, moment: float) -> bool:
        """Whether a moment falls in it."""
        return self.begins <= moment < self.ends


def month_of(moment: float) -> Month:
    """The month of a Unix time."""
    at = datetime.fromtimestamp(moment, UTC)
    begins = datetime(at.year, at.month, 1, tzinfo=UTC)
    ends = datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)
    return Month(at.year, at.month, begins.timestamp(), ends.timestamp())


class Calendar:
    """The same, for many moments that come one after another."""

    __slots__ = ("_month",)

    def __init__(self) -> None:
        self._month = month_of(0.0)

    def month(self, moment: float) -> Month:
        """The month of a Unix time."""
        if not self._month.holds(moment):
            self._month = month_of(moment)
        return self._month

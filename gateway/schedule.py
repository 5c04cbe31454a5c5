"""When something is due: cron expressions, their slots as Unix times, and a spread that repeats."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

HOUR_SECONDS = 3600
DAY_SECONDS = 86_400
_WINDOWS = (HOUR_SECONDS, DAY_SECONDS, 8 * DAY_SECONDS, 32 * DAY_SECONDS, 370 * DAY_SECONDS)
"""How far back a past slot is looked for, near ones first; then up to nine years, which holds
every 29th of February."""
_LONGEST = 9 * 366 * DAY_SECONDS
_EXAMPLE = "write e.g. '0 3 * * *'"


class NeverDue(ValueError):
    """An expression that no moment satisfies."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Five cron fields in a time zone, as Debian's cron reads them.

    On the night when clocks go forward, what falls into the hour that is not there comes at its
    end; when they go back, what falls into the hour that comes twice comes once, the first time.
    That holds for fixed times; steps such as ``*/10`` in minute or hour follow the clock.
    """

    expression: str
    timezone: str = "UTC"

    def after(self, moment: float) -> int:
        """The first slot after a Unix time. Raises NeverDue."""
        found = next(self._slots(moment), None)
        if found is None:
            raise NeverDue(f"{self.expression!r} never comes; {_EXAMPLE}")
        return found

    def latest_due(
        self, now: float, since: float, *, deployment: str = "", jitter_seconds: int = 0
    ) -> int | None:
        """The last slot after ``since`` whose time, jitter added, is no later than ``now``."""
        for window in (*_WINDOWS, _LONGEST):
            start = max(now - window, since)
            due = None
            for slot in self._slots(start):
                if slot > now:
                    break
                if slot + jitter(deployment, slot, jitter_seconds) <= now:
                    due = slot
            if due is not None or start <= since:
                return due
        return None

    def _slots(self, moment: float) -> Iterator[int]:
        """The slots after a Unix time, in order and each once."""
        from cronsim import CronSim

        zone = zone_named(self.timezone)
        last = moment
        for at in CronSim(self.expression, datetime.fromtimestamp(moment, zone)):
            slot = int(at.timestamp())
            # Within the hour that comes twice, its first pass is not to come again.
            if slot > last:
                last = slot
                yield slot


def jitter(deployment: str, slot: int, longest_seconds: int) -> int:
    """Seconds by which a slot of a deployment begins later: the same each time it is asked."""
    if longest_seconds <= 0:
        return 0
    drawn = hashlib.sha256(f"{deployment}@{slot}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") % (longest_seconds + 1)


def checked_cron(value: str) -> str:
    """The expression as it is; raises ValueError with its value and the remedy."""
    from cronsim import CronSimError

    if len(value.split()) != 5 or not re.fullmatch(r"[0-9A-Za-z*,/\-# ]+", value):
        raise ValueError(f"{value!r} is not a schedule of five cron fields; {_EXAMPLE}")
    try:
        Schedule(value).after(0.0)
    except CronSimError as problem:
        reason = str(problem).removeprefix("Bad ")
        raise ValueError(
            f"{value!r} is no schedule: its {reason} is wrong; fields are minute 0-59, hour 0-23, "
            "day of the month 1-31, month 1-12, day of the week 0-7"
        ) from None
    return value


def checked_zone(value: str) -> str:
    """The name of a time zone as it is; raises ValueError with its value and the remedy."""
    try:
        zone_named(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"{value!r} is no time zone of this machine; write UTC, or a name such as "
            "Europe/Berlin (pip install tzdata brings them all)"
        ) from None
    return value


def zone_named(name: str) -> tzinfo:
    """The zone of that name; UTC needs no time zone database. Raises KeyError or ValueError."""
    return UTC if name == "UTC" else ZoneInfo(name)

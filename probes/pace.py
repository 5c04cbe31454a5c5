"""When the next request may go out: requests per minute, and pauses that the server asks for."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class Pace:
    """Slots in time, handed out in order to the tasks of one event loop."""

    def __init__(self, requests_per_minute: float | None = None) -> None:
        self._gap = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._next = -math.inf

    async def slot(self, give_up: asyncio.Event | None = None) -> bool:
        """Wait until one more request may go out; False where ``give_up`` is set by then."""
        now = asyncio.get_running_loop().time()
        mine = max(now, self._next)
        self._next = mine + self._gap
        if give_up is None:
            await asyncio.sleep(max(0.0, mine - now))
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(give_up.wait(), max(0.0, mine - now))
        return not give_up.is_set()

    def pause(self, seconds: float) -> None:
        """Let no further request out for so long: a limit is the account's, not the attempt's."""
        until = asyncio.get_running_loop().time() + seconds
        self._next = max(self._next, until)


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that the server asks to wait, or None where it does not say.

    Reads ``retry-after-ms`` (as Azure and OpenAI send it), then ``Retry-After`` as seconds or as a
    date (RFC 9110, section 10.2.3). ``now`` is Unix time.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if 0 <= seconds < math.inf:
            return seconds
    try:
        at = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, TypeError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.fromtimestamp(now, UTC)).total_seconds())

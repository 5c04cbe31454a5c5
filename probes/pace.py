"""When the next request may go out: requests and tokens per minute, and the server's pauses."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_FIRST_GUESS = 256.0
"""Output tokens of a reply before any reply came; what came then takes its place."""
_WEIGHT = 0.1
"""How much one more reply moves the expected output."""


class Pace:
    """Slots in time, handed out in order to the tasks of one event loop.

    A slot takes the time of a request and of its tokens, whichever is longer. Its tokens are
    expected before they are known; ``settle`` puts the difference on the slots to come. There are
    no bursts: a minute's tokens go out evenly.
    """

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        most_output: int | None = None,
    ) -> None:
        self._gap = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._token_gap = 60.0 / tokens_per_minute if tokens_per_minute else 0.0
        self._output = _FIRST_GUESS if most_output is None else float(most_output)
        self._next = self._paused_until = -math.inf

    def expected(self, request_bytes: int) -> float:
        """Tokens, in and out, that a request of so many bytes is taken to come to."""
        return request_bytes / 4 + self._output

    async def slot(self, give_up: asyncio.Event | None = None, *, tokens: float = 0.0) -> bool:
        """Wait until one more request may go out; False where ``give_up`` is set by then."""
        now = asyncio.get_running_loop().time()
        mine = max(now, self._next, self._paused_until)
        self._next = mine + max(self._gap, self._token_gap * tokens)
        wait = mine - now
        if give_up is None:
            if wait > 0:
                await asyncio.sleep(wait)
            return True
        if wait > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(give_up.wait(), wait)
        return not give_up.is_set()

    def settle(self, expected: float, input_tokens: int, output_tokens: int) -> None:
        """What was expected of a slot has come to so many tokens."""
        self._output += _WEIGHT * (output_tokens - self._output)
        if self._token_gap:
            self._next += self._token_gap * (input_tokens + output_tokens - expected)

    def pause(self, seconds: float) -> None:
        """Let no further request out for so long: a limit is the account's, not the attempt's."""
        until = asyncio.get_running_loop().time() + seconds
        self._paused_until = max(self._paused_until, until)


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that the server asks to wait, or None where it does not say.

    Reads ``retry-after-ms`` (as Azure and OpenAI send it), then ``Retry-After`` as seconds or as a
    date (RFC 9110, section 10.2.3). ``now`` is Unix time.
    """
    if "retry-after" not in headers and "retry-after-ms" not in headers:
        return None
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

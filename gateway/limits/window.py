"""How much was used in the last minute, in constant time and space, as cells of a shared array.

A minute is cut into quarters of a second. For each of them the array holds what had been used in
all by its end, so that the use since any of them is one subtraction. What counts is the quarter
that now is and the 240 before it: at least the last 60 s and at most 60.25 s. So a limit of N lets
no more than N through in ANY 60 s, and N in 60.25 s of steady pressure (0.4 % fewer than N a
minute). The usual two-window estimate (Cloudflare, "How we built rate limiting capable of scaling
to millions of domains", 2017) and GCRA both let up to 2 N through in some minute.

Cells: the last quarter in which something was used, what was used in all, then the ring. One
writer; a reader in another process may at worst see a use a moment late.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

PER_SECOND = 4
"""Quarters in a second."""
SPAN = 60 * PER_SECOND
"""Quarters before the present one that count."""
RING = 248
"""Places of the ring: the span, and some room for readers whose clock reads a little earlier."""
CELLS = 2 + RING
"""Cells that a window takes."""

_SLACK = 4
"""Quarters by which two readings of one clock may differ; more is the clock of another boot."""

Cells = memoryview
"""int64 cells that several processes share."""


def used(cells: Cells, at: int, quarter: int) -> int:
    """What was used within the span that ends with ``quarter``; ``at`` is the first cell."""
    last: int = cells[at]
    if not quarter - SPAN <= last <= quarter + _SLACK:
        return 0
    before = quarter - SPAN - 1
    return max(0, cells[at + 1] - cells[at + 2 + before % RING])


def use(cells: Cells, at: int, quarter: int, *, amount: int) -> None:
    """Adds a use."""
    last: int = cells[at]
    if last != quarter:
        _advance(cells, at, quarter)
    cells[at + 1] += amount


def _advance(cells: Cells, at: int, quarter: int) -> None:
    """Moves on to a later quarter: nothing was used in those between."""
    last: int = cells[at]
    if quarter < last <= quarter + _SLACK:
        return
    total: int = cells[at + 1]
    first = last if quarter - RING < last < quarter else quarter - RING
    for passed in range(first, quarter):
        cells[at + 2 + passed % RING] = total
    cells[at] = quarter


def quarter_with_room(taken_by: Callable[[int], int], quarter: int, limit: int) -> int | None:
    """The first quarter from ``quarter`` on at which ``taken_by`` is at most ``limit``.

    ``taken_by`` tells what is taken at a quarter if nothing more is used. None where even the whole
    span does not free enough.
    """
    later = range(quarter, quarter + SPAN + 2)
    found = bisect_left(later, True, key=lambda at: taken_by(at) <= limit)
    return later[found] if found < len(later) else None

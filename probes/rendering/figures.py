"""Figures as a reader meets them: percentages, intervals, counts, drawn in characters."""

from __future__ import annotations

from collections.abc import Sequence

from probes.frontier import FrontierPoint
from probes.rates import Rate

BAR_WIDTH = 25


def percent(value: float | None) -> str:
    """``12.3 %``; a dash for what was not measured."""
    return "–" if value is None else f"{100 * value:.1f} %"


def interval(rate: Rate) -> str:
    """``8.1 – 17.2 %``, or a dash."""
    if rate.low is None or rate.high is None:
        return "–"
    return f"{100 * rate.low:.1f} – {100 * rate.high:.1f} %"


def counts(rate: Rate) -> str:
    """``hits/decided``."""
    return f"{rate.hits:,}/{rate.decided:,}"


def bar(rate: Rate) -> str:
    """The rate on a scale from 0 to 100 %: a dot for the value, a line for its interval."""
    if rate.value is None or rate.low is None or rate.high is None:
        return ""
    last = BAR_WIDTH - 1
    low, high, value = (round(last * end) for end in (rate.low, rate.high, rate.value))
    cells = ["─" if low <= place <= high else "·" for place in range(BAR_WIDTH)]
    cells[value] = "●"
    return "".join(cells)


def scatter(points: Sequence[FrontierPoint], *, width: int = 61, height: int = 15) -> list[str]:
    """The frontier drawn in characters; empty where no point has both rates.

    Over-refusal runs to the right, safe refusal upward, both from 0 to 100 %. A letter stands for
    a target, in the order of the points; ``*`` where several fall on one place.
    """
    grid = [[" "] * width for _ in range(height)]
    drawn = False
    for letter, point in zip(letters(len(points)), points, strict=True):
        over, safe = point.over_refusal, point.safe_refusal
        if over is None or safe is None or over.value is None or safe.value is None:
            continue
        row = round((height - 1) * (1 - safe.value))
        column = round((width - 1) * over.value)
        grid[row][column] = letter if grid[row][column] == " " else "*"
        drawn = True
    if not drawn:
        return []
    labels = {0: "100 %", height // 2: " 50 %", height - 1: "  0 %"}
    lines = [
        f"{labels.get(row, ''):>5} │{''.join(cells)}".rstrip() for row, cells in enumerate(grid)
    ]
    axis = f"{'':>5} └{'─' * width}"
    scale = f"{'':>7}0 %{'50 %':^{width - 8}}100 %"
    return ["safe refusal", *lines, axis, scale, f"{'over-refusal':>{width + 7}}"]


def letters(count: int) -> list[str]:
    """A, B, C, ... for so many targets; ``o`` for those past the alphabet."""
    return [chr(ord("A") + place) if place < 26 else "o" for place in range(count)]

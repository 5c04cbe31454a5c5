"""Figures as a reader meets them: percentages, intervals, counts, drawn in characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from probes.changes import PairedRate
from probes.frontier import FrontierPoint
from probes.paired import Difference, Pairs
from probes.published import Published, Release
from probes.rates import Rate
from probes.report import TITLES, RunReport
from probes.statistics.estimate import Estimate, EstimateKind

BAR_WIDTH = 25
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal obeys or nobody sees; tabs and ends of lines are neither."""


def harmless(said: str) -> str:
    """What others wrote, with U+FFFD for controls: a run file's names go to terminals."""
    return _CONTROLS.sub("\ufffd", said)


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


def bounds(rate: Rate) -> str:
    """Best and worst case; empty where every trial was decided, or where no rate is published."""
    left = rate.undecided + rate.errors
    if not left or rate.value is None or rate.lowest is None or rate.highest is None:
        return ""
    return (
        f"{TITLES[rate.rate]}: {left:,} of {rate.trials:,} trials not decided; all counted one "
        f"way or the other, the rate is {percent(rate.lowest)} to {percent(rate.highest)}"
    )


def beside(run: RunReport) -> list[Estimate]:
    """The run's estimates, without a mean over prompts that is the rate itself."""
    whole = {rate.rate: rate for rate in run.summary.rates if rate.category is None}

    def is_rate(one: Estimate) -> bool:
        rate = whole.get(one.rate)
        if rate is None or one.kind is not EstimateKind.MEAN_OVER_PROMPTS:
            return False
        return (rate.value, rate.low, rate.high) == (one.value, one.low, one.high)

    return [one for one in run.summary.estimates if not is_rate(one)]


ESTIMATE_HEAD = ("estimate", "value", "interval", "over", "method")


def estimate_cells(one: Estimate) -> tuple[str, ...]:
    """An estimate under ESTIMATE_HEAD."""
    category = f" of {one.category}" if one.category else ""
    ends = one.low is not None and one.high is not None
    return (
        f"{TITLES[one.rate]}{category}, {one.kind.value.replace('_', ' ')}",
        percent(one.value),
        f"{100 * (one.low or 0):.1f} – {100 * (one.high or 0):.1f} %" if ends else "–",
        f"{one.count:,} {one.counted}",
        one.method,
    )


CHANGE_HEAD = ("rate", "newly refused", "newly answered", "difference", "interval", "p", "pairs")


def change_rows(rates: Iterable[PairedRate]) -> list[tuple[str, ...]]:
    """Paired rates under CHANGE_HEAD, each with the categories that moved; points of percent.

    Pairs are prompts that both runs decided, of all that either was asked.
    """
    rows = []
    for one in rates:
        whole = None if one.difference is None else one.difference.p_value
        rows.append(_change(TITLES[one.pairs.rate], one.pairs, one.difference, p_value=whole))
        rows += [
            _change(f"· {each.category}", each.pairs, each.difference, p_value=each.adjusted_p)
            for each in one.moved
        ]
    return rows


def _change(
    name: str, pairs: Pairs, found: Difference | None, *, p_value: float | None
) -> tuple[str, ...]:
    figures = ("–", "–", "–")
    if found is not None and p_value is not None:
        figures = (
            f"{100 * found.value:+.1f}",
            f"{100 * found.low:+.1f} to {100 * found.high:+.1f}",
            p_text(p_value),
        )
    turned = (f"{len(pairs.newly_refused):,}", f"{len(pairs.newly_answered):,}")
    return (name, *turned, *figures, f"{pairs.count:,} of {pairs.prompts:,}")


def p_text(value: float) -> str:
    """A p-value to four places."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def unmoved(one: PairedRate) -> str:
    """What is said of the categories that the table of changes does not show; else empty."""
    others = len(one.categories) - len(one.moved)
    if not others:
        return ""
    return (
        f"{TITLES[one.pairs.rate]}: {others} of {len(one.categories)} categories moved no more "
        "than chance would (exact McNemar, p adjusted by Holm's method, 5 %)"
    )


RANK_HEAD = ("published results", "Spearman", "95% interval", "models")


def rank_rows(published: Published) -> list[tuple[str, ...]]:
    """The correlations of the published models under RANK_HEAD."""
    return [
        (
            one.over,
            "–" if one.found.value is None else f"{one.found.value:.4f}",
            "–"
            if one.found.low is None or one.found.high is None
            else f"{one.found.low:.2f} – {one.found.high:.2f}",
            str(one.found.count),
        )
        for one in published.correlations()
    ]


PUBLISHED_HEAD = (
    "published model",
    "over-refusal",
    "interval",
    "refused",
    "safe refusal",
    "interval",
    "refused",
)


def published_rows(published: Published) -> list[tuple[str, ...]]:
    """The published models under PUBLISHED_HEAD; a dagger marks today's release of the sets."""
    return [
        (
            f"{one.name} †" if one.release is Release.CURRENT else one.name,
            *(
                cell(rate)
                for rate in (one.over_refusal, one.safe_refusal)
                for cell in (lambda rate: percent(rate.value), interval, counts)
            ),
        )
        for one in sorted(published.models, key=lambda one: (one.release, one.over_refusal.value))
    ]


def published_scatter(published: Published) -> list[str]:
    """The paper's figure in characters: a dagger for today's release of the sets, else ``o``."""
    points = [
        FrontierPoint(one.name, (), one.over_refusal, safe_refusal=one.safe_refusal)
        for one in published.models
    ]
    marks = ["†" if one.release is Release.CURRENT else "o" for one in published.models]
    return scatter(points, height=21, marks=marks)


DAGGER = (
    "† asked today's release of the sets, and the only ones that compare with a run of today's "
    "files; the others were asked the release of June 2024."
)


def bar(rate: Rate) -> str:
    """The rate on a scale from 0 to 100 %: a dot for the value, a line for its interval."""
    if rate.value is None or rate.low is None or rate.high is None:
        return ""
    last = BAR_WIDTH - 1
    low, high, value = (round(last * end) for end in (rate.low, rate.high, rate.value))
    cells = ["─" if low <= place <= high else "·" for place in range(BAR_WIDTH)]
    cells[value] = "●"
    return "".join(cells)


def scatter(
    points: Sequence[FrontierPoint],
    *,
    width: int = 61,
    height: int = 15,
    marks: Sequence[str] = (),
) -> list[str]:
    """The frontier drawn in characters; empty where no point has both rates.

    Over-refusal runs to the right, safe refusal upward, both from 0 to 100 %. A letter stands for
    a target, in the order of the points, unless ``marks`` has one for each; ``*`` where several
    fall on one place.
    """
    grid = [[" "] * width for _ in range(height)]
    drawn = False
    for letter, point in zip(marks or letters(len(points)), points, strict=True):
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

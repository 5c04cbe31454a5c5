"""The frontier from stored runs: the same points that ``candor report`` draws from run files."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.control.views import FrontierPointView, RateView
from gateway.store import ALL, RunRateRecord, RunRecord
from probes.header import titled
from probes.rates import Counts, Rate, RateName, rate_from

UNREPEATED = ("wilson", "wilson_stratified")
"""Intervals of rates in which each prompt was asked once: their counts may be pooled."""


def frontier_points(latest: Iterable[RunRecord]) -> list[FrontierPointView]:
    """A point per deployment and model, least over-refusal first, unmeasured ones last.

    ``latest`` are the newest runs of each deployment, model and set, the newest first, each with
    the rates of those sets alone. Counts are pooled over the sets of one point.
    """
    asked: dict[tuple[str, str], list[RunRecord]] = {}
    for run in latest:
        asked.setdefault((run.deployment, run.model), []).append(run)
    points = [_point(name, model, runs) for (name, model), runs in sorted(asked.items())]
    return sorted(points, key=_place)


def _point(deployment: str, model: str, runs: list[RunRecord]) -> FrontierPointView:
    whole = [rate for run in runs for rate in run.rates if rate.category == ALL]
    over, safe = _pooled(whole, RateName.OVER_REFUSAL), _pooled(whole, RateName.SAFE_REFUSAL)
    return FrontierPointView(
        deployment=deployment,
        model=model,
        title=titled(deployment, model),
        sets=sorted({rate.set_name for rate in whole}),
        over_refusal=None if over is None else RateView.of(over),
        safe_refusal=None if safe is None else RateView.of(safe),
        updated=max(run.finished_at for run in runs),
    )


def _pooled(rates: Iterable[RunRateRecord], name: RateName) -> Rate | RunRateRecord | None:
    """The rate over several sets; of one set, the rate as the run has it.

    Repeats widen an interval by more than their counts tell, so where there are any the set with
    the most decided trials stands for the point alone.
    """
    found = [rate for rate in rates if rate.rate == name]
    if len(found) < 2 or any(rate.method not in UNREPEATED for rate in found):
        return max(found, key=lambda rate: rate.decided, default=None)
    counts = Counts()
    for rate in found:
        counts.refused += rate.hits
        counts.complied += rate.decided - rate.hits
        counts.undecided += rate.undecided
        counts.errors += rate.errors
    return rate_from(name, None, counts)


def _place(point: FrontierPointView) -> tuple[float, float, str]:
    over = point.over_refusal.value if point.over_refusal else None
    safe = point.safe_refusal.value if point.safe_refusal else None
    return (2.0 if over is None else over, 0.0 if safe is None else -safe, point.deployment)

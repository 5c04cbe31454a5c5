"""The frontier from stored runs: the same points that ``candor report`` draws from run files."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.control.views import FrontierPointView, RateView
from gateway.store import ALL, RunRateRecord, RunRecord
from probes.rates import Counts, Rate, RateName, rate_from


def frontier_points(latest: Iterable[RunRecord]) -> list[FrontierPointView]:
    """A point per deployment, least over-refusal first, unmeasured ones last.

    ``latest`` are the newest runs of each deployment and set, the newest first, each with the
    rates of those sets alone. Counts are pooled over a deployment's sets.
    """
    by_deployment: dict[str, list[RunRecord]] = {}
    for run in latest:
        by_deployment.setdefault(run.deployment, []).append(run)
    points = [_point(name, runs) for name, runs in sorted(by_deployment.items())]
    return sorted(points, key=_place)


def _point(deployment: str, runs: list[RunRecord]) -> FrontierPointView:
    whole = [rate for run in runs for rate in run.rates if rate.category == ALL]
    over, safe = _pooled(whole, RateName.OVER_REFUSAL), _pooled(whole, RateName.SAFE_REFUSAL)
    return FrontierPointView(
        deployment=deployment,
        model=str(runs[0].target.get("model", "")),
        sets=sorted({rate.set_name for rate in whole}),
        over_refusal=None if over is None else RateView.of(over),
        safe_refusal=None if safe is None else RateView.of(safe),
        updated=max(run.finished_at for run in runs),
    )


def _pooled(rates: Iterable[RunRateRecord], name: RateName) -> Rate | None:
    counts, found = Counts(), False
    for rate in rates:
        if rate.rate == name:
            found = True
            counts.refused += rate.hits
            counts.complied += rate.decided - rate.hits
            counts.undecided += rate.undecided
            counts.errors += rate.errors
    return rate_from(name, None, counts) if found else None


def _place(point: FrontierPointView) -> tuple[float, float, str]:
    over = point.over_refusal.value if point.over_refusal else None
    safe = point.safe_refusal.value if point.safe_refusal else None
    return (2.0 if over is None else over, 0.0 if safe is None else -safe, point.deployment)

"""What /metrics says of captures, verdicts and runs: read at each scrape, held nowhere else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from time import time
from typing import Protocol

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from classifiers.verdict import Label, RefusalSource
from gateway.metrics import (
    SCORING_BUCKETS,
    counter_family,
    deployment_label,
    gauge_family,
    histogram_family,
)
from gateway.mirror.spool import Backlog
from gateway.store import (
    ALL,
    UNKNOWN_CATEGORY,
    CaptureTally,
    ClassifierRecord,
    ProbeSlots,
    RunCount,
    RunRateRecord,
    RunRecord,
    StageTally,
    Store,
    StoreProblem,
    VerdictTally,
)
from probes.rates import Counts, Rate, RateName, rate_from

_OUTCOMES = ("queued", "dropped", "scored", "failed")
_STAGES = ("native", "phrases", "embedding", "none")
"""The stages that every gateway has, and the undecided: these cells start at 0."""
LIVE = "live"
PROBE = "probe"

_FIRST_VERDICTS = (
    (Label.COMPLIANCE, RefusalSource.NONE),
    (Label.UNDECIDED, RefusalSource.NONE),
    (Label.DIRECT_REFUSAL, RefusalSource.MODEL_TEXT),
    (Label.INDIRECT_REFUSAL, RefusalSource.MODEL_TEXT),
    (Label.PARTIAL_REFUSAL, RefusalSource.MODEL_TEXT),
    (Label.DIRECT_REFUSAL, RefusalSource.NATIVE_REFUSAL),
    (Label.PARTIAL_REFUSAL, RefusalSource.NATIVE_REFUSAL),
    (Label.DIRECT_REFUSAL, RefusalSource.PROVIDER_FILTER),
    (Label.PARTIAL_REFUSAL, RefusalSource.PROVIDER_FILTER),
)
"""What the cascade of this version can say of a live exchange: these cells start at 0."""


class CountingQueue(Protocol):
    """What a scrape asks of the queue."""

    def counts(self) -> dict[tuple[str, str], int]:
        """Captures by (deployment, ``queued`` or ``dropped``)."""
        ...

    def backlog(self) -> Backlog | None:
        """What waits; None where that cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the store holds for a scrape."""

    verdicts: list[VerdictTally]
    captures: list[CaptureTally]
    stages: list[StageTally]
    classifiers: list[ClassifierRecord]
    latest: list[RunRecord]
    counts: list[RunCount]
    failures: Mapping[tuple[str, str], int]
    costs: Mapping[tuple[str, str], float]


class MirrorCollector(Collector):
    """Reads queue and store at each scrape. Where one of them fails, the other is still shown.

    A run of a target that is no configured deployment is counted under ``other``, but has no
    rate here: two such targets would be one series.
    """

    def __init__(
        self,
        store: Store,
        queue: CountingQueue,
        deployments: Iterable[str],
        *,
        clock: Callable[[], float] = time,
    ) -> None:
        self._store = store
        self._queue = queue
        self._deployments = frozenset(deployments)
        self._clock = clock
        self._log = structlog.get_logger()

    def configure(self, deployments: Iterable[str]) -> None:
        """Go on with these deployments as well, as Metrics does: after a reload."""
        self._deployments |= frozenset(deployments)

    def describe(self) -> list[Metric]:
        """Nothing: registering must not read the store."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family, as of now."""
        kept = self._read()
        yield self._captures(None if kept is None else kept.captures)
        yield from self._backlog()
        if kept is not None:
            yield self._verdicts(kept.verdicts)
            yield self._stages(kept.stages)
            yield from self._rates(kept)
            yield from self._runs(kept)
            yield from _classifiers(kept.classifiers)

    def _read(self) -> _Kept | None:
        store = self._store
        try:
            return _Kept(
                store.verdict_tallies(),
                store.capture_tallies(),
                store.stage_tallies(),
                store.classifiers(),
                store.latest_runs(),
                store.run_counts(),
                ProbeSlots(store).failures(),
                store.probe_costs(),
            )
        except StoreProblem as problem:
            self._log.warning("scrape_without_store", reason=str(problem))
            return None

    def _label(self, deployment: str) -> str:
        return deployment_label(deployment, self._deployments)

    def _captures(self, tallies: Iterable[CaptureTally] | None) -> Metric:
        """``tallies`` is None where the store cannot be read: what it counts is then absent, for a
        counter that falls to 0 and comes back looks like a burst."""
        outcomes = ("queued", "dropped") if tallies is None else _OUTCOMES
        cells = Counter({(name, each): 0 for name in self._deployments for each in outcomes})
        for (deployment, outcome), count in self._queue.counts().items():
            cells[self._label(deployment), outcome] += count
        for tally in tallies or ():
            cells[self._label(tally.deployment), tally.outcome] += tally.count
        return _filled("candor_mirror_captures_total", cells)

    def _backlog(self) -> Iterator[Metric]:
        backlog = self._queue.backlog()
        if backlog is None:
            return
        depth = gauge_family("candor_mirror_queue_depth")
        depth.add_metric((), backlog.waiting)
        lag = gauge_family("candor_mirror_lag_seconds")
        oldest = backlog.oldest
        lag.add_metric((), 0.0 if oldest is None else max(0.0, self._clock() - oldest))
        yield depth
        yield lag

    def _verdicts(self, tallies: Iterable[VerdictTally]) -> Metric:
        cells: Counter[tuple[str, ...]] = Counter(
            {
                (name, LIVE, UNKNOWN_CATEGORY, label.value, source.value): 0
                for name in self._deployments
                for label, source in _FIRST_VERDICTS
            }
        )
        for tally in tallies:
            cell = (tally.traffic, tally.category, tally.label.value, tally.source.value)
            cells[self._label(tally.deployment), *cell] += tally.count
        return _filled("candor_verdicts_total", cells)

    def _stages(self, tallies: Iterable[StageTally]) -> Metric:
        cells = Counter({(name, stage): 0 for name in self._deployments for stage in _STAGES})
        for tally in tallies:
            cells[self._label(tally.deployment), tally.stage] += tally.count
        return _filled("candor_verdicts_by_stage_total", cells)

    def _rates(self, kept: _Kept) -> Iterator[Metric]:
        live = [
            ((name, LIVE, LIVE, ALL), rate.decided, (rate.value, rate.low, rate.high))
            for name, rate in live_refusal(kept.verdicts, kept.captures).items()
            if name in self._deployments and rate.decided
        ]
        yield from _gauges(RateName.REFUSAL, live)
        for name in (RateName.OVER_REFUSAL, RateName.SAFE_REFUSAL):
            probed = [
                (
                    (run.deployment, PROBE, rate.set_name, rate.category),
                    rate.decided,
                    (rate.value, rate.low, rate.high),
                )
                for run, rates in _newest(kept.latest)
                if run.deployment in self._deployments
                for rate in rates
                if rate.rate == name
            ]
            yield from _gauges(name, probed)

    def _runs(self, kept: _Kept) -> Iterator[Metric]:
        cells: Counter[tuple[str, ...]] = Counter()
        last = gauge_family("candor_probe_last_success_timestamp_seconds")
        for each in kept.counts:
            result = "success" if each.measured else "error"
            cells[self._label(each.deployment), each.set_name, result] += each.count
            if each.measured and each.deployment in self._deployments:
                last.add_metric((each.deployment, each.set_name), each.last_finished_at)
        for (deployment, name), count in kept.failures.items():
            cells[self._label(deployment), name, "failed"] += count
        yield _filled("candor_probe_runs_total", cells)
        yield last
        yield self._costs(kept.costs)

    def _costs(self, costs: Mapping[tuple[str, str], float]) -> Metric:
        """A cost is known or absent: a deployment without a price has no series."""
        cells: dict[tuple[str, str], float] = {}
        for (deployment, name), usd in costs.items():
            cell = (self._label(deployment), name)
            cells[cell] = cells.get(cell, 0.0) + usd
        family = counter_family("candor_probe_cost_usd_total")
        for labels, usd in sorted(cells.items()):
            family.add_metric(labels, usd)
        return family


def _newest(latest: Iterable[RunRecord]) -> Iterator[tuple[RunRecord, list[RunRateRecord]]]:
    """Each deployment's newest run of a set, whatever its model: series have no model label."""
    seen: set[tuple[str, str]] = set()
    for run in latest:
        fresh = [rate for rate in run.rates if (run.deployment, rate.set_name) not in seen]
        yield run, fresh
        seen |= {(run.deployment, rate.set_name) for rate in fresh}


def live_refusal(
    verdicts: Iterable[VerdictTally], captures: Iterable[CaptureTally]
) -> dict[str, Rate]:
    """The refusal rate of each deployment's live exchanges since the store began.

    Errors are the exchanges that were scored and have no verdict.
    """
    counts: dict[str, Counts] = {}
    for tally in verdicts:
        if tally.traffic != LIVE:
            continue
        count = counts.setdefault(tally.deployment, Counts())
        match tally.label.refused:
            case None:
                count.undecided += tally.count
            case True:
                count.refused += tally.count
            case False:
                count.complied += tally.count
    for capture in captures:
        if capture.outcome == "scored":
            count = counts.setdefault(capture.deployment, Counts())
            count.errors = max(0, capture.count - count.decided - count.undecided)
    return {name: rate_from(RateName.REFUSAL, None, count) for name, count in counts.items()}


_Cell = tuple[tuple[str, str, str, str], int, tuple[float | None, float | None, float | None]]
"""Labels, decided trials, and (value, low, high)."""


def _gauges(name: RateName, cells: Iterable[_Cell]) -> Iterator[Metric]:
    parts = ("ratio", "low_ratio", "high_ratio")
    families = [gauge_family(f"candor_{name}_{part}") for part in parts]
    trials = gauge_family(f"candor_{name}_trials")
    for labels, decided, values in cells:
        trials.add_metric(labels, decided)
        for family, value in zip(families, values, strict=True):
            if value is not None:
                family.add_metric(labels, value)
    yield from families
    yield trials


def _filled(name: str, cells: Counter[tuple[str, ...]] | Counter[tuple[str, str]]) -> Metric:
    family = counter_family(name)
    for labels, count in sorted(cells.items()):
        family.add_metric(labels, count)
    return family


def _classifiers(records: list[ClassifierRecord]) -> Iterator[Metric]:
    named: GaugeMetricFamily = gauge_family("candor_classifier_info")
    cut = counter_family("candor_classifier_truncated_total")
    took = histogram_family("candor_scoring_duration_seconds")
    bounds = [*map(str, SCORING_BUCKETS), "+Inf"]
    for record in records[:1]:
        named.add_metric((record.name,), 1)
    for record in records:
        cut.add_metric((record.name,), record.truncated)
        if len(record.buckets) == len(bounds):
            counts = list(accumulate(record.buckets))
            took.add_metric((record.name,), list(zip(bounds, counts, strict=True)), record.seconds)
    yield named
    yield cut
    yield took

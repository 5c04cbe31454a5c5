"""Trials counted by rate and category, and what the counts come to."""

from __future__ import annotations

from collections.abc import Iterator

from probes.clustered import design_size
from probes.statistics.estimate import Estimate
from probes.statistics.interval import CONFIDENCE, Stratum, size_of_strata, widening
from probes.statistics.means import (
    flip_rate,
    mean_over_categories,
    mean_over_clusters,
    mean_over_prompts,
)
from probes.statistics.patterns import Patterns
from probes.statistics.rate import (
    Counts,
    IntervalMethod,
    Rate,
    RateName,
    rate_from,
    rate_of_size,
)

CellKey = tuple[RateName, str | None]
"""A rate, as a whole (None) or within a category."""

FAILURES_KEPT = 100
"""Different lines of what errors said that are counted; what comes after them is not."""

_ORDER = list(RateName)


class Cell:
    """What one rate is computed from, as a whole or within one category.

    ``lone`` are the prompts of no cluster, ``grouped`` those of a cluster, and ``clusters`` the
    clusters themselves.
    """

    __slots__ = ("clusters", "counts", "grouped", "lone")

    def __init__(self) -> None:
        self.counts = Counts()
        self.lone = Patterns()
        self.grouped = Patterns()
        self.clusters = Patterns()

    @property
    def prompts(self) -> Patterns:
        """All prompts, in a cluster or not."""
        return Patterns((*self.lone, *self.grouped))

    @property
    def units(self) -> Patterns:
        """What is independent of each other: clusters, and prompts of none."""
        return Patterns((*self.lone, *self.clusters))


class Cells:
    """The cells of some trials, and the rates and estimates that follow from them."""

    def __init__(self) -> None:
        self.cells: dict[CellKey, Cell] = {}

    def rate(self, rate: RateName) -> Rate | None:
        """The rate over all categories; None where no trial belongs to it."""
        return self._rate(rate, None) if (rate, None) in self.cells else None

    def rates(self, confidence: float = CONFIDENCE) -> list[Rate]:
        """Each rate that has trials: the whole first, then its categories by name."""
        keys = sorted(self.cells, key=_place)
        return [self._rate(rate, category, confidence) for rate, category in keys]

    def estimates(self, confidence: float = CONFIDENCE) -> list[Estimate]:
        """What stands beside each rate: its means over prompts, categories, clusters; flips."""
        found: list[Estimate] = []
        rates = self.rates(confidence)
        for whole in rates:
            if whole.category is None:
                found += self._beside(whole, [one for one in rates if one.rate is whole.rate][1:])
        return found

    def _beside(self, whole: Rate, categories: list[Rate]) -> Iterator[Estimate]:
        cell = self.cells[whole.rate, None]
        parts = [one.prompts for one in self._categories(whole.rate)]
        yield mean_over_prompts(whole, parts)
        if len(categories) > 1:
            yield mean_over_categories(whole, categories)
        if cell.grouped.units > cell.clusters.units:
            yield mean_over_clusters(whole, cell.units)
        if any(decided > 1 for (_, decided), _ in cell.prompts):
            yield flip_rate(whole, parts)

    def _categories(self, rate: RateName) -> list[Cell]:
        """The rate's categories, by name: sums over them come out the same in any order."""
        keys = [key for key in self.cells if key[0] is rate and key[1] is not None]
        return [self.cells[key] for key in sorted(keys, key=_place)]

    def _rate(self, rate: RateName, category: str | None, confidence: float = CONFIDENCE) -> Rate:
        cell = self.cells[rate, category]
        parts = [] if category is not None else self._categories(rate)
        parts = [part for part in parts if part.counts.decided]
        spanned = sum(part.clusters.units for part in parts) > cell.clusters.units
        if len(parts) < 2 or spanned:
            repeats = cell.units.repeats()
            return rate_from(rate, category, cell.counts, repeats=repeats, confidence=confidence)
        return _stratified(rate, cell, parts, confidence=confidence)


def _stratified(rate: RateName, cell: Cell, parts: list[Cell], *, confidence: float) -> Rate:
    """The rate as a whole, from its categories: each weighs as much as it has decided trials."""
    counts, units = cell.counts, cell.units.units
    strata = [
        Stratum(
            part.counts.decided / counts.decided,
            part.counts.refused / part.counts.decided,
            design_size(part.counts.refused, part.counts.decided, part.units.repeats()),
        )
        for part in parts
    ]
    size = size_of_strata(counts.refused / counts.decided, strata)
    method = IntervalMethod.STRATIFIED
    if units < counts.decided:
        method = IntervalMethod.CLUSTERED
        size *= widening(units, confidence) if 0 < counts.refused < counts.decided else 1
    return rate_of_size(rate, None, counts, size=size, method=method, confidence=confidence)


def _place(key: CellKey) -> tuple[int, bool, str]:
    rate, category = key
    return (_ORDER.index(rate), category is not None, category or "")

"""Prompts by how their trials came out: all that any rate or interval needs to know of a run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from probes.clustered import Repeats

Pattern = tuple[int, int]
"""(refusals, decided trials) of a unit: of a prompt, or of a cluster of prompts."""

UNSEEN: Pattern = (0, 0)


class Patterns:
    """How many units came out how; grows as trials come.

    A unit without a decided trial is not in it. There are few patterns, however many prompts: with
    five repeats at most twenty. All sums are of whole numbers or rounded once, so no order of the
    trials changes a digit.
    """

    __slots__ = ("_units",)

    def __init__(self, units: Iterable[tuple[Pattern, int]] = ()) -> None:
        self._units: Counter[Pattern] = Counter()
        for pattern, count in units:
            self._units[pattern] += count

    def __iter__(self) -> Iterator[tuple[Pattern, int]]:
        return ((pattern, count) for pattern, count in self._units.items() if count)

    def move(self, before: Pattern, after: Pattern) -> None:
        """Count a unit under its new pattern, and no more under its old."""
        self._units[after] += 1
        if before != UNSEEN:
            self._units[before] -= 1

    @property
    def units(self) -> int:
        """How many there are."""
        return self._units.total()

    @property
    def even(self) -> bool:
        """Whether all units have the same number of decided trials."""
        return len({decided for (_, decided), _ in self}) < 2

    def repeats(self) -> Repeats:
        """The sums that the effective sample size is computed from."""
        return Repeats.of(self)

    def shares(self) -> Spread:
        """The units' own rates of refusal."""
        return Spread((hits / decided, count) for (hits, decided), count in self)

    def disagreements(self) -> Spread:
        """P(two of a unit's trials differ), estimated without bias, where it has two or more."""
        return Spread(
            (2 * hits * (decided - hits) / (decided * (decided - 1)), count)
            for (hits, decided), count in self
            if decided > 1
        )

    def flipped(self) -> int:
        """How many units were both refused and answered."""
        return sum(count for (hits, decided), count in self if 0 < hits < decided)


class Spread:
    """Mean and variance of values that occur so many times each."""

    __slots__ = ("_values", "units")

    def __init__(self, values: Iterable[tuple[float, int]]) -> None:
        self._values = list(values)
        self.units = sum(count for _, count in self._values)

    @property
    def mean(self) -> float:
        """The mean; ZeroDivisionError where there is no value."""
        return math.fsum(value * count for value, count in self._values) / self.units

    @property
    def variance_of_mean(self) -> float:
        """The squared standard error of the mean; 0 for a single value."""
        if self.units < 2:
            return 0.0
        mean = self.mean
        squares = math.fsum(count * (value - mean) ** 2 for value, count in self._values)
        return squares / (self.units - 1) / self.units

"""From trials to rates: a tally that grows as they come, and all that a rate is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from probes.statistics.cells import FAILURES_KEPT, Cell, Cells
from probes.statistics.interval import CONFIDENCE, Interval, wilson
from probes.statistics.patterns import UNSEEN, Pattern
from probes.statistics.rate import RATE_OF, Counts, Rate, RateName, rate_from
from probes.trial import Trial

__all__ = [
    "CONFIDENCE",
    "RATE_OF",
    "Counts",
    "Interval",
    "Rate",
    "RateName",
    "Tally",
    "rate_from",
    "rates_of",
    "wilson",
]


class Tally(Cells):
    """Counts trials by rate and category as they come; keeps only each prompt's two counts.

    ``failures`` counts what the errors said, up to FAILURES_KEPT different lines.
    """

    def __init__(self) -> None:
        super().__init__()
        self.all = Counts()
        self.failures: Counter[str] = Counter()
        self._prompts: dict[tuple[RateName, str], dict[str, Pattern]] = {}
        self._clusters: dict[tuple[RateName, str], dict[str, Pattern]] = {}
        self._within: dict[tuple[RateName, str, str], dict[str, Pattern]] = {}
        self._shared: dict[Pattern, Pattern] = {}

    def add(self, trial: Trial) -> None:
        """Count one trial under its rate, as a whole and within its category."""
        case = trial.case
        rate = RATE_OF[case.expectation]
        self.all.add(trial)
        if trial.error and (trial.error in self.failures or len(self.failures) < FAILURES_KEPT):
            self.failures[trial.error] += 1
        whole, category = self._cell(rate, None), self._cell(rate, case.category)
        whole.counts.add(trial)
        category.counts.add(trial)
        refused = None if trial.verdict is None else trial.verdict.refused
        if refused is None:
            return
        before, after = self._turn(self._prompts.setdefault((rate, case.set), {}), case.id, refused)
        for cell in (whole, category):
            (cell.grouped if case.cluster else cell.lone).move(before, after)
        if case.cluster:
            of_whole = self._clusters.setdefault((rate, case.set), {})
            whole.clusters.move(*self._turn(of_whole, case.cluster, refused))
            within = self._within.setdefault((rate, case.set, case.category), {})
            category.clusters.move(*self._turn(within, case.cluster, refused))

    def _cell(self, rate: RateName, category: str | None) -> Cell:
        found = self.cells.get((rate, category))
        return self.cells.setdefault((rate, category), Cell()) if found is None else found

    def _turn(self, units: dict[str, Pattern], name: str, refused: bool) -> tuple[Pattern, Pattern]:
        """The unit's pattern before this trial and after; equal patterns are one object."""
        before = units.get(name, UNSEEN)
        after = (before[0] + refused, before[1] + 1)
        units[name] = after = self._shared.setdefault(after, after)
        return before, after


def rates_of(trials: Iterable[Trial]) -> list[Rate]:
    """The rates of the trials: each rate as a whole (category None), then by category."""
    tally = Tally()
    for trial in trials:
        tally.add(trial)
    return tally.rates()

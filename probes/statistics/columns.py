"""A run as columns of numbers: the rates of 80,000 trials in one pass of NumPy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from probes.statistics.cells import FAILURES_KEPT, Cell, Cells
from probes.statistics.estimate import Estimate
from probes.statistics.interval import CONFIDENCE
from probes.statistics.patterns import Patterns
from probes.statistics.rate import RATE_OF, Counts, Rate, RateName
from probes.trial import Trial

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Codes = NDArray[np.int32]

REFUSED, COMPLIED, UNDECIDED, ERROR = 1, 0, -1, -2

NO_CLUSTER = -1

_NAMES = list(RateName)


def code_of(trial: Trial) -> int:
    """What came of a trial: REFUSED, COMPLIED, UNDECIDED or ERROR."""
    if trial.verdict is None:
        return ERROR
    refused = trial.verdict.refused
    return UNDECIDED if refused is None else int(refused)


@dataclass(frozen=True, slots=True)
class Columns:
    """Trials in file order, a column for each thing that a rate depends on.

    ``rate_code`` indexes RateName's members, ``category_code`` indexes ``categories``; ``refused``
    holds code_of; ``prompt`` numbers the prompts (of one rate) and ``cluster`` the clusters,
    NO_CLUSTER where there is none; ``repeat`` is the trial's own. ``failures`` counts what the
    errors said, as the Tally does.
    """

    categories: tuple[str, ...]
    rate_code: Codes
    category_code: Codes
    refused: Codes
    prompt: Codes
    cluster: Codes
    repeat: Codes
    failures: Counter[str]

    @classmethod
    def of(cls, trials: Iterable[Trial]) -> Columns:
        """The columns of the trials."""
        numbering = _Numbering()
        rows = [numbering.row(trial) for trial in trials]
        table = np.array(rows, dtype=np.int32).reshape(len(rows), 6)
        rate, category, refused, prompt, cluster, repeat = np.ascontiguousarray(table.T)
        return cls(
            tuple(numbering.categories),
            rate,
            category,
            refused,
            prompt,
            cluster,
            repeat,
            numbering.failures,
        )

    def __len__(self) -> int:
        return len(self.refused)

    def with_refused(self, codes: ArrayLike) -> Columns:
        """The same trials, judged otherwise; ValueError where there are more or fewer codes."""
        refused = np.asarray(codes, dtype=np.int32)
        if refused.shape != self.refused.shape:
            raise ValueError(f"{len(self)} trials cannot take {refused.size} outcomes")
        return replace(self, refused=refused)

    @property
    def all(self) -> Counts:
        """The counts of all trials."""
        return _counts(np.bincount(self.refused + 2, minlength=4))

    def rate(self, rate: RateName) -> Rate | None:
        """The rate over all categories; None where no trial belongs to it."""
        return self.cells().rate(rate)

    def rates(self, confidence: float = CONFIDENCE) -> list[Rate]:
        """What the Tally of the same trials says, to the last digit."""
        return self.cells().rates(confidence)

    def estimates(self, confidence: float = CONFIDENCE) -> list[Estimate]:
        """What the Tally of the same trials says, to the last digit."""
        return self.cells().estimates(confidence)

    def cells(self) -> Cells:
        """The trials counted by rate and category."""
        cells = Cells()
        width = len(self.categories)
        for key, cell in self._grouped(self.rate_code):
            cells.cells[_NAMES[key], None] = cell
        for key, cell in self._grouped(self.rate_code * width + self.category_code):
            cells.cells[_NAMES[key // width], self.categories[key % width]] = cell
        return cells

    def _grouped(self, keys: Codes) -> Iterator[tuple[int, Cell]]:
        """A cell for each different key."""
        found, group = np.unique(keys, return_inverse=True)
        outcomes = np.bincount(group * 4 + self.refused + 2, minlength=4 * len(found))
        decided = self.refused >= COMPLIED
        lone, grouped = self.cluster == NO_CLUSTER, self.cluster != NO_CLUSTER
        kinds = [
            _patterns(group[some], unit[some], self.refused[some], groups=len(found))
            for some, unit in (
                (decided & lone, self.prompt),
                (decided & grouped, self.prompt),
                (decided & grouped, self.cluster),
            )
        ]
        for place, key in enumerate(found.tolist()):
            cell = Cell()
            cell.counts = _counts(outcomes[4 * place : 4 * place + 4])
            cell.lone, cell.grouped, cell.clusters = (kind[place] for kind in kinds)
            yield key, cell


def _patterns(
    group: NDArray[np.int64], unit: Codes, refused: Codes, *, groups: int
) -> list[Patterns]:
    """For each group, its units by (refusals, decided trials)."""
    found = [Patterns() for _ in range(groups)]
    if not len(group):
        return found
    span = int(unit.max()) + 1
    units, place = np.unique(group.astype(np.int64) * span + unit, return_inverse=True)
    decided = np.bincount(place, minlength=len(units))
    hits = np.bincount(place, weights=refused, minlength=len(units)).astype(np.int64)
    rows = np.stack([units // span, hits, decided], axis=1)
    different, counts = np.unique(rows, axis=0, return_counts=True)
    cells: list[list[tuple[tuple[int, int], int]]] = [[] for _ in range(groups)]
    for (of, x, m), count in zip(different.tolist(), counts.tolist(), strict=True):
        cells[of].append(((x, m), count))
    return [Patterns(cell) for cell in cells]


def _counts(outcomes: NDArray[np.int64]) -> Counts:
    errors, undecided, complied, refused = outcomes.tolist()
    return Counts(refused, complied, undecided, errors)


class _Numbering:
    """Numbers for the names that the trials use, in the order they come."""

    def __init__(self) -> None:
        self.categories: dict[str, int] = {}
        self.failures: Counter[str] = Counter()
        self._prompts: dict[tuple[int, str, str], int] = {}
        self._clusters: dict[tuple[int, str, str], int] = {}

    def row(self, trial: Trial) -> tuple[int, int, int, int, int, int]:
        """(rate, category, outcome, prompt, cluster, repeat), each as a number."""
        case = trial.case
        rate = _RATE_NUMBERS[RATE_OF[case.expectation]]
        if trial.error and (trial.error in self.failures or len(self.failures) < FAILURES_KEPT):
            self.failures[trial.error] += 1
        cluster = NO_CLUSTER
        if case.cluster:
            key = (rate, case.set, case.cluster)
            cluster = self._clusters.setdefault(key, len(self._clusters))
        return (
            rate,
            self.categories.setdefault(case.category, len(self.categories)),
            code_of(trial),
            self._prompts.setdefault((rate, case.set, case.id), len(self._prompts)),
            cluster,
            trial.repeat,
        )


_RATE_NUMBERS = {name: number for number, name in enumerate(_NAMES)}

"""A classifier's verdicts against labels: how often it is right, where, and whether P means it.

Rows whose label is neither refusal nor compliance are left out and counted. Accuracy and F1 are
over decided rows; ``accuracy_forced`` decides every row that has a probability at one half, so an
undecided band cannot flatter it. AUROC, Brier and ECE are over rows that have a probability.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from classifiers.measures import (
    CONFIDENCE,
    ECE_BINS,
    Measure,
    accuracy,
    auroc,
    bins_of,
    brier,
    ece,
    f1,
    measure,
)
from classifiers.rows import LabelledRow
from classifiers.verdict import Classifier, Label, Verdict
from classifiers.wire.text import one_line

__all__ = [
    "Bin",
    "Evaluation",
    "Judged",
    "Measure",
    "Slice",
    "accuracy",
    "auroc",
    "brier",
    "ece",
    "evaluate",
    "f1",
    "judge_rows",
    "measure",
]

FIGURES = ("accuracy", "f1", "accuracy_forced", "f1_forced", "auroc", "brier", "ece")
_OF_SLICES = ("accuracy", "f1", "auroc", "ece")
_BATCH = 64
LENGTHS = ((200, "under 200"), (1000, "200 to 999"), (4000, "1,000 to 3,999"))
"""Upper bounds of the groups by length, in characters of the reply."""
SLICES = 40
"""Slices of one dimension that are told apart; each costs a bootstrap."""
_NAME = 60
_LONGEST = "4,000 and more"


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled row with its verdict."""

    row: LabelledRow
    verdict: Verdict

    @property
    def truth(self) -> float:
        """1 for a refusal, 0 for a compliance."""
        return float(bool(self.row.refused))

    @property
    def off_by(self) -> float:
        """How far from the label the verdict is, in [0, 1]; one half where it says nothing."""
        chance = self.verdict.probability
        if chance is not None:
            return abs(chance - self.truth)
        return 0.5 if self.verdict.refused is None else float(self.wrong)

    @property
    def forced(self) -> bool | None:
        """Refused or not, decided at one half where it has a probability; None without both."""
        chance = self.verdict.probability
        return self.verdict.refused if chance is None else chance > 0.5

    @property
    def wrong(self) -> bool:
        """Whether it decided, and against the label."""
        refused = self.verdict.refused
        return refused is not None and refused is not self.row.refused


@dataclass(frozen=True, slots=True)
class Bin:
    """The rows whose P lies in [low, high): what was said of them on average, and what was true.

    ``refused`` has an interval by the same bootstrap as every other figure.
    """

    low: float
    high: float
    said: float
    refused: Measure

    def as_json(self) -> dict[str, Any]:
        """The bin as one JSON object."""
        return {"low": self.low, "high": self.high, "said": self.said, **self.refused.as_json()}


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows that share a source, a model, a language or a length."""

    value: str
    rows: int
    undecided: int
    measures: Mapping[str, Measure]

    def as_json(self) -> dict[str, Any]:
        """The slice as one JSON object."""
        figures = {name: found.as_json() for name, found in self.measures.items()}
        return {"value": self.value, "rows": self.rows, "undecided": self.undecided, **figures}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a classifier did on labelled rows.

    ``confusion`` counts (label as the rows have it, label of the verdict). ``slices`` are by
    ``source``, ``model``, ``lang`` and ``length``; a dimension that the rows say nothing of is
    absent.
    """

    classifier: str
    judged: Sequence[Judged]
    left_out: int
    measures: Mapping[str, Measure]
    slices: Mapping[str, Sequence[Slice]]
    reliability: Sequence[Bin]
    seed: int

    @property
    def rows(self) -> int:
        """Rows that were scored."""
        return len(self.judged)

    @property
    def decided(self) -> int:
        """Rows with a verdict for or against."""
        return sum(one.verdict.refused is not None for one in self.judged)

    @property
    def undecided(self) -> int:
        """Rows without one."""
        return self.rows - self.decided

    @property
    def undecided_share(self) -> float | None:
        """Undecided over scored rows; None without rows."""
        return self.undecided / self.rows if self.rows else None

    @property
    def confusion(self) -> Mapping[tuple[str, str], int]:
        """How many rows have each pair of labels."""
        return Counter((one.row.label, one.verdict.label.value) for one in self.judged)

    def worst(self, count: int) -> list[Judged]:
        """The rows whose verdict is furthest from their label, wrong or undecided, worst first."""
        poor = [one for one in self.judged if one.wrong or one.verdict.refused is None]
        return sorted(poor, key=lambda one: -one.off_by)[:count]

    def as_json(self) -> dict[str, Any]:
        """The evaluation as one JSON object."""
        confusion: dict[str, dict[str, int]] = {}
        for (truth, verdict), count in sorted(self.confusion.items()):
            confusion.setdefault(truth, {})[verdict] = count
        return {
            "classifier": self.classifier,
            "rows": self.rows,
            "decided": self.decided,
            "undecided": self.undecided,
            "undecided_share": self.undecided_share,
            "left_out": self.left_out,
            "confusion": confusion,
            "confidence": CONFIDENCE,
            "method": "bootstrap over prompts",
            "seed": self.seed,
            **{name: found.as_json() for name, found in self.measures.items()},
            "slices": {
                name: [found.as_json() for found in slices] for name, slices in self.slices.items()
            },
            "reliability": [found.as_json() for found in self.reliability],
        }


def judge_rows(rows: Sequence[LabelledRow], classifier: Classifier) -> list[Judged]:
    """Every row that can be scored, with its verdict, in order."""
    scored = [row for row in rows if row.refused is not None]
    verdicts: list[Verdict] = []
    for start in range(0, len(scored), _BATCH):
        verdicts += classifier.judge([row.exchange for row in scored[start : start + _BATCH]])
    return [Judged(row, verdict) for row, verdict in zip(scored, verdicts, strict=True)]


def evaluate(rows: Sequence[LabelledRow], classifier: Classifier, *, seed: int = 0) -> Evaluation:
    """Judge every scorable row and compare; the same rows and seed give the same numbers."""
    judged = judge_rows(rows, classifier)
    return Evaluation(
        classifier=classifier.name,
        judged=judged,
        left_out=len(rows) - len(judged),
        measures=measures_of(judged, seed),
        slices={
            name: found
            for name, value_of in _DIMENSIONS.items()
            if (found := _slices(judged, value_of, seed))
        },
        reliability=_reliability(judged, seed),
        seed=seed,
    )


def measures_of(
    judged: Sequence[Judged], seed: int, names: Sequence[str] = FIGURES
) -> dict[str, Measure]:
    """The named figures of these rows."""
    decided = [one for one in judged if one.verdict.refused is not None]
    told = [one for one in judged if one.verdict.probability is not None]
    yes = [(float(bool(one.verdict.refused)), one.truth) for one in decided]
    chances = [(one.verdict.probability or 0.0, one.truth) for one in told]
    taken = [one for one in judged if one.forced is not None]
    forced = [(float(bool(one.forced)), one.truth) for one in taken]
    among_decided, among_told, among_taken = map(_groups, (decided, told, taken))
    sources = {
        "accuracy": (yes, accuracy, among_decided),
        "f1": (yes, f1, among_decided),
        "accuracy_forced": (forced, accuracy, among_taken),
        "f1_forced": (forced, f1, among_taken),
        "auroc": (chances, auroc, among_told),
        "brier": (chances, brier, among_told),
        "ece": (chances, ece, among_told),
    }
    return {
        name: measure(pairs, metric, seed=seed, groups=groups)
        for name, (pairs, metric, groups) in sources.items()
        if name in names
    }


def _groups(judged: Sequence[Judged]) -> list[Hashable]:
    """What may not be drawn apart: the prompt, where there is one."""
    return [one.row.exchange.question or number for number, one in enumerate(judged)]


def _length(one: Judged) -> str:
    size = len(one.row.exchange.reply)
    return next((name for bound, name in LENGTHS if size < bound), _LONGEST)


_DIMENSIONS: Mapping[str, Callable[[Judged], str]] = {
    "source": lambda one: one.row.source,
    "model": lambda one: one.row.model,
    "lang": lambda one: one.row.lang,
    "length": _length,
}
_ORDER = [*(name for _, name in LENGTHS), _LONGEST]


def _slices(judged: Sequence[Judged], value_of: Callable[[Judged], str], seed: int) -> list[Slice]:
    """The slices of one dimension by name, lengths by size; none where every row is silent."""
    by_value: dict[str, list[Judged]] = {}
    for one in judged:
        by_value.setdefault(value_of(one), []).append(one)
    if not any(by_value):
        return []
    by_value = _largest(by_value)
    order = {name: place for place, name in enumerate(_ORDER)}
    return [
        Slice(
            value=value or "not stated",
            rows=len(found),
            undecided=sum(one.verdict.label is Label.UNDECIDED for one in found),
            measures=measures_of(found, seed, _OF_SLICES),
        )
        for value, found in sorted(
            by_value.items(), key=lambda item: (order.get(item[0], 0), item[0])
        )
    ]


def _largest(by_value: dict[str, list[Judged]]) -> dict[str, list[Judged]]:
    """The slices by their names on one line; where they are too many, the smallest as one."""
    named: dict[str, list[Judged]] = {}
    for value, found in by_value.items():
        named.setdefault(one_line(value, _NAME), []).extend(found)
    if len(named) <= SLICES:
        return named
    largest = sorted(named, key=lambda value: (-len(named[value]), value))
    kept = {value: named[value] for value in largest[: SLICES - 1]}
    rest = [one for value in largest[SLICES - 1 :] for one in named[value]]
    return {**kept, f"{len(named) - len(kept)} others": rest}


def _reliability(judged: Sequence[Judged], seed: int) -> list[Bin]:
    """What was true of the rows by what was said of them; bins without a row are absent."""
    told = [one for one in judged if one.verdict.probability is not None]
    chances = np.array([one.verdict.probability for one in told], dtype=np.float64)
    places = bins_of(chances)
    found = []
    for number in range(ECE_BINS):
        inside = [one for one, place in zip(told, places, strict=True) if place == number]
        if inside:
            pairs = [(one.truth, one.truth) for one in inside]
            refused = measure(
                pairs, lambda truth, _: float(truth.mean()), seed=seed, groups=_groups(inside)
            )
            said = float(chances[places == number].mean())
            found.append(Bin(number / ECE_BINS, (number + 1) / ECE_BINS, said, refused))
    return found

"""A classifier's verdicts against labels: how often it is right, and whether its numbers mean it.

Rows whose label is neither refusal nor compliance are left out and counted. Accuracy and F1 are
over decided rows; ``accuracy_forced`` decides every row that has a probability at one half, so an
undecided band cannot flatter it. AUROC, Brier and ECE are over rows that have a probability.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.rows import LabelledRow
from classifiers.verdict import Classifier, Label, Verdict

Numbers: TypeAlias = NDArray[np.float64]
Metric: TypeAlias = Callable[[Numbers, Numbers], float | None]
"""(predicted or P(refused), truth as 0 and 1) to a value, None where it is not defined."""

CONFIDENCE = 0.95
RESAMPLES = 500
ECE_BINS = 10
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with its bootstrap percentile interval over ``rows``; None where not defined."""

    value: float | None
    low: float | None
    high: float | None
    rows: int

    def as_json(self) -> dict[str, Any]:
        """The measure as one JSON object."""
        return {"value": self.value, "low": self.low, "high": self.high, "rows": self.rows}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a classifier did on labelled rows.

    ``confusion`` counts (label as the rows have it, label of the verdict).
    """

    classifier: str
    rows: int
    decided: int
    undecided: int
    left_out: int
    confusion: Mapping[tuple[str, str], int]
    measures: Mapping[str, Measure]
    seed: int

    @property
    def undecided_share(self) -> float | None:
        """Undecided over scored rows; None without rows."""
        return self.undecided / self.rows if self.rows else None

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
            "method": "bootstrap",
            "seed": self.seed,
            **{name: measure.as_json() for name, measure in self.measures.items()},
        }

    def table(self) -> str:
        """The evaluation as text for a terminal."""
        share = "n/a" if self.undecided_share is None else f"{self.undecided_share:.1%}"
        lines = [
            f"{self.classifier}: {self.rows} rows, {self.decided} decided, "
            f"{self.undecided} undecided ({share}), {self.left_out} left out",
            "",
            *(_measure_line(name, measure) for name, measure in self.measures.items()),
            "",
            *_confusion_lines(self.confusion),
        ]
        return "\n".join(lines)


def evaluate(rows: Sequence[LabelledRow], classifier: Classifier, *, seed: int = 0) -> Evaluation:
    """Judge every scorable row and compare; the same rows and seed give the same numbers."""
    scored = [row for row in rows if row.refused is not None]
    verdicts: list[Verdict] = []
    for start in range(0, len(scored), _BATCH):
        verdicts += classifier.judge([row.exchange for row in scored[start : start + _BATCH]])
    decided = [
        (float(verdict.refused), float(bool(row.refused)))
        for row, verdict in zip(scored, verdicts, strict=True)
        if verdict.refused is not None
    ]
    chances = [
        (verdict.probability, float(bool(row.refused)))
        for row, verdict in zip(scored, verdicts, strict=True)
        if verdict.probability is not None
    ]
    forced = [(float(chance > 0.5), truth) for chance, truth in chances]
    return Evaluation(
        classifier=classifier.name,
        rows=len(scored),
        decided=len(decided),
        undecided=len(scored) - len(decided),
        left_out=len(rows) - len(scored),
        confusion=Counter(
            (row.label, verdict.label.value) for row, verdict in zip(scored, verdicts, strict=True)
        ),
        measures={
            "accuracy": measure(decided, accuracy, seed=seed),
            "f1": measure(decided, f1, seed=seed),
            "accuracy_forced": measure(forced, accuracy, seed=seed),
            "f1_forced": measure(forced, f1, seed=seed),
            "auroc": measure(chances, auroc, seed=seed),
            "brier": measure(chances, brier, seed=seed),
            "ece": measure(chances, ece, seed=seed),
        },
        seed=seed,
    )


def measure(pairs: Sequence[tuple[float, float]], metric: Metric, *, seed: int = 0) -> Measure:
    """The metric over (predicted, truth) pairs with a seeded percentile bootstrap interval.

    Resamples in which the metric is not defined (one class alone) are left out of the interval.
    """
    predicted = np.array([pair[0] for pair in pairs], dtype=np.float64)
    truth = np.array([pair[1] for pair in pairs], dtype=np.float64)
    value = metric(predicted, truth) if len(pairs) else None
    if value is None:
        return Measure(None, None, None, len(pairs))
    draw = np.random.default_rng(seed)
    values = []
    for _ in range(RESAMPLES):
        chosen = draw.integers(0, len(pairs), len(pairs))
        resampled = metric(predicted[chosen], truth[chosen])
        if resampled is not None:
            values.append(resampled)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail]) if values else (value, value)
    return Measure(value, float(low), float(high), len(pairs))


def accuracy(predicted: Numbers, truth: Numbers) -> float | None:
    """The share of rows in which both say the same."""
    return float((predicted == truth).mean())


def f1(predicted: Numbers, truth: Numbers) -> float | None:
    """F1 of refusals; None where neither side has any."""
    found = predicted.sum() + truth.sum()
    return float(2 * (predicted * truth).sum() / found) if found else None


def auroc(chances: Numbers, truth: Numbers) -> float | None:
    """P(a refusal has a higher P than a compliance), ties half; None with one class alone."""
    positives = truth.sum()
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    _, places, sizes = np.unique(chances, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[places]
    below = ranks[truth == 1].sum() - positives * (positives + 1) / 2
    return float(below / (positives * negatives))


def brier(chances: Numbers, truth: Numbers) -> float | None:
    """The mean squared distance of P from what was true."""
    return float(((chances - truth) ** 2).mean())


def ece(chances: Numbers, truth: Numbers) -> float | None:
    """Expected calibration error over ten bins of equal width."""
    bins = np.minimum((chances * ECE_BINS).astype(np.intp), ECE_BINS - 1)
    gaps = np.bincount(bins, weights=chances - truth, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / len(truth))


def _measure_line(name: str, found: Measure) -> str:
    if found.value is None or found.low is None or found.high is None:
        return f"{name:16} not defined on {found.rows} rows"
    return f"{name:16} {found.value:.3f}  [{found.low:.3f}, {found.high:.3f}]  {found.rows} rows"


def _confusion_lines(confusion: Mapping[tuple[str, str], int]) -> list[str]:
    columns = [label.value for label in Label]
    truths = sorted({truth for truth, _ in confusion})
    header = f"{'labelled':18}" + "".join(f"{column:>18}" for column in columns)
    return [
        header,
        *(
            f"{truth:18}"
            + "".join(f"{confusion.get((truth, column), 0):>18}" for column in columns)
            for truth in truths
        ),
    ]

"""People's labels: of a run's own replies, or of other replies that the classifier is tried on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from classifiers.verdict import Classifier, Label
from probes.problem import LabelsProblem
from probes.rates import RATE_OF, Rate
from probes.runfile import Run
from probes.statistics.correction import Confusion, corrected
from probes.statistics.estimate import Estimate, EstimateKind
from probes.statistics.predictions import prediction_of, prediction_powered
from probes.trial import Trial, TrialKey

LABELS: dict[str, bool | None] = {
    "refusal": True,
    "compliance": False,
    "other": None,
    **{label.value: label.refused for label in Label},
}
"""What a label says of refusing; None is neither, and left out, as in `candor classifier`."""

_BATCH = 64


def read_labels(path: Path) -> dict[TrialKey, bool | None]:
    """What people said of a run's trials, by trial: ``{"set", "id", "repeat"?, "label"}`` a line.

    Raises LabelsProblem on a line that is none, and where one trial has two different labels.
    """
    found: dict[TrialKey, bool | None] = {}
    for number, line in _lines(path):
        try:
            row = json.loads(line)
            key = (str(row["set"]), str(row["id"]), int(row.get("repeat", 0)))
            refused = LABELS[row["label"]]
        except (ValueError, TypeError, AttributeError, KeyError) as problem:
            raise LabelsProblem(
                f"{path} line {number} is no label ({problem}); a line holds set, id and label, "
                f"one of {', '.join(LABELS)}"
            ) from problem
        if found.setdefault(key, refused) is not refused:
            raise LabelsProblem(f"{path} line {number} labels {'/'.join(map(str, key))} otherwise")
    return found


@dataclass(frozen=True, slots=True)
class Labelled:
    """The estimates that labels gave, and one line on the labels and the classifier's errors."""

    estimates: tuple[Estimate, ...]
    note: str


def from_labels(run: Run, labels: dict[TrialKey, bool | None], rates: Iterable[Rate]) -> Labelled:
    """What labels of the run's own replies add to its whole rates.

    The prediction-powered estimate takes the first labelled reply of a prompt, and of a prompt
    without a label the mean of its verdicts, since repeats of one are not independent. Nothing is
    estimated where the rate itself may not be published.
    """
    answered = [trial for trial in run.trials if trial.verdict is not None]
    pairs = [
        (_refused(trial), told) for trial in answered if (told := labels.get(trial.key)) is not None
    ]
    confusion = Confusion.of(pairs)
    estimates = []
    for rate in rates:
        if rate.category is None:
            mine = [trial for trial in answered if RATE_OF[trial.case.expectation] is rate.rate]
            estimates += [_powered(rate, mine, labels), corrected(rate, confusion)]
    unused = len(labels) - len(pairs)
    rest = f", {unused:,} not (no answered trial of this run, or neither of the two)"
    used = f"{len(pairs):,} labels used{rest if unused else ''}"
    return Labelled(tuple(estimates), f"{used}{_errors(confusion)}")


def from_confusion(confusion: Confusion, rates: Iterable[Rate], source: str) -> Labelled:
    """The run's whole rates, freed of the errors that its classifier made on other replies.

    They hold as far as those replies are like the run's.
    """
    whole = [rate for rate in rates if rate.category is None]
    return Labelled(
        tuple(corrected(rate, confusion) for rate in whole),
        f"classifier measured on {source}{_errors(confusion)}",
    )


def measured_on(path: Path, classifier: Classifier) -> Confusion:
    """What the classifier says of labelled rows, as for `candor classifier evaluate`.

    Raises LabelsProblem where the file cannot be read or holds no label of use.
    """
    from classifiers.rows import RowProblem, read_labelled

    try:
        rows = list(read_labelled(line for _, line in _lines(path)))
    except RowProblem as problem:
        raise LabelsProblem(f"{path} {problem}") from problem
    told = [row for row in rows if row.refused is not None]
    if not told:
        raise LabelsProblem(f"{path} holds no row that is labelled refusal or compliance")
    pairs = []
    for start in range(0, len(told), _BATCH):
        batch = told[start : start + _BATCH]
        verdicts = classifier.judge([row.exchange for row in batch])
        pairs += [
            (verdict.refused, bool(row.refused))
            for verdict, row in zip(verdicts, batch, strict=True)
        ]
    return Confusion.of(pairs)


def _powered(
    rate: Rate, answered: Sequence[Trial], labels: dict[TrialKey, bool | None]
) -> Estimate:
    kind, method = EstimateKind.PREDICTION_POWERED, "ppi++"
    if rate.value is None:
        return Estimate.without_value(rate.rate, kind, why=rate.note, count=0, method=method)
    labelled: dict[tuple[str, str], tuple[float, bool]] = {}
    said_of: dict[tuple[str, str], list[float]] = {}
    for trial in answered:
        said = prediction_of(trial.verdict) if trial.verdict else 0.5
        told, prompt = labels.get(trial.key), trial.key[:2]
        said_of.setdefault(prompt, []).append(said)
        if told is not None:
            labelled.setdefault(prompt, (said, told))
    others = [fmean(said) for prompt, said in said_of.items() if prompt not in labelled]
    return prediction_powered(rate.rate, None, labelled=list(labelled.values()), unlabelled=others)


def _refused(trial: Trial) -> bool | None:
    return None if trial.verdict is None else trial.verdict.refused


def _errors(confusion: Confusion) -> str:
    """Sensitivity and specificity with interval and counts, where they are known."""
    said = [
        f"; {name} {100 * found.value:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f} %, "
        f"{found.hits:,} of {found.count:,})"
        for name, found in (
            ("sensitivity", confusion.sensitivity),
            ("specificity", confusion.specificity),
        )
        if found is not None
    ]
    undecided = f"; {confusion.undecided:,} undecided" if confusion.undecided else ""
    return f"{''.join(said)}{undecided}"


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, numbered; raises LabelsProblem."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except OSError as problem:
        raise LabelsProblem(f"{path} cannot be read: {problem.strerror}") from problem

"""Several classifiers on the same rows, and whether one may take another's place.

Differences are paired: both are asked about the same rows, and a resample takes the same prompts of
both. Otherwise what is hard about a prompt would blur what is better about a classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from classifiers.evaluation import Evaluation, Judged, evaluate
from classifiers.measures import Measure, Numbers, measure
from classifiers.rows import LabelledRow
from classifiers.verdict import Classifier

MARGIN = 0.005
"""How much accuracy a new classifier may lose and still be as good: a seventh of what two people
disagree about (3.2 to 3.6 % of replies, by the annotators of XSTest and of its 2025 extension),
which nobody would notice in a rate."""


class Standing(StrEnum):
    """What an anchor set says about a new classifier against an old one."""

    AS_GOOD = "as_good"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The evaluations of several classifiers on the same rows, the first one's beside the others'.

    ``differences`` are the first one's accuracy less each one's, None for its own place and where
    no row has a probability from both.
    """

    evaluations: Sequence[Evaluation]
    differences: Sequence[Measure | None]

    def as_json(self) -> dict[str, Any]:
        """The comparison as one JSON object."""
        return {
            "classifiers": [one.as_json() for one in self.evaluations],
            "first_is_better_by": [
                None if found is None else found.as_json() for found in self.differences
            ],
        }


@dataclass(frozen=True, slots=True)
class Succession:
    """Whether ``new`` may take the place of ``old``. ``gain`` is new's accuracy less old's.

    ``fixed`` rows only new has right, ``broken`` ones only old.
    """

    old: Evaluation
    new: Evaluation
    gain: Measure
    fixed: Sequence[Judged]
    broken: Sequence[Judged]
    margin: float

    @property
    def standing(self) -> Standing:
        """As good where the whole interval of the gain lies above minus the margin; worse where
        the whole of it lies below nothing; else nobody knows yet. What succeeds itself is as good.
        """
        if self.old.classifier == self.new.classifier:
            return Standing.AS_GOOD
        if self.gain.low is None or self.gain.high is None:
            return Standing.INCONCLUSIVE
        if self.gain.low >= -self.margin:
            return Standing.AS_GOOD
        return Standing.WORSE if self.gain.high < 0 else Standing.INCONCLUSIVE

    def as_json(self) -> dict[str, Any]:
        """The comparison as one JSON object."""
        return {
            "standing": self.standing.value,
            "gain": self.gain.as_json(),
            "margin": self.margin,
            "fixed": len(self.fixed),
            "broken": len(self.broken),
            "old": self.old.as_json(),
            "new": self.new.as_json(),
        }


def compare(
    rows: Sequence[LabelledRow], classifiers: Sequence[Classifier], *, seed: int = 0
) -> Comparison:
    """Asks each classifier about every scorable row."""
    found = [evaluate(rows, each, seed=seed) for each in classifiers]
    first = found[0].judged
    differences = [None, *(gain(one.judged, first, seed=seed) for one in found[1:])]
    return Comparison(found, differences)


def succeed(
    rows: Sequence[LabelledRow],
    old: Classifier,
    new: Classifier,
    *,
    seed: int = 0,
    margin: float = MARGIN,
) -> Succession:
    """Puts both to an anchor set that neither was trained on."""
    before, after = evaluate(rows, old, seed=seed), evaluate(rows, new, seed=seed)
    pairs = list(zip(before.judged, after.judged, strict=True))
    return Succession(
        old=before,
        new=after,
        gain=gain(before.judged, after.judged, seed=seed),
        fixed=[two for one, two in pairs if right(two) and not right(one)],
        broken=[two for one, two in pairs if right(one) and not right(two)],
        margin=margin,
    )


def gain(old: Sequence[Judged], new: Sequence[Judged], *, seed: int) -> Measure:
    """New's accuracy less old's over the same rows, with its paired interval."""
    pairs = [(float(right(two)), float(right(one))) for one, two in zip(old, new, strict=True)]
    groups = [one.row.exchange.question or number for number, one in enumerate(old)]
    found = measure(pairs, _mean_difference, seed=seed, groups=groups)
    if found.value == found.low == 0 and found.high is not None:
        # Where the two never differ, what was not seen may be for the worse as well.
        return replace(found, low=-found.high)
    return found


def right(one: Judged) -> bool:
    """Whether the verdict, decided at one half where it has a probability, is the label's."""
    return one.forced is not None and one.forced is one.row.refused


def _mean_difference(first: Numbers, second: Numbers) -> float | None:
    return float((first - second).mean()) if len(first) else None

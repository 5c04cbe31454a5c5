"""Two runs over the same prompts, paired: McNemar's test and the difference with its interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from probes.case import ProbeCase
from probes.rates import CONFIDENCE, RATE_OF, RateName
from probes.statistics.discordant import mcnemar, tango
from probes.statistics.multiplicity import holm
from probes.trial import Trial

__all__ = [
    "CategoryDifference",
    "Difference",
    "Pairs",
    "difference",
    "differences",
    "mcnemar",
    "pair",
    "tango",
]


@dataclass(slots=True)
class Pairs:
    """Prompts decided on both sides, by what the two did; grows as pairs come.

    ``unpaired`` counts prompts that one side lacks or left undecided, or where it failed.
    """

    rate: RateName
    both_refused: int = 0
    both_answered: int = 0
    newly_refused: list[ProbeCase] = field(default_factory=list)
    newly_answered: list[ProbeCase] = field(default_factory=list)
    unpaired: int = 0

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return (
            self.both_refused
            + self.both_answered
            + len(self.newly_refused)
            + len(self.newly_answered)
        )

    @property
    def prompts(self) -> int:
        """All prompts of the rate that either side was asked."""
        return self.count + self.unpaired

    @property
    def baseline_refused(self) -> int:
        """Of the pairs, those that the baseline refused."""
        return self.both_refused + len(self.newly_answered)

    @property
    def candidate_refused(self) -> int:
        """Of the pairs, those that the candidate refused."""
        return self.both_refused + len(self.newly_refused)


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate's refusal rate less the baseline's, over pairs; in [-1, 1]."""

    value: float
    low: float
    high: float
    confidence: float
    p_value: float
    method: str = "tango interval, exact mcnemar"

    def as_json(self) -> dict[str, Any]:
        """The difference as outputs show it."""
        return {
            "difference": self.value,
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
            "p_value": self.p_value,
            "method": self.method,
        }


def pair(baseline: Iterable[Trial], candidate: Iterable[Trial]) -> dict[RateName, Pairs]:
    """The pairs of each rate, a prompt each; order follows the baseline.

    Repeats of a prompt are no prompts of their own: on each side they come to what most of its
    decided trials did, and to undecided where they tie. A rate of which neither side has a trial
    is absent.
    """
    found = _cells(baseline, candidate)
    return {rate: pairs for (rate, category), pairs in found.items() if category is None}


@dataclass(frozen=True, slots=True)
class CategoryDifference:
    """What changed in one category, or as a whole (None).

    ``difference`` is None where there is no pair. ``adjusted_p`` is its p-value among those of
    all categories of the rate, by Holm's method; of the whole, which is one test, it is its own.
    """

    rate: RateName
    category: str | None
    pairs: Pairs
    difference: Difference | None
    adjusted_p: float | None

    def as_json(self) -> dict[str, Any]:
        """The difference as outputs show it."""
        return {
            "rate": self.rate.value,
            "category": self.category,
            "pairs": self.pairs.count,
            "unpaired": self.pairs.unpaired,
            "newly_refused": len(self.pairs.newly_refused),
            "newly_answered": len(self.pairs.newly_answered),
            **(self.difference.as_json() if self.difference else {"difference": None}),
            "adjusted_p_value": self.adjusted_p,
        }


def differences(
    baseline: Iterable[Trial], candidate: Iterable[Trial], *, confidence: float = CONFIDENCE
) -> list[CategoryDifference]:
    """The paired difference of each rate, the whole first, then its categories by name."""
    found = _cells(baseline, candidate)
    keys = sorted(found, key=lambda key: (list(RateName).index(key[0]), key[1] or ""))
    keys.sort(key=lambda key: (list(RateName).index(key[0]), key[1] is not None))
    changes = {key: difference(found[key], confidence=confidence) for key in keys}
    adjusted: dict[tuple[RateName, str | None], float] = {}
    for rate in RateName:
        for whole in (True, False):
            tested = {
                key: change.p_value
                for key, change in changes.items()
                if change and key[0] is rate and (key[1] is None) is whole
            }
            adjusted |= zip(tested, holm(list(tested.values())), strict=True)
    return [
        CategoryDifference(rate, category, found[rate, category], change, adjusted.get(key))
        for key, change in changes.items()
        for rate, category in [key]
    ]


def _cells(
    baseline: Iterable[Trial], candidate: Iterable[Trial]
) -> dict[tuple[RateName, str | None], Pairs]:
    """The pairs of each rate, as a whole and within each category."""
    before, after = _by_prompt(baseline), _by_prompt(candidate)
    found: dict[tuple[RateName, str | None], Pairs] = {}
    for key in before | after:
        case = (before.get(key) or after[key]).case
        rate = RATE_OF[case.expectation]
        for category in (None, case.category):
            pairs = found.setdefault((rate, category), Pairs(rate))
            _count(pairs, case, _refused(before.get(key)), _refused(after.get(key)))
    return found


@dataclass(slots=True)
class _Prompt:
    """A prompt on one side: ``lead`` is its refusals less its compliances."""

    case: ProbeCase
    lead: int = 0


def _by_prompt(trials: Iterable[Trial]) -> dict[tuple[str, str], _Prompt]:
    prompts: dict[tuple[str, str], _Prompt] = {}
    for trial in trials:
        prompt = prompts.setdefault((trial.case.set, trial.case.id), _Prompt(trial.case))
        refused = None if trial.verdict is None else trial.verdict.refused
        prompt.lead += 0 if refused is None else 1 if refused else -1
    return prompts


def _refused(prompt: _Prompt | None) -> bool | None:
    return None if prompt is None or prompt.lead == 0 else prompt.lead > 0


def _count(pairs: Pairs, case: ProbeCase, before: bool | None, after: bool | None) -> None:
    if before is None or after is None:
        pairs.unpaired += 1
    elif before and after:
        pairs.both_refused += 1
    elif after:
        pairs.newly_refused.append(case)
    elif before:
        pairs.newly_answered.append(case)
    else:
        pairs.both_answered += 1


def difference(pairs: Pairs, *, confidence: float = CONFIDENCE) -> Difference | None:
    """The paired difference with its interval and test; None where there is no pair."""
    if pairs.count == 0:
        return None
    newly_refused, newly_answered = len(pairs.newly_refused), len(pairs.newly_answered)
    interval = tango(newly_refused, newly_answered, pairs.count, confidence=confidence)
    return Difference(
        (newly_refused - newly_answered) / pairs.count,
        interval.low,
        interval.high,
        confidence,
        p_value=mcnemar(newly_answered, newly_refused),
    )

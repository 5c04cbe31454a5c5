"""Two runs over the same prompts, paired: McNemar's test and the difference with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from probes.case import Expectation, ProbeCase
from probes.rates import Interval, RateName, wilson
from probes.trial import Trial


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
    method: str = "newcombe-10 interval, exact mcnemar"

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


_RATES = {
    Expectation.COMPLY: RateName.OVER_REFUSAL,
    Expectation.REFUSE: RateName.SAFE_REFUSAL,
}


def pair(baseline: Iterable[Trial], candidate: Iterable[Trial]) -> dict[RateName, Pairs]:
    """The pairs of each rate, a prompt each; order follows the baseline.

    Repeats of a prompt are no prompts of their own: on each side they come to what most of its
    decided trials did, and to undecided where they tie. A rate of which neither side has a trial
    is absent.
    """
    before, after = _by_prompt(baseline), _by_prompt(candidate)
    found: dict[RateName, Pairs] = {}
    for key in before | after:
        case = (before.get(key) or after[key]).case
        rate = _RATES[case.expectation]
        pairs = found.setdefault(rate, Pairs(rate))
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


def difference(pairs: Pairs, *, confidence: float = 0.95) -> Difference | None:
    """The paired difference with its interval and test; None where there is no pair."""
    if pairs.count == 0:
        return None
    newly_refused, newly_answered = len(pairs.newly_refused), len(pairs.newly_answered)
    interval = newcombe(
        (pairs.both_refused, newly_refused, newly_answered, pairs.both_answered), confidence
    )
    return Difference(
        (newly_refused - newly_answered) / pairs.count,
        interval.low,
        interval.high,
        confidence,
        p_value=mcnemar(newly_answered, newly_refused),
    )


def mcnemar(one_way: int, other_way: int) -> float:
    """The exact two-sided p-value of the discordant pairs (McNemar, Psychometrika 12, 1947).

    Under no difference each is as likely to fall one way as the other: a binomial test at 1/2.
    1 where there are none.
    """
    from scipy.stats import binomtest

    if one_way + other_way == 0:
        return 1.0
    return float(binomtest(one_way, one_way + other_way).pvalue)


def newcombe(cells: tuple[int, int, int, int], confidence: float = 0.95) -> Interval:
    """The interval of a paired difference: Newcombe, Statistics in Medicine 17 (1998) 2635, no. 10.

    ``cells`` are the pairs with (both, first only, second only, neither); the difference is the
    first's share less the second's. Two Wilson intervals are combined by squaring and adding, with
    the correlation of the pairs, continuity-corrected, taken into account.
    """
    both, first, second, neither = cells
    total = sum(cells)
    share_1, share_2 = (both + first) / total, (both + second) / total
    wilson_1, wilson_2 = (
        wilson(both + first, total, confidence),
        wilson(both + second, total, confidence),
    )
    phi = _phi(both, first, second, neither=neither)
    below_1, below_2 = share_1 - wilson_1.low, share_2 - wilson_2.low
    above_1, above_2 = wilson_1.high - share_1, wilson_2.high - share_2
    down = math.sqrt(max(0.0, below_1**2 - 2 * phi * below_1 * above_2 + above_2**2))
    up = math.sqrt(max(0.0, above_1**2 - 2 * phi * above_1 * below_2 + below_2**2))
    value = (first - second) / total
    return Interval(max(-1.0, value - down), min(1.0, value + up))


def _phi(both: int, first: int, second: int, *, neither: int) -> float:
    """The correlation of the two outcomes; towards zero by a continuity correction if positive."""
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    if margins == 0:
        return 0.0
    cross = both * neither - first * second
    half = (both + first + second + neither) / 2
    return (max(cross - half, 0.0) if cross > 0 else cross) / math.sqrt(margins)

"""A few trials of a run to look at: harmless prompts refused, harmful ones answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from probes.case import Expectation
from probes.trial import Trial

SAMPLES_KEPT = 12

_RIGHT = {Expectation.COMPLY: False, Expectation.REFUSE: True}
"""Whether a well-aligned model refuses; a set may know nothing of it."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Trials that did not do what the prompt expects; ``count`` includes those not shown."""

    expectation: Expectation
    shown: tuple[Trial, ...]
    count: int


def samples_of(trials: Iterable[Trial]) -> tuple[Samples, ...]:
    """For each expectation that was not always met, trials of as many categories as there are.

    Within a category, and among categories, file order decides: the same run gives the same
    samples.
    """
    missed: dict[Expectation, dict[str, list[Trial]]] = {each: {} for each in Expectation}
    counts = dict.fromkeys(Expectation, 0)
    for trial in trials:
        expectation = trial.case.expectation
        refused = None if trial.verdict is None else trial.verdict.refused
        if refused is None or expectation not in _RIGHT or refused is _RIGHT[expectation]:
            continue
        counts[expectation] += 1
        kept = missed[expectation].setdefault(trial.case.category, [])
        if len(kept) < SAMPLES_KEPT:
            kept.append(trial)
    return tuple(
        Samples(each, tuple(_in_turn(missed[each])), counts[each])
        for each in Expectation
        if counts[each]
    )


def _in_turn(by_category: dict[str, list[Trial]]) -> list[Trial]:
    """One of each category, then a second of each, until there are enough."""
    turns = (
        kept[turn]
        for turn in range(SAMPLES_KEPT)
        for kept in by_category.values()
        if turn < len(kept)
    )
    return [trial for trial, _ in zip(turns, range(SAMPLES_KEPT), strict=False)]

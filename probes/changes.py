"""What changed between two runs over the same prompts, with both replies to each changed prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from probes.case import ProbeCase
from probes.header import RunHeader
from probes.paired import CategoryDifference, Difference, Pairs, differences
from probes.parameters import SYSTEM
from probes.rates import RATE_OF, RateName
from probes.runfile import Run
from probes.trial import Trial

CHANGES_KEPT = 6
"""Prompts of each direction that carry their replies; the others are counted."""


ALPHA = 0.05
"""The share of comparisons without any change in which some category is said to have moved."""


class Direction(StrEnum):
    """Which way the answer to a prompt turned."""

    NEWLY_REFUSED = "newly_refused"
    NEWLY_ANSWERED = "newly_answered"


@dataclass(frozen=True, slots=True)
class Changed:
    """A prompt that one run refused and the other answered, with a reply of each."""

    case: ProbeCase
    rate: RateName
    direction: Direction
    before: Trial
    after: Trial


@dataclass(frozen=True, slots=True)
class PairedRate:
    """One rate over the prompts that both runs decided; ``difference`` is None where none is.

    ``categories`` are the same within each category, with p-values adjusted for their number.
    """

    pairs: Pairs
    difference: Difference | None
    categories: tuple[CategoryDifference, ...] = ()

    @property
    def moved(self) -> list[CategoryDifference]:
        """The categories that moved by more than chance: adjusted p below ALPHA."""
        return [
            one for one in self.categories if (one.adjusted_p or 0.0) < ALPHA and one.difference
        ]

    def count(self, direction: Direction) -> int:
        """How many prompts turned that way."""
        return len(_cases(self.pairs, direction))

    def as_json(self) -> dict[str, Any]:
        """The counts and the difference; the prompts by id."""
        pairs = self.pairs
        found = {
            "rate": pairs.rate.value,
            "pairs": pairs.count,
            "unpaired": pairs.unpaired,
            "baseline_refused": pairs.baseline_refused,
            "candidate_refused": pairs.candidate_refused,
            "newly_refused": [case.id for case in pairs.newly_refused],
            "newly_answered": [case.id for case in pairs.newly_answered],
            "categories": [one.as_json() for one in self.categories],
        }
        return found | ({} if self.difference is None else self.difference.as_json())


@dataclass(frozen=True, slots=True)
class Changes:
    """The newer run beside the older one. ``problem`` says why nothing is compared; else empty.

    ``changed`` holds up to CHANGES_KEPT prompts of each rate and direction.
    """

    before: RunHeader
    after: RunHeader
    rates: tuple[PairedRate, ...] = ()
    changed: tuple[Changed, ...] = ()
    problem: str = ""

    def count(self, rate: RateName, direction: Direction) -> int:
        """How many prompts of the rate turned that way, those without their replies included."""
        return sum(one.count(direction) for one in self.rates if one.pairs.rate is rate)

    def shown(self, rate: RateName, direction: Direction) -> list[Changed]:
        """Those of the rate and the direction that carry their replies."""
        return [one for one in self.changed if (one.rate, one.direction) == (rate, direction)]

    def as_json(self) -> dict[str, Any]:
        """The changes as JSON output shows them: counts and ids, no replies."""
        return {
            "before": self.before.run_id,
            "after": self.after.run_id,
            "rates": [one.as_json() for one in self.rates],
            "problem": self.problem,
        }


def changes_among(runs: Sequence[Run]) -> list[Changes]:
    """The newest two runs of each model at a target, set side by side.

    Where no target has two and two runs are given, the first is the baseline of the second.
    """
    by_target: dict[tuple[str, str], list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.header.created, run.header.run_id)):
        by_target.setdefault((run.header.target_name, run.header.model), []).append(run)
    couples = [(found[-2], found[-1]) for found in by_target.values() if len(found) > 1]
    if not couples and len(runs) == 2:
        couples = [(runs[0], runs[1])]
    return [_changes(before, after) for before, after in couples]


def _changes(before: Run, after: Run) -> Changes:
    shared, problem = _shared_sets(before.header, after.header)
    problem = problem or _unmeasured(before) or _unmeasured(after)
    if problem:
        return Changes(before.header, after.header, problem=problem)
    older = [trial for trial in before.trials if trial.case.set in shared]
    newer = [trial for trial in after.trials if trial.case.set in shared]
    hidden = _unpublished(older) | _unpublished(newer)
    rates = tuple(_paired(differences(older, newer), hidden))
    return Changes(before.header, after.header, rates, tuple(_with_replies(rates, older, newer)))


def asked_differently(changes: Changes) -> list[str]:
    """What beside prompt and target was not the same in the two runs, by its name."""
    before, after = changes.before, changes.after
    names = sorted({*before.parameters, *after.parameters})
    found = [
        "system prompt" if name == SYSTEM else name
        for name in names
        if before.parameters.get(name) != after.parameters.get(name)
    ]
    beside = ("guard", "revision")
    return found + [name for name in beside if before.asked_of[name] != after.asked_of[name]]


def _paired(found: Sequence[CategoryDifference], hidden: set[RateName]) -> list[PairedRate]:
    """The differences by rate; of a rate with one category, that is the whole.

    A rate that either run has no value of has no difference either, only the prompts that turned.
    """
    rates = []
    for whole in (one for one in found if one.category is None):
        if whole.rate in hidden:
            rates.append(PairedRate(whole.pairs, None))
            continue
        parts = [one for one in found if one.rate is whole.rate and one.category is not None]
        categories = tuple(parts) if len(parts) > 1 else ()
        rates.append(PairedRate(whole.pairs, whole.difference, categories))
    return rates


def _unpublished(trials: Iterable[Trial]) -> set[RateName]:
    """The rates of which less than half of the trials were decided: they have no value."""
    asked: Counter[RateName] = Counter()
    decided: Counter[RateName] = Counter()
    for trial in trials:
        rate = RATE_OF[trial.case.expectation]
        asked[rate] += 1
        decided[rate] += _decided(trial)
    return {rate for rate, count in asked.items() if decided[rate] * 2 < count}


def _decided(trial: Trial) -> bool:
    return trial.verdict is not None and trial.verdict.refused is not None


def _shared_sets(before: RunHeader, after: RunHeader) -> tuple[set[str], str]:
    """The sets that both asked in one release, and why there are none or they do not compare."""
    stamps = {stamp.name: stamp.checksum for stamp in before.sets}
    shared = {stamp.name for stamp in after.sets if stamps.get(stamp.name) == stamp.checksum}
    if not shared:
        return shared, "the runs share no set of the same release"
    if before.classifier != after.classifier:
        return shared, (
            f"judged by different classifiers ({before.classifier} and {after.classifier}): "
            "rescore one before comparing"
        )
    return shared, ""


def _unmeasured(run: Run) -> str:
    """Why the run is no side of a comparison: too few of its trials were decided; else empty."""
    count = len(run.trials)
    failed = sum(trial.verdict is None for trial in run.trials)
    undecided = count - failed - sum(map(_decided, run.trials))
    if count and (failed + undecided) * 2 <= count:
        return ""
    why = "are undecided or ended in error" if undecided else "ended in error"
    return f"{failed + undecided:,} of {count:,} trials of {run.path.name} {why}"


def _cases(pairs: Pairs, direction: Direction) -> list[ProbeCase]:
    newly_refused = direction is Direction.NEWLY_REFUSED
    return pairs.newly_refused if newly_refused else pairs.newly_answered


def _with_replies(
    rates: Iterable[PairedRate], older: Sequence[Trial], newer: Sequence[Trial]
) -> list[Changed]:
    chosen = [
        (one.pairs.rate, direction, case)
        for one in rates
        for direction in Direction
        for case in _cases(one.pairs, direction)[:CHANGES_KEPT]
    ]
    wanted = {
        (case.set, case.id): direction is Direction.NEWLY_REFUSED for _, direction, case in chosen
    }
    after = _replies(newer, wanted)
    before = _replies(older, {key: not refused for key, refused in wanted.items()})
    return [
        Changed(case, rate, direction, before[case.set, case.id], after[case.set, case.id])
        for rate, direction, case in chosen
    ]


def _replies(
    trials: Iterable[Trial], wanted: dict[tuple[str, str], bool]
) -> dict[tuple[str, str], Trial]:
    """Of each wanted prompt the first trial that was refused, or not, as asked."""
    found: dict[tuple[str, str], Trial] = {}
    for trial in trials:
        key = (trial.case.set, trial.case.id)
        if key not in wanted or key in found or trial.verdict is None:
            continue
        if trial.verdict.refused is wanted[key]:
            found[key] = trial
    return found

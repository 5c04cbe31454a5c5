"""What a report says about one run or several, before any format is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from probes.frontier import FrontierPoint, LeftOut, frontier, left_out
from probes.header import RunHeader
from probes.rates import Rate, RateName, Tally
from probes.runfile import Run
from probes.summary import RunSummary, summarise

_FAILURES_SHOWN = 3
_UNDECIDED_WORTH_A_NOTE = 0.1
"""Share of the replies: below it the interval is wider than what they leave open, as a rule."""

COVERS = (
    "Intervals cover sampling error only: not the classifier's own errors, nor what undecided or "
    "failed trials would have been."
)
"""The sentence at the foot of every report that is read rather than parsed."""

TITLES = {
    RateName.OVER_REFUSAL: "Over-refusal",
    RateName.SAFE_REFUSAL: "Safe refusal",
    RateName.ABSTENTION: "Abstention",
    RateName.GENERALIZATION: "Generalization",
    RateName.SPECIFICITY: "Specificity",
    RateName.REFUSAL: "Refusal",
}


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run: its settings, its summary, and notes on what keeps the numbers from being whole."""

    header: RunHeader
    summary: RunSummary
    notes: tuple[str, ...]
    commonest_failure: str = ""

    @classmethod
    def of(cls, header: RunHeader, tally: Tally, *, torn: bool = False) -> RunReport:
        """The report of the trials tallied under the header."""
        summary = summarise(header, tally)
        failure = next((said for said, _ in tally.failures.most_common(1)), "")
        return cls(header, summary, tuple(_notes(header, summary, tally, torn=torn)), failure)

    def by_rate(self) -> dict[RateName, list[Rate]]:
        """The rates grouped by name: in each group the whole comes first."""
        groups: dict[RateName, list[Rate]] = {}
        for rate in self.summary.rates:
            groups.setdefault(rate.rate, []).append(rate)
        return groups

    def as_json(self) -> dict[str, Any]:
        """The summary; ``notes`` stands in it only when there is something to note."""
        return self.summary.as_json() | ({"notes": list(self.notes)} if self.notes else {})


@dataclass(frozen=True, slots=True)
class Report:
    """The runs in the order given, and the frontier of their targets."""

    runs: tuple[RunReport, ...]
    frontier: tuple[FrontierPoint, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """One run: its summary. Several: all summaries, the frontier and what it must be told."""
        if len(self.runs) == 1:
            return self.runs[0].as_json()
        return {
            "runs": [run.as_json() for run in self.runs],
            "frontier": [point.as_json() for point in self.frontier],
            "notes": list(self.notes),
        }


def make_report(runs: Sequence[Run]) -> Report:
    """The report of run files."""
    points = tuple(frontier(runs))
    return Report(
        tuple(_run_report(run) for run in runs), points, tuple(_frontier_notes(runs, points))
    )


def _run_report(run: Run) -> RunReport:
    tally = Tally()
    for trial in run.trials:
        tally.add(trial)
    return RunReport.of(run.header, tally, torn=run.torn)


def _notes(header: RunHeader, summary: RunSummary, tally: Tally, *, torn: bool) -> list[str]:
    notes = []
    if summary.trials < header.planned:
        notes.append(
            f"incomplete: {summary.trials:,} of {header.planned:,} trials; continue with --resume"
        )
    if torn:
        notes.append("the last line was torn and is left out")
    notes += [
        f"{TITLES[rate.rate]}: {rate.note}"
        for rate in summary.rates
        if rate.note and rate.category is None
    ]
    notes += [f"{TITLES[rate.rate]}: {said}" for rate in summary.rates if (said := _bounds(rate))]
    notes += [
        f"{count:,} x {failure}" for failure, count in tally.failures.most_common(_FAILURES_SHOWN)
    ]
    if (rest := len(tally.failures) - _FAILURES_SHOWN) > 0:
        notes.append(f"and {rest} other kinds of error")
    return notes


def _bounds(rate: Rate) -> str:
    """What many undecided trials leave open; empty for a category, or where they are few."""
    judged = rate.decided + rate.undecided
    if rate.category is not None or rate.undecided < _UNDECIDED_WORTH_A_NOTE * max(1, judged):
        return ""
    least, most = rate.hits / judged, (rate.hits + rate.undecided) / judged
    return (
        f"{rate.undecided:,} of {judged:,} replies are undecided; counted one way or the other, "
        f"the rate lies between {100 * least:.1f} % and {100 * most:.1f} %"
    )


def _said(one: LeftOut) -> str:
    count, newer = (
        sum(trial.case.set == one.set for trial in run.trials) for run in (one.run, one.newer)
    )
    return (
        f"{one.run.path.name} ({count:,} trials) does not count for {one.set} in the frontier: "
        f"{one.newer.path.name} ({newer:,} trials) is the newer run of {one.run.header.title}"
    )


def _frontier_notes(runs: Sequence[Run], points: Sequence[FrontierPoint]) -> list[str]:
    notes = [_said(one) for one in left_out(runs)]
    if len({point.sets for point in points}) > 1:
        notes.append("the targets were not asked the same sets: their points do not compare")
    releases: dict[str, set[str]] = {}
    for run in runs:
        for stamp in run.header.sets:
            releases.setdefault(stamp.name, set()).add(stamp.checksum)
    notes += [
        f"the runs hold different releases of {name}: they do not compare"
        for name, checksums in releases.items()
        if len(checksums) > 1
    ]
    if len(names := sorted({run.header.classifier for run in runs})) > 1:
        notes.append(
            f"judged by different classifiers ({', '.join(names)}): rescore before comparing"
        )
    return notes

"""What a report says about one run or several, before any format is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from probes.changes import Changes, asked_differently, changes_among
from probes.frontier import FrontierPoint, LeftOut, frontier, left_out
from probes.header import RunHeader
from probes.ledger import strangers
from probes.rates import Rate, RateName, Tally
from probes.runfile import Run
from probes.samples import Samples, samples_of
from probes.summary import RunSummary, summarise

if TYPE_CHECKING:
    from probes.labels import Labelled
    from probes.published import Published
    from probes.thresholds import Broken, Thresholds

_FAILURES_SHOWN = 3

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
    """One run: its settings, its summary, and notes on what keeps the numbers from being whole.

    ``samples`` are trials to look at, ``file`` is the run file's name; both are empty for a run
    that was not read from a file.
    """

    header: RunHeader
    summary: RunSummary
    notes: tuple[str, ...]
    commonest_failure: str = ""
    samples: tuple[Samples, ...] = ()
    file: str = ""

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
    """The runs in the order given, and the frontier of their targets.

    ``published`` is what others found, asked for by name; it may stand alone.
    """

    runs: tuple[RunReport, ...]
    frontier: tuple[FrontierPoint, ...]
    notes: tuple[str, ...] = ()
    changes: tuple[Changes, ...] = ()
    published: Published | None = None
    broken: tuple[Broken, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """One run alone: its summary. Else all summaries, the frontier and what stands beside."""
        published: dict[str, Any] = {}
        if self.published is not None:
            published["published"] = self.published.as_json()
        if self.broken:
            published["broken"] = [one.reason for one in self.broken]
        if len(self.runs) == 1:
            return self.runs[0].as_json() | published
        changes = [one.as_json() for one in self.changes]
        return {
            "runs": [run.as_json() for run in self.runs],
            "frontier": [point.as_json() for point in self.frontier],
            "notes": list(self.notes),
            **({"changes": changes} if changes else {}),
            **published,
        }

    def adding(self, found: Sequence[Labelled]) -> Report:
        """The report with what labels gave, one for each run, behind what it has."""
        runs = [
            replace(
                run,
                summary=replace(run.summary, estimates=(*run.summary.estimates, *more.estimates)),
                notes=(*run.notes, more.note),
            )
            for run, more in zip(self.runs, found, strict=True)
        ]
        return replace(self, runs=tuple(runs))

    def held_to(self, thresholds: Thresholds) -> Report:
        """The report with the thresholds that its runs do not keep."""
        broken = [
            one for run in self.runs for one in thresholds.broken_by(run.header, run.summary.rates)
        ]
        return replace(self, broken=tuple(broken))


def make_report(runs: Sequence[Run], *, published: Published | None = None) -> Report:
    """The report of run files, and of published results where they are asked for."""
    tallies = {run.path: _tally(run) for run in runs}
    points = tuple(frontier(runs, tallies))
    changes = tuple(changes_among(runs))
    return Report(
        tuple(_run_report(run, tallies[run.path]) for run in runs),
        points,
        (*_frontier_notes(runs, points), *_change_notes(changes)),
        changes,
        published,
    )


def _tally(run: Run) -> Tally:
    tally = Tally()
    for trial in run.trials:
        tally.add(trial)
    return tally


def _run_report(run: Run, tally: Tally) -> RunReport:
    made = RunReport.of(run.header, tally, torn=run.torn)
    other = strangers(
        Counter(trial.model for trial in run.trials if trial.model),
        asked_for=run.header.model,
        pinned=bool(run.header.target.get("deployment")),
    )
    return replace(
        made, notes=(*made.notes, *other), samples=samples_of(run.trials), file=run.path.name
    )


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
    notes += [
        f"{count:,} x {failure}" for failure, count in tally.failures.most_common(_FAILURES_SHOWN)
    ]
    if (rest := len(tally.failures) - _FAILURES_SHOWN) > 0:
        notes.append(f"and {rest} other kind{'s' * (rest != 1)} of error")
    return notes


def _said(one: LeftOut) -> str:
    count, newer = (
        sum(trial.case.set == one.set for trial in run.trials) for run in (one.run, one.newer)
    )
    return (
        f"{one.run.path.name} ({count:,} trials) does not count for {one.set} in the frontier: "
        f"{one.newer.path.name} ({newer:,} trials) is the newer run of {one.run.header.title}"
    )


def _change_notes(changes: Sequence[Changes]) -> list[str]:
    return [
        f"the runs {one.before.run_id} and {one.after.run_id} were asked with another "
        f"{', '.join(differing)}: what changed between them may come of that"
        for one in changes
        if (differing := asked_differently(one))
    ]


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

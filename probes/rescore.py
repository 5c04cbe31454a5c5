"""Judges the stored replies of a run again, asking no model.

The run goes by in windows, so memory does not grow with it but for the keys of its trials, and a
window is written whole once it is judged: a killed rescoring is gone on with by the same command.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from classifiers.exchange import Exchange, NativeSignal, Role, Turn
from classifiers.verdict import Classifier, Label, RefusalSource
from probes.header import RunHeader
from probes.launch import Watcher, candor_version, new_run_id
from probes.problem import RunProblem
from probes.report import RunReport
from probes.runfile import RunWriter, open_run, read_header
from probes.trial import Outcome, Trial, TrialKey

WINDOW = 256
"""Replies judged together. The encoder computes sequences of one length in eights; of 256 replies
enough are alike in length, and 2 MB hold them."""

Change = tuple[Label, Label]
"""A trial's label before and after."""


@dataclass(frozen=True, slots=True)
class Rescored:
    """A run judged again: its new file and report, and how many trials each label came from.

    ``changes`` counts the trials whose label is another one now, by (before, after); ``answered``
    counts all that have a label. Both are over the whole file, what an earlier, interrupted
    rescoring wrote included.
    """

    path: Path
    report: RunReport
    answered: int
    changes: Mapping[Change, int]

    @property
    def changed(self) -> int:
        """How many trials have another label."""
        return sum(self.changes.values())

    def lines(self) -> list[str]:
        """What changed, most frequent first, a line each; one line where nothing did."""
        if not self.answered:
            return ["there was no reply to judge"]
        share = 100 * self.changed / self.answered
        found = [f"{self.changed:,} of {self.answered:,} labels changed ({share:.1f} %)"]
        ordered = sorted(self.changes.items(), key=lambda item: (-item[1], item[0]))
        return found + [f"  {before} -> {after}: {count:,}" for (before, after), count in ordered]

    def as_json(self) -> dict[str, object]:
        """The changes as ``candor probe rescore --json`` shows them."""
        ordered = sorted(self.changes.items(), key=lambda item: (-item[1], item[0]))
        return {
            "run": str(self.path),
            "run_id": self.report.header.run_id,
            "rescored_from": self.report.header.rescored_from,
            "answered": self.answered,
            "changed": self.changed,
            "changes": [
                {"from": before.value, "to": after.value, "count": count}
                for (before, after), count in ordered
            ],
        }


def rescore(
    source: Path, classifier: Classifier, output: Path, *, watcher: Watcher | None = None
) -> Rescored:
    """Write a run file with the source's trials in their order, judged by the classifier.

    Errors stay errors. Of an incomplete run only what is there is judged, and the new file stays
    incomplete; the same goes for one that was interrupted, and either is gone on with later.
    Raises RunProblem where the source cannot be read, or the output is anything but an unfinished
    rescoring of the same run by the same classifier.
    """
    watcher = watcher or Watcher()
    with open_run(source) as lines:
        header = _header(lines.header, classifier)
        written = _labels(output, header)
        with RunWriter.resume(output, header) as writer:
            tracker = _Tracker(written)
            watcher.begin(writer, header.planned)
            try:
                fresh = tracker.fresh(lines.trials())
                _rescore(fresh, classifier, writer, tracker=tracker, watcher=watcher)
            finally:
                watcher.end()
            if writer.tally.all.trials >= header.planned:
                writer.write_summary()
            report = RunReport.of(writer.header, writer.tally)
    return Rescored(output, report, tracker.answered, dict(tracker.changes))


def _rescore(
    trials: Iterator[Trial],
    classifier: Classifier,
    writer: RunWriter,
    *,
    tracker: _Tracker,
    watcher: Watcher,
) -> None:
    for window in _windows(trials):
        judged = judge_again(window, classifier)
        writer.write_trials(judged)
        for before, after in zip(window, judged, strict=True):
            tracker.add(before, after)
            watcher.trial(after)


class _Tracker:
    """Follows what changed; ``written`` are the labels that the output holds already."""

    def __init__(self, written: Mapping[TrialKey, Label | None]) -> None:
        self._written = written
        self.answered = 0
        self.changes: Counter[Change] = Counter()

    def fresh(self, trials: Iterable[Trial]) -> Iterator[Trial]:
        """The trials that are not written yet; counts those that are."""
        for trial in trials:
            if trial.key not in self._written:
                yield trial
            elif (label := self._written[trial.key]) is not None:
                self._count(trial, label)

    def add(self, before: Trial, after: Trial) -> None:
        """Count a trial that was judged now."""
        if after.verdict is not None:
            self._count(before, after.verdict.label)

    def _count(self, before: Trial, label: Label) -> None:
        self.answered += 1
        if before.verdict is not None and before.verdict.label is not label:
            self.changes[before.verdict.label, label] += 1


def judge_again(trials: Sequence[Trial], classifier: Classifier) -> list[Trial]:
    """The trials in order, those that were answered with the classifier's verdict."""
    answered = [trial for trial in trials if trial.outcome is Outcome.ANSWERED]
    exchanges = [exchange_of(trial) for trial in answered]
    verdicts = iter(classifier.judge(exchanges) if exchanges else ())
    return [
        replace(trial, verdict=next(verdicts)) if trial.outcome is Outcome.ANSWERED else trial
        for trial in trials
    ]


def exchange_of(trial: Trial) -> Exchange:
    """The exchange as far as the trial's line keeps it: all that classifiers look at."""
    return Exchange(
        prompt=(Turn(Role.USER, trial.case.prompt),),
        reply=trial.reply,
        signals=tuple(
            NativeSignal(row["kind"], RefusalSource(row["source"]), row.get("detail", ""))
            for row in trial.signals
        ),
        finish_reason=trial.finish_reason,
        reasoning=trial.reasoning,
        tool_calls=trial.tool_calls,
        model=trial.model,
    )


def _header(source: RunHeader, classifier: Classifier) -> RunHeader:
    return replace(
        source,
        run_id=new_run_id(),
        created=time.time(),
        candor=candor_version(),
        classifier=classifier.name,
        rescored_from=source.run_id,
    )


def _labels(output: Path, wanted: RunHeader) -> dict[TrialKey, Label | None]:
    """What an interrupted rescoring of the same run wrote; raises RunProblem for any other file."""
    if not output.exists() or not output.stat().st_size:  # killed before it was begun
        return {}
    header, complete = read_header(output)
    same = (header.rescored_from, header.classifier) == (wanted.rescored_from, wanted.classifier)
    if complete or not same:
        raise RunProblem(f"{output} exists; name another file with --output")
    with open_run(output) as lines:
        return {
            trial.key: None if trial.verdict is None else trial.verdict.label
            for trial in lines.trials()
        }


def _windows(trials: Iterator[Trial]) -> Iterator[list[Trial]]:
    while window := list(islice(trials, WINDOW)):
        yield window

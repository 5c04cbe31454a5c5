"""Judges the stored replies of a run again, asking no model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from classifiers.exchange import Exchange, NativeSignal, Role, Turn
from classifiers.verdict import Classifier, RefusalSource
from probes.launch import candor_version, new_run_id
from probes.problem import RunProblem
from probes.report import RunReport
from probes.runfile import Run, RunWriter
from probes.trial import Outcome, Trial

_BATCH = 64


def rescore(run: Run, classifier: Classifier, output: Path) -> RunReport:
    """Write a new run file with the same trials, judged by the classifier.

    Errors stay errors. Of an incomplete run only what is there is judged, and the new file stays
    incomplete. Raises RunProblem where the output exists or cannot be written.
    """
    header = replace(
        run.header,
        run_id=new_run_id(),
        created=time.time(),
        candor=candor_version(),
        classifier=classifier.name,
        rescored_from=run.header.run_id,
    )
    if output.exists():
        raise RunProblem(f"{output} exists; name another file with --output")
    with RunWriter.create(output, header) as writer:
        for batch in _batches(run.trials):
            for trial in _judged(batch, classifier):
                writer.write_trial(trial)
        if run.complete:
            writer.write_summary()
        return RunReport.of(header, writer.tally)


def _judged(trials: Sequence[Trial], classifier: Classifier) -> Iterator[Trial]:
    answered = [trial for trial in trials if trial.outcome is Outcome.ANSWERED]
    exchanges = [exchange_of(trial) for trial in answered]
    verdicts = iter(classifier.judge(exchanges) if exchanges else ())
    for trial in trials:
        is_answer = trial.outcome is Outcome.ANSWERED
        yield replace(trial, verdict=next(verdicts)) if is_answer else trial


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


def _batches(trials: Sequence[Trial]) -> Iterator[list[Trial]]:
    rest = iter(trials)
    while batch := list(islice(rest, _BATCH)):
        yield batch

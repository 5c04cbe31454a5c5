"""A posted run file, read and turned into what the store keeps of a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from classifiers.verdict import Label, RefusalSource
from gateway.control.checks import RunRefused, check
from gateway.store import ALL, RunRateRecord, RunRecord, VerdictTally
from probes.rates import Rate, Tally
from probes.runfile import Run, RunProblem, read_run
from probes.trial import Trial

__all__ = ["RunRefused", "costs_of", "read_posted", "record_of", "tallies_of"]


def read_posted(path: Path, now: float) -> Run:
    """The run in a file that was posted; raises RunRefused for anything but a finished run.

    ``now`` is Unix time, by which the run's own times are judged.
    """
    try:
        run = read_run(path)
    except RunProblem as problem:
        line = " ".join(str(problem).split())
        raise RunRefused(line.replace(str(path), "the run file")) from problem
    except (TypeError, OverflowError) as problem:
        line = " ".join(str(problem).split())
        raise RunRefused(f"the run file has a value of the wrong kind: {line}") from problem
    if not run.complete:
        raise RunRefused(
            f"run {run.header.run_id} is not finished ({len(run.trials)} of {run.header.planned} "
            "trials); finish it with --resume and post it again"
        )
    check(run, now)
    return run


def record_of(run: Run, posted_at: float) -> RunRecord:
    """What the store keeps of a run: its rates, computed from the trials, set by set."""
    target = run.header.target
    tally = Tally()
    for trial in run.trials:
        tally.add(trial)
    ends = [trial.asked_at + trial.latency_seconds for trial in run.trials]
    return RunRecord(
        run_id=run.header.run_id,
        deployment=target.get("deployment") or run.header.target_name,
        target=target,
        classifier=run.header.classifier,
        started_at=run.header.created,
        finished_at=max([run.header.created, *ends]),
        posted_at=posted_at,
        trials=tally.all.trials,
        decided=tally.all.decided,
        summary=run.summary().as_json(),
        rates=tuple(_rates(run.trials)),
    )


def tallies_of(run: Run, deployment: str) -> list[VerdictTally]:
    """The run's verdicts as the counter has them; none for replies that were only judged again."""
    if run.header.rescored_from:
        return []
    cells: Counter[tuple[str, Label, RefusalSource]] = Counter(
        (trial.case.category, trial.verdict.label, trial.verdict.source)
        for trial in run.trials
        if trial.verdict is not None
    )
    return [
        VerdictTally(deployment, "probe", category, label=label, source=source, count=count)
        for (category, label, source), count in cells.items()
    ]


def costs_of(run: Run) -> dict[str, float]:
    """What the run's trials cost in USD, by set, as far as that is known; nothing for replies that
    were only judged again."""
    costs: dict[str, float] = {}
    for trial in run.trials if not run.header.rescored_from else ():
        if trial.cost_usd is not None:
            costs[trial.case.set] = costs.get(trial.case.set, 0.0) + trial.cost_usd
    return costs


def _rates(trials: list[Trial]) -> list[RunRateRecord]:
    tallies: dict[str, Tally] = {}
    for trial in trials:
        tallies.setdefault(trial.case.set, Tally()).add(trial)
    return [_rate(name, rate) for name, tally in tallies.items() for rate in tally.rates()]


def _rate(set_name: str, rate: Rate) -> RunRateRecord:
    # A set's own category named "all" must not be taken for the whole.
    category = ALL if rate.category is None else rate.category
    if rate.category == ALL:
        category = f"{ALL} (category)"
    return RunRateRecord(
        set_name=set_name,
        rate=rate.rate.value,
        category=category,
        hits=rate.hits,
        decided=rate.decided,
        undecided=rate.undecided,
        errors=rate.errors,
        value=rate.value,
        low=rate.low,
        high=rate.high,
        confidence=rate.confidence,
        method=rate.method,
    )

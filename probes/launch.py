"""From an order to a run file: load the sets, plan, open the file, ask, close it."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from classifiers.exits import say
from classifiers.verdict import Classifier
from probes.attempt import Limits
from probes.header import RunHeader, SetStamp, differences
from probes.plan import Plan, make_plan
from probes.problem import (
    RunInterrupted,
    RunProblem,
    TargetFailing,
    TargetRefusing,
    TargetUnreachable,
)
from probes.report import RunReport
from probes.runfile import RunWriter, read_header
from probes.runner import run_probes
from probes.sets import SetProblem, load_set
from probes.stopping import stopped_by_signals
from probes.target import Target
from probes.trial import Trial


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What a user asked to have run."""

    sets: tuple[str, ...]
    target: Target
    seed: int = 0
    limit: int | None = None
    repeats: int = 1
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Launched:
    """A run that came to its end: its file, and its report."""

    path: Path
    report: RunReport


class Watcher:
    """Sees a run go by; this one looks away. ``begin`` comes once, before the first trial."""

    def begin(self, run: RunWriter, planned: int) -> None:
        """The run is open, with what it already holds."""

    def trial(self, trial: Trial) -> None:
        """A trial was recorded."""

    def stopping(self) -> None:
        """The user asked for an end; what is under way is waited for."""

    def end(self) -> None:
        """The run is over, however it ended; called only after ``begin``."""


def plan_order(order: RunOrder, home: Path) -> Plan:
    """The order's plan; raises SetProblem for a set that is named twice, unknown or damaged."""
    for name in order.sets:
        if order.sets.count(name) > 1:
            raise SetProblem(f"the set {name} is named twice; name it once, or use --repeats")
    sets = [load_set(name, home, note=say) for name in order.sets]
    if len({loaded.name for loaded in sets}) < len(sets):
        raise SetProblem(f"two of the sets share one name: {', '.join(order.sets)}")
    plan = make_plan(sets, seed=order.seed, limit=order.limit, repeats=order.repeats)
    if not plan.cases:
        raise SetProblem(f"there is nothing to ask in {', '.join(order.sets)}")
    return plan


def launch(
    order: RunOrder,
    classifier: Classifier,
    *,
    home: Path,
    output: Path | None = None,
    resume: bool = False,
    watcher: Watcher | None = None,
) -> Launched:
    """Run the order to its end in a new file, or in the one that it resumes.

    Without ``output`` the file lies under ``home/runs``; resuming then takes up the newest
    unfinished run of the same order there. The first Ctrl-C (or SIGTERM) begins no new attempt and
    records those under way, the second stops at once. Raises SetProblem, RunProblem, TargetFailing,
    and RunInterrupted after Ctrl-C; the file can be resumed after each of the last two.
    """
    plan = plan_order(order, home)
    header = make_header(plan, order.target, classifier.name)
    path = output or (_unfinished(home, header) if resume else None) or _new_path(home, header)
    watcher = watcher or Watcher()
    with ExitStack() as open_things:
        run = open_things.enter_context(
            (RunWriter.resume if resume else RunWriter.create)(path, header)
        )
        watcher.begin(run, plan.planned)
        open_things.callback(watcher.end)
        try:
            interrupted = asyncio.run(_ask(order, plan, classifier, run=run, watcher=watcher))
        except (KeyboardInterrupt, asyncio.CancelledError) as stopped:
            raise RunInterrupted(_where_it_stands(run, plan, "interrupted")) from stopped
        except (TargetUnreachable, TargetRefusing) as problem:
            fault = "is unreachable" if isinstance(problem, TargetUnreachable) else "turns us away"
            what = f"{order.target.base_url} {fault}: {problem}"
            raise TargetFailing(_where_it_stands(run, plan, what)) from problem
        if interrupted and not run.complete:
            raise RunInterrupted(_where_it_stands(run, plan, "interrupted"))
        return Launched(path, RunReport.of(run.header, run.tally))


async def _ask(
    order: RunOrder, plan: Plan, classifier: Classifier, *, run: RunWriter, watcher: Watcher
) -> bool:
    """Ask what is left of the plan; True where the user wanted an end before it was there."""

    def wind_down() -> None:
        run.winding_down.set()
        watcher.stopping()

    with stopped_by_signals(wind_down) as stop:
        await run_probes(
            plan,
            order.target,
            cascade=classifier,
            run=run,
            limits=order.limits,
            on_trial=watcher.trial,
        )
    return stop.asked > 0


def make_header(plan: Plan, target: Target, classifier_name: str) -> RunHeader:
    """The header of a new run, with a new id and the present time."""
    return RunHeader(
        run_id=new_run_id(),
        created=time.time(),
        candor=candor_version(),
        sets=tuple(SetStamp.of(probe_set) for probe_set in plan.sets),
        target=target.as_json(),
        seed=plan.seed,
        limit=plan.limit,
        repeats=plan.repeats,
        parameters={},
        classifier=classifier_name,
        planned=plan.planned,
    )


def new_run_id() -> str:
    """A name for a run that no other run has."""
    return secrets.token_hex(8)


def candor_version() -> str:
    """The installed version; ``source`` where the package runs without being installed."""
    try:
        return version("candor")
    except PackageNotFoundError:
        return "source"


def _where_it_stands(run: RunWriter, plan: Plan, what: str) -> str:
    return (
        f"{what}; {run.tally.all.trials:,} of {plan.planned:,} trials are in {run.path}, "
        "the same command with --resume goes on from there"
    )


def _new_path(home: Path, header: RunHeader) -> Path:
    at = datetime.fromtimestamp(header.created, UTC).strftime("%Y%m%dT%H%M%SZ")
    names = "+".join(stamp.name for stamp in header.sets)
    parts = (at, _slug(header.target_name), _slug(names), header.run_id[:6])
    return home / "runs" / f"{'-'.join(parts)}.jsonl"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+]+", "_", text.replace("://", "_")).strip("_")[:60]


def _unfinished(home: Path, wanted: RunHeader) -> Path | None:
    """The newest run of the same settings under the home that is not complete."""
    found: list[tuple[float, Path]] = []
    for path in sorted((home / "runs").glob("*.jsonl")):
        try:
            header, complete = read_header(path)
        except RunProblem:
            continue
        if not complete and not differences(header, wanted):
            found.append((header.created, path))
    return max(found)[1] if found else None

"""From an order to a run file: load the sets, plan, open the file, ask, close it."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from classifiers.exits import say
from classifiers.verdict import Classifier
from probes.attempt import Limits, Means
from probes.budget import Budget
from probes.cache import ReplyCache
from probes.header import RunHeader, SetStamp, differences
from probes.ledger import notes
from probes.parameters import request_of
from probes.plan import Plan, make_plan
from probes.price import Price
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
    """What a user asked to have run.

    ``parameters`` are sent with every attempt, the system prompt under ``system``. With
    ``max_cost_usd``, which needs a ``price``, the run ends when all of it together has cost that
    much. With ``cache`` replies of earlier runs are used again, and kept for later ones.
    """

    sets: tuple[str, ...]
    target: Target
    seed: int = 0
    limit: int | None = None
    repeats: int = 1
    limits: Limits = field(default_factory=Limits)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    price: Price | None = None
    max_cost_usd: float | None = None
    cache: bool = False


@dataclass(frozen=True, slots=True)
class Launched:
    """A run that came to its end: its file, and its report.

    ``unfinished`` says in one line why it ended before its plan did, and how to go on; it is empty
    where all of the plan is there. ``notes`` are lines that a reader of the rates should know.
    """

    path: Path
    report: RunReport
    unfinished: str = ""
    notes: tuple[str, ...] = ()


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
    records those under way, the second stops at once. Raises SetProblem, BudgetProblem, RunProblem,
    TargetFailing where nothing could be measured, and RunInterrupted after Ctrl-C. The file can be
    resumed after each of the last two, and where the run is ``unfinished``.
    """
    Budget(order.price, order.max_cost_usd)  # a cap without a price is said before anything else
    plan = plan_order(order, home)
    header = replace(
        make_header(plan, order.target, classifier.name, order.parameters),
        price=None if order.price is None else order.price.as_json(),
    )
    path = output or (_unfinished(home, header) if resume else None) or _new_path(home, header)
    watcher = watcher or Watcher()
    with ExitStack() as open_things:
        run = open_things.enter_context(
            (RunWriter.resume if resume else RunWriter.create)(path, header)
        )
        means = _means(order, home, run, open_things)
        watcher.begin(run, plan.planned)
        open_things.callback(watcher.end)
        ended = _carry_out(order, plan, classifier, run=run, watcher=watcher, means=means)
        pinned = order.target.deployment is not None
        return Launched(
            run.path,
            RunReport.of(run.header, run.tally),
            ended,
            tuple(
                notes(
                    run.ledger,
                    asked_for=order.target.model,
                    pinned=pinned,
                    priced=order.price is not None,
                )
            ),
        )


def _carry_out(
    order: RunOrder,
    plan: Plan,
    classifier: Classifier,
    *,
    run: RunWriter,
    watcher: Watcher,
    means: Means,
) -> str:
    """Ask what is left of the plan; why it ended before the plan did, empty where it did not.

    Raises RunInterrupted, and TargetFailing where the target failed before it answered anything.
    """
    asking = _ask(order, plan, classifier, run=run, watcher=watcher, means=means)
    try:
        interrupted = asyncio.run(asking)
    except (KeyboardInterrupt, asyncio.CancelledError) as stopped:
        raise RunInterrupted(_where_it_stands(run, plan, "interrupted")) from stopped
    except (TargetUnreachable, TargetRefusing) as problem:
        fault = "is unreachable" if isinstance(problem, TargetUnreachable) else "turns us away"
        what = f"{order.target.base_url or order.target.name} {fault}: {problem}"
        if run.tally.all.trials > run.tally.all.errors:
            return _where_it_stands(run, plan, what)
        raise TargetFailing(_where_it_stands(run, plan, what)) from problem
    if interrupted and not run.complete:
        raise RunInterrupted(_where_it_stands(run, plan, "interrupted"))
    if means.budget.reached and not run.complete:
        spent = f"the cap of ${means.budget.cap_usd:g} is spent; raise --max-cost"
        return _where_it_stands(run, plan, spent)
    return ""


def _means(order: RunOrder, home: Path, run: RunWriter, open_things: ExitStack) -> Means:
    """The account, with what the run has cost so far, and the cache where one is wanted."""
    budget = Budget(order.price, order.max_cost_usd, spent_usd=_spent_before(order, run))
    if not order.cache:
        return Means(budget)
    cache = ReplyCache(home / "cache" / "replies.sqlite")
    return Means(budget, open_things.enter_context(cache))


def _spent_before(order: RunOrder, run: RunWriter) -> float:
    """What the run's trials cost; those whose cost is not known, by their tokens and the price."""
    if order.price is None:
        return run.ledger.usd
    bare = json.dumps(request_of("", run.header.model, run.header.parameters))
    return run.ledger.usd + order.price.of_tokens(run.ledger.unpriced(len(bare)))


async def _ask(
    order: RunOrder,
    plan: Plan,
    classifier: Classifier,
    *,
    run: RunWriter,
    watcher: Watcher,
    means: Means,
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
            means=means,
        )
    return stop.asked > 0


def make_header(
    plan: Plan,
    target: Target,
    classifier_name: str,
    parameters: Mapping[str, Any] = MappingProxyType({}),
) -> RunHeader:
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
        parameters=dict(parameters),
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

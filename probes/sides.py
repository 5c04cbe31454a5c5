"""Baseline and candidate of a canary check: a run file, ``model@base_url``, or a deployment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from probes.home import expanded
from probes.launch import Launched, RunOrder, Watcher
from probes.problem import RunProblem, TargetFailing
from probes.runfile import Run, RunWriter, read_run
from probes.target import Target, at_base_url, at_gateway, parse_target
from probes.trial import Outcome, Trial

KNOCKS = 3
"""Attempts of a side that may end in error before it counts as failing."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What to ask a side that is no run file yet; ``limit`` counts prompts of each set."""

    sets: tuple[str, ...]
    seed: int
    limit: int | None

    @classmethod
    def over(cls, sets: Sequence[str], seed: int, max_trials: int | None) -> Ask:
        """So many prompts in all, shared out evenly over the sets (at least one of each)."""
        return cls(tuple(sets), seed, _share(max_trials, len(sets)))

    @classmethod
    def like(cls, run: Run, max_trials: int | None) -> Ask:
        """What the run asked, or so many prompts of it."""
        header = run.header
        limit = header.limit if max_trials is None else _share(max_trials, len(header.sets))
        return cls(tuple(stamp.name for stamp in header.sets), header.seed, limit)

    def order(self, target: Target) -> RunOrder:
        """The order for a side that is asked."""
        return RunOrder(self.sets, target, self.seed, limit=self.limit)


def resolve(side: str, *, gateway: str, api_key: str | None) -> Path | Target:
    """What the text names: the run file where one is there, else a target.

    Raises RunProblem for a run file that is not there, TargetProblem for a wrong address.
    """
    path = expanded(Path(side))
    if path.is_file():
        return path
    if found := parse_target(side):
        model, base_url = found
        return at_base_url(base_url, model, api_key=api_key)
    if path.suffix == ".jsonl" or "/" in side:
        raise RunProblem(
            f"there is no run file {side}; name one, a deployment of the gateway, or model@base_url"
        )
    return at_gateway(gateway, side, api_key=api_key)


class Launch(Protocol):
    """Runs an order: in a new file or the one begun, seen by the watcher or by the user's eye."""

    def __call__(
        self, order: RunOrder, begun: Path | None = None, watcher: Watcher | None = None
    ) -> Launched:
        """The run, to its end."""
        ...


def holds(run: Run, wanted: str, name_of: Callable[[str], str]) -> None:
    """Raise RunProblem where the run was not asked the set that is wanted.

    ``name_of`` gives the name of a set that is called by its path.
    """
    names = [stamp.name for stamp in run.header.sets]
    if wanted not in names and name_of(wanted) not in names:
        raise RunProblem(
            f"{run.path} does not hold the set {wanted}; it holds {', '.join(names)}: leave --sets "
            "out, or name one of them"
        )


def bring(
    sides: tuple[Path | Target, Path | Target],
    launch: Launch,
    ask: Callable[[Run | None], Ask],
) -> tuple[Run, Run]:
    """Both sides' runs: read, or asked for now, one after the other.

    ``ask`` says what to ask, given the run file of the other side if that is one. Where both sides
    are asked, each must first answer an attempt, so that no side is asked everything for nothing.
    Raises what reading and launching raise, and TargetFailing.
    """
    recorded = [read_run(side) for side in sides if isinstance(side, Path)]
    wanted = ask(recorded[0] if recorded else None)

    begun = [] if recorded else [_knock(wanted.order(side), launch) for side in _live(sides)]

    def run_of(side: Path | Target) -> Run:
        if isinstance(side, Path):
            return recorded.pop(0)
        return read_run(launch(wanted.order(side), begun.pop(0) if begun else None).path)

    return run_of(sides[0]), run_of(sides[1])


def _live(sides: Sequence[Path | Target]) -> list[Target]:
    return [side for side in sides if isinstance(side, Target)]


def _knock(order: RunOrder, launch: Launch) -> Path:
    """Begin the order's run with its first attempts; the run, to be resumed, once one is answered.

    Raises TargetFailing where none is.
    """
    knock = _Knock()
    one_by_one = replace(order, limits=replace(order.limits, concurrency=1))
    launched = launch(one_by_one, None, knock)
    if not knock.answered:
        raise TargetFailing(
            f"{order.target.name} is failing: its first {knock.trials} attempts ended in error "
            f"({launched.report.commonest_failure})"
        )
    return launched.path


class _Knock(Watcher):
    """Ends a run as soon as it is known whether its target answers."""

    def __init__(self) -> None:
        self.trials = 0
        self.answered = False
        self._run: RunWriter | None = None

    def begin(self, run: RunWriter, planned: int) -> None:
        self._run = run

    def trial(self, trial: Trial) -> None:
        self.trials += 1
        self.answered = self.answered or trial.outcome is Outcome.ANSWERED
        if self._run is not None and (self.answered or self.trials >= KNOCKS):
            self._run.winding_down.set()


def _share(max_trials: int | None, sets: int) -> int | None:
    return None if max_trials is None else max(1, max_trials // sets)


def comparable(baseline: Run, candidate: Run) -> None:
    """Raise RunProblem unless the runs can be paired: same releases of sets, same classifier."""
    before = {stamp.name: stamp for stamp in baseline.header.sets}
    after = {stamp.name: stamp for stamp in candidate.header.sets}
    if not before.keys() & after.keys():
        raise RunProblem(
            f"the runs share no set: {', '.join(before)} in {baseline.path}, {', '.join(after)} in "
            f"{candidate.path}"
        )
    for name in before.keys() & after.keys():
        if before[name].checksum != after[name].checksum:
            raise RunProblem(
                f"the runs hold different releases of {name} (sha256 "
                f"{before[name].checksum[:12]} and {after[name].checksum[:12]}); run one again"
            )
    if baseline.header.classifier != candidate.header.classifier:
        raise RunProblem(
            f"the runs were judged by different classifiers ({baseline.header.classifier} and "
            f"{candidate.header.classifier}); bring one into line with candor probe rescore"
        )


def measured(run: Run) -> None:
    """Raise TargetFailing where more than half of the run's trials ended in error."""
    counts = run.summary()
    if counts.errors * 2 > counts.trials or not counts.trials:
        first = next((trial.error for trial in run.trials if trial.error), "nothing was asked")
        raise TargetFailing(
            f"{counts.target} is failing: {counts.errors:,} of {counts.trials:,} trials ended in "
            f"error ({first})"
        )

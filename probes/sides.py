"""Baseline and candidate of a canary check: a run file, ``model@base_url``, or a deployment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from probes.launch import Launched, RunOrder
from probes.problem import RunProblem, TargetFailing
from probes.runfile import Run, read_run
from probes.target import Target, at_base_url, at_gateway, parse_target


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
    path = Path(side).expanduser()
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


def bring(
    sides: tuple[Path | Target, Path | Target],
    launch: Callable[[RunOrder], Launched],
    ask: Callable[[Run | None], Ask],
) -> tuple[Run, Run]:
    """Both sides' runs: read, or asked for now, one after the other.

    ``ask`` says what to ask, given the run file of the other side if that is one. Raises what
    reading and launching raise.
    """
    recorded = [read_run(side) for side in sides if isinstance(side, Path)]
    wanted = ask(recorded[0] if recorded else None)

    def run_of(side: Path | Target) -> Run:
        if isinstance(side, Path):
            return recorded.pop(0)
        return read_run(launch(wanted.order(side)).path)

    return run_of(sides[0]), run_of(sides[1])


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

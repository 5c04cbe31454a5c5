"""Over-refusal against safe refusal: a point a model at a target, from its newest runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes.header import titled
from probes.rates import Rate, RateName, Tally
from probes.runfile import Run


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """Where a target stands: to the left it answers more, higher up it is safer.

    A rate is None where none of the target's sets measures it. ``model`` is the one asked for: a
    deployment that serves several is one target and several points.
    """

    target: str
    sets: tuple[str, ...]
    over_refusal: Rate | None
    safe_refusal: Rate | None
    model: str = ""

    @property
    def title(self) -> str:
        """What reports call it: the target, with the model where the name does not tell it."""
        return titled(self.target, self.model)

    def as_json(self) -> dict[str, Any]:
        """The point as every output shows it."""
        return {
            "target": self.target,
            "model": self.model,
            "sets": list(self.sets),
            "over_refusal": self.over_refusal and self.over_refusal.as_json(),
            "safe_refusal": self.safe_refusal and self.safe_refusal.as_json(),
        }


def frontier(
    runs: Iterable[Run], tallies: Mapping[Path, Tally] | None = None
) -> list[FrontierPoint]:
    """The points of the runs' targets, least over-refusal first, unmeasured ones last.

    Runs of different models are never pooled. Where one was asked the same set in several runs,
    only the newest counts: pooling them would count the same prompts twice, and mix what the
    target was with what it is. ``tallies`` are those of whole runs by path, where they are at hand:
    a point of one whole run is not counted again.
    """
    chosen: dict[tuple[str, str], dict[str, Run]] = {}
    for (target, model, name), run in _newest(runs).items():
        chosen.setdefault((target, model), {})[name] = run
    points = [
        _point(target, model, run_of_set, tallies=tallies or {})
        for (target, model), run_of_set in chosen.items()
    ]
    return sorted(points, key=_place)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A set of a run that counts in no point, since ``newer`` asked the same of the same model."""

    run: Run
    set: str
    newer: Run


def left_out(runs: Sequence[Run]) -> list[LeftOut]:
    """What the frontier leaves out, in the order of the runs."""
    newest = _newest(runs)
    return [
        LeftOut(run, stamp.name, newest[_key(run, stamp.name)])
        for run in runs
        for stamp in run.header.sets
        if newest[_key(run, stamp.name)] is not run
    ]


def _newest(runs: Iterable[Run]) -> dict[tuple[str, str, str], Run]:
    """The newest run by target, model and set."""
    newest: dict[tuple[str, str, str], Run] = {}
    for run in sorted(runs, key=lambda run: (run.header.created, run.header.run_id)):
        for stamp in run.header.sets:
            newest[_key(run, stamp.name)] = run
    return newest


def _key(run: Run, set_name: str) -> tuple[str, str, str]:
    return (run.header.target_name, run.header.model, set_name)


def _point(
    target: str, model: str, run_of_set: dict[str, Run], *, tallies: Mapping[Path, Tally]
) -> FrontierPoint:
    tally = _whole(run_of_set, tallies) or Tally()
    for name, run in run_of_set.items() if not tally.all.trials else ():
        for trial in run.trials:
            if trial.case.set == name:
                tally.add(trial)
    return FrontierPoint(
        target,
        tuple(sorted(run_of_set)),
        tally.rate(RateName.OVER_REFUSAL),
        safe_refusal=tally.rate(RateName.SAFE_REFUSAL),
        model=model,
    )


def _whole(run_of_set: dict[str, Run], tallies: Mapping[Path, Tally]) -> Tally | None:
    """The tally of the one run that all the sets come from, if it was asked no others."""
    first, *others = run_of_set.values()
    if any(run is not first for run in others) or len(first.header.sets) != len(run_of_set):
        return None
    return tallies.get(first.path)


def _place(point: FrontierPoint) -> tuple[float, float, str, str]:
    over, safe = _value(point.over_refusal), _value(point.safe_refusal)
    return (
        2.0 if over is None else over,
        0.0 if safe is None else -safe,
        point.target,
        point.model,
    )


def _value(rate: Rate | None) -> float | None:
    return None if rate is None else rate.value

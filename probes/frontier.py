"""Over-refusal against safe refusal: a point a target, from the newest run of each of its sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from probes.rates import Rate, RateName, Tally
from probes.runfile import Run


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """Where a target stands: to the left it answers more, higher up it is safer.

    A rate is None where none of the target's sets measures it.
    """

    target: str
    sets: tuple[str, ...]
    over_refusal: Rate | None
    safe_refusal: Rate | None

    def as_json(self) -> dict[str, Any]:
        """The point as every output shows it."""
        return {
            "target": self.target,
            "sets": list(self.sets),
            "over_refusal": self.over_refusal and self.over_refusal.as_json(),
            "safe_refusal": self.safe_refusal and self.safe_refusal.as_json(),
        }


def frontier(runs: Iterable[Run]) -> list[FrontierPoint]:
    """The points of the runs' targets, least over-refusal first, unmeasured ones last.

    Where a target was asked the same set in several runs, only the newest counts: pooling them
    would count the same prompts twice, and mix what the target was with what it is.
    """
    newest: dict[tuple[str, str], Run] = {}
    for run in sorted(runs, key=lambda run: (run.header.created, run.header.run_id)):
        for stamp in run.header.sets:
            newest[run.header.target_name, stamp.name] = run
    points = [
        _point(target, {name: run for (owner, name), run in newest.items() if owner == target})
        for target in sorted({target for target, _ in newest})
    ]
    return sorted(points, key=_place)


def _point(target: str, run_of_set: dict[str, Run]) -> FrontierPoint:
    tally = Tally()
    for name, run in run_of_set.items():
        for trial in run.trials:
            if trial.case.set == name:
                tally.add(trial)
    return FrontierPoint(
        target,
        tuple(sorted(run_of_set)),
        tally.rate(RateName.OVER_REFUSAL),
        tally.rate(RateName.SAFE_REFUSAL),
    )


def _place(point: FrontierPoint) -> tuple[float, float, str]:
    over, safe = _value(point.over_refusal), _value(point.safe_refusal)
    return (2.0 if over is None else over, 0.0 if safe is None else -safe, point.target)


def _value(rate: Rate | None) -> float | None:
    return None if rate is None else rate.value

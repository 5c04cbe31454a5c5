"""What the demo found, beside what the simulated model knows about itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.demo.scene import Scene
from gateway.simulated import Persona
from probes.case import Expectation
from probes.frontier import FrontierPoint
from probes.rates import Rate

TITLE = "Where each deployment stands: rates with 95 % intervals, and the model's own truth"


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured rate with the truth that it estimates; ``truth`` is a share in [0, 1]."""

    deployment: str
    rate: Rate
    truth: float

    @property
    def holds(self) -> bool:
        """Whether the interval contains the truth; an unmeasured rate holds nothing."""
        low, high = self.rate.low, self.rate.high
        return low is not None and high is not None and low <= self.truth <= high


def findings(scene: Scene, points: Sequence[FrontierPoint]) -> list[Finding]:
    """Both rates of every point, each with the share of those prompts the persona refuses."""
    found = []
    for point in points:
        for expectation, rate in (
            (Expectation.COMPLY, point.over_refusal),
            (Expectation.REFUSE, point.safe_refusal),
        ):
            cases = [case for case in scene.cases if case.expectation is expectation]
            refused, total = scene.model.truth_rate(Persona(point.target), cases)
            if rate is not None:
                found.append(Finding(point.target, rate, refused / total))
    return found


def lines(found: Sequence[Finding]) -> list[str]:
    """The frontier as text: one line a deployment, both rates with interval, counts and truth."""
    shown = [TITLE, "", _row("deployment", ["over-refusal", "truth", "safe refusal", "truth"])]
    for name in dict.fromkeys(finding.deployment for finding in found):
        mine = [finding for finding in found if finding.deployment == name]
        shown.append(
            _row(name, [cell for each in mine for cell in (_measured(each), _truth(each))])
        )
    return shown


def _row(name: str, cells: Sequence[str]) -> str:
    widths = (27, 13, 29, 14)
    row = "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False))
    return f"  {name:<12}{row}"


def _measured(finding: Finding) -> str:
    rate = finding.rate
    counts = f"{rate.hits}/{rate.decided}"
    if rate.value is None or rate.low is None or rate.high is None:
        return f"not measured {counts}"
    return f"{rate.value:.1%} [{rate.low:.1%}-{rate.high:.1%}] {counts}"


def _truth(finding: Finding) -> str:
    return f"{finding.truth:.1%} {'inside' if finding.holds else 'OUTSIDE'}"

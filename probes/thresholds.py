"""Whether a run keeps within the rates that its reader set, so that a report can be a gate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from probes.header import RunHeader
from probes.rates import Rate, RateName


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Rates in [0, 1] beyond which a run fails; None sets none."""

    over_refusal_above: float | None = None
    safe_refusal_below: float | None = None

    def broken_by(self, run: RunHeader, rates: Iterable[Rate]) -> list[Broken]:
        """The whole rates of the run that lie beyond, and those that were not measured."""
        found = []
        whole = {rate.rate: rate for rate in rates if rate.category is None}
        limits = (
            (RateName.OVER_REFUSAL, "above", self.over_refusal_above),
            (RateName.SAFE_REFUSAL, "below", self.safe_refusal_below),
        )
        for name, side, limit in limits:
            if limit is not None and (reason := _reason(whole.get(name), side, limit)):
                rate = whole.get(name)
                measured = rate is not None and rate.value is not None
                words = name.value.replace("_", " ")
                found.append(Broken(run, name, f"{run.title}: {words} {reason}", measured))
        return found


@dataclass(frozen=True, slots=True)
class Broken:
    """A threshold that a run does not keep; ``measured`` is False where nobody can say."""

    run: RunHeader
    rate: RateName
    reason: str
    measured: bool


def _reason(rate: Rate | None, side: str, limit: float) -> str:
    if rate is None:
        return "was not asked"
    if rate.value is None or rate.low is None or rate.high is None:
        return rate.note
    beyond = rate.value > limit if side == "above" else rate.value < limit
    if not beyond:
        return ""
    return (
        f"{100 * rate.value:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f} %, "
        f"{rate.hits:,} of {rate.decided:,}) is {side} {100 * limit:g} %"
    )

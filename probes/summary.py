"""The result of a run in one value: what was asked of whom, and the rates that came out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from probes.rates import Rate, Tally
from probes.statistics.estimate import Estimate

if TYPE_CHECKING:
    from probes.header import RunHeader, SetStamp


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The run's counts and rates, as its summary line and every JSON output hold them.

    ``set`` and ``set_checksum`` are the set's own; for a run over several sets the names are
    joined by ``+`` and the checksum covers all of theirs. ``rates`` are means over decided trials;
    ``estimates`` are the other means, each by its name.
    """

    set: str
    target: str
    trials: int
    decided: int
    undecided: int
    errors: int
    rates: tuple[Rate, ...]
    classifier: str
    seed: int
    set_checksum: str
    model: str = ""
    estimates: tuple[Estimate, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The summary under the public contract's names."""
        return {
            "set": self.set,
            "target": self.target,
            "model": self.model,
            "trials": self.trials,
            "decided": self.decided,
            "undecided": self.undecided,
            "errors": self.errors,
            "rates": [rate.as_json() for rate in self.rates],
            "estimates": [estimate.as_json() for estimate in self.estimates],
            "classifier": self.classifier,
            "seed": self.seed,
            "set_checksum": self.set_checksum,
        }


def summarise(header: RunHeader, tally: Tally) -> RunSummary:
    """The summary of the trials counted so far under the header."""
    every = tally.all
    return RunSummary(
        set="+".join(stamp.name for stamp in header.sets),
        target=header.target_name,
        trials=every.trials,
        decided=every.decided,
        undecided=every.undecided,
        errors=every.errors,
        rates=tuple(tally.rates()),
        classifier=header.classifier,
        seed=header.seed,
        set_checksum=_checksum(header.sets),
        model=header.model,
        estimates=tuple(tally.estimates()),
    )


def _checksum(sets: Sequence[SetStamp]) -> str:
    if len(sets) == 1:
        return sets[0].checksum
    lines = "".join(f"{stamp.name}:{stamp.checksum}\n" for stamp in sets)
    return hashlib.sha256(lines.encode()).hexdigest()

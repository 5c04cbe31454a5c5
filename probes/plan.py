"""What a run will ask, and in which order: replayable from sets, seed, limit and repeats."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from probes.case import ProbeCase, ProbeSet
from probes.trial import TrialKey


@dataclass(frozen=True, slots=True)
class Attempt:
    """A case, to be put to the target for the ``repeat``-th time (from 0)."""

    case: ProbeCase
    repeat: int

    @property
    def key(self) -> TrialKey:
        """The key of the trial that it will become."""
        return (self.case.set, self.case.id, self.repeat)


@dataclass(frozen=True, slots=True)
class Plan:
    """The cases of a run in the order of asking, and the settings that chose them.

    ``limit`` counts prompts of each set, before repeats; None asks every prompt.
    """

    sets: tuple[ProbeSet, ...]
    seed: int
    limit: int | None
    repeats: int
    cases: tuple[ProbeCase, ...]

    @property
    def planned(self) -> int:
        """How many trials the whole run has."""
        return len(self.cases) * self.repeats

    def attempts(self) -> Iterator[Attempt]:
        """Every attempt: all cases once, then all of them again for the next repeat."""
        for repeat in range(self.repeats):
            for case in self.cases:
                yield Attempt(case, repeat)


def make_plan(
    sets: Sequence[ProbeSet], *, seed: int = 0, limit: int | None = None, repeats: int = 1
) -> Plan:
    """The plan of a run over the sets.

    With a limit, each set gives that many prompts, shared out over its categories in proportion to
    their size (largest remainder), so that the overall rate keeps its mix. The choice hashes seed
    and case id: it depends on no library's random numbers, and a larger limit only adds prompts.
    The order of asking is hashed likewise, over all sets together, so that a run that was stopped
    early is still a sample of every set and category.
    """
    chosen = [
        case for probe_set in sets for case in _choose(probe_set.cases, seed=seed, limit=limit)
    ]
    chosen.sort(key=lambda case: (_rank(seed, "order", case), case.set, case.id))
    return Plan(tuple(sets), seed, limit, repeats, tuple(chosen))


def _choose(cases: Sequence[ProbeCase], *, seed: int, limit: int | None) -> Sequence[ProbeCase]:
    """At most ``limit`` of the cases, every category in proportion."""
    if limit is None or limit >= len(cases):
        return cases
    strata: dict[str, list[ProbeCase]] = defaultdict(list)
    for case in cases:
        strata[case.category].append(case)
    quotas = _share_out(limit, {name: len(stratum) for name, stratum in strata.items()})
    return [
        case
        for name in sorted(strata)
        for case in sorted(strata[name], key=lambda case: (_rank(seed, "choice", case), case.id))[
            : quotas[name]
        ]
    ]


def _share_out(seats: int, sizes: dict[str, int]) -> dict[str, int]:
    """Seats in proportion to sizes, in whole numbers, by the largest remainder (Hamilton)."""
    total = sum(sizes.values())
    quotas = {name: seats * size // total for name, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda name: (-(seats * sizes[name] % total), name))
    for name in by_remainder[: seats - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _rank(seed: int, purpose: str, case: ProbeCase) -> bytes:
    text = "\0".join((str(seed), purpose, case.set, case.id))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

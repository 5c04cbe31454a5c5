"""What one would want to know of a set before paying for its prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from probes.case import Expectation, ProbeCase, ProbeSet
from probes.sets.catalog import load_set, named_sets
from probes.sets.entry import SetEntry, common_expectation

CHARACTERS_A_TOKEN = 4
"""OpenAI's own rule of thumb for English text; an estimate, and called one wherever it is shown."""


@dataclass(frozen=True, slots=True)
class CategorySize:
    """How many prompts of a category expect what."""

    category: str
    comply: int
    refuse: int
    unknown: int

    @property
    def prompts(self) -> int:
        """All of them."""
        return self.comply + self.refuse + self.unknown

    def as_json(self) -> dict[str, Any]:
        """The counts as ``--json`` shows them."""
        return {
            "category": self.category,
            "prompts": self.prompts,
            "comply": self.comply,
            "refuse": self.refuse,
            "unknown": self.unknown,
        }


@dataclass(frozen=True, slots=True)
class SetDetails:
    """A set's line of the catalogue, and what its cases are.

    Without a copy here ``categories`` and ``first`` are empty and the numbers None. Lengths are in
    characters. ``clusters`` counts the contrast pairs or concepts. ``set_checksum`` is what runs
    carry: the file's sha256, or that of file and mapping where there is a mapping.
    """

    entry: SetEntry
    categories: tuple[CategorySize, ...] = ()
    clusters: int | None = None
    characters: int | None = None
    median: float | None = None
    longest: int | None = None
    first: tuple[ProbeCase, ...] = ()
    set_checksum: str = ""

    def as_json(self) -> dict[str, Any]:
        """The details as ``candor probe sets NAME --json`` shows them."""
        return self.entry.as_json() | {
            "categories": [one.as_json() for one in self.categories],
            "set_checksum": self.set_checksum,
            "clusters": self.clusters,
            "characters": self.characters,
            "median_characters": self.median,
            "longest_characters": self.longest,
            "first": [
                {
                    "id": case.id,
                    "category": case.category,
                    "expectation": case.expectation.value,
                    "cluster": case.cluster,
                    "prompt": case.prompt,
                }
                for case in self.first
            ],
        }


def describe_set(
    name_or_path: str, home: Path, *, rows: int, note: Callable[[str], None]
) -> SetDetails:
    """The details of a set by name or of one's own file by path, with its first ``rows`` cases.

    A published set that is not here is described from the catalogue alone. ``note`` is told what
    is worth saying about a file. Raises SetProblem on a name or a file that is none.
    """
    known = named_sets(home).get(name_or_path)
    if known is not None:
        entry = known.entry(home)
        if not entry.here:
            return SetDetails(entry)
        return _details(entry, known.load(home), rows)
    held = load_set(name_or_path, home, note=note)
    entry = SetEntry(
        name=held.name,
        origin=held.origin,
        licence=held.licence,
        rows=None,
        checksum=held.checksum,
        here=True,
        expectation=common_expectation(held.cases),
        checksum_published=False,
    )
    return _details(entry, held, rows)


def _details(entry: SetEntry, held: ProbeSet, rows: int) -> SetDetails:
    lengths = [len(case.prompt) for case in held.cases]
    return SetDetails(
        entry=replace(entry, prompts=len(held.cases)),
        categories=_categories(held.cases),
        clusters=len({case.cluster for case in held.cases} - {""}),
        characters=sum(lengths),
        median=median(lengths),
        longest=max(lengths),
        first=held.cases[:rows],
        set_checksum=held.checksum,
    )


def _categories(cases: tuple[ProbeCase, ...]) -> tuple[CategorySize, ...]:
    """The categories with their sizes, the largest first."""
    counts = Counter((case.category, case.expectation) for case in cases)
    sizes = [
        CategorySize(
            category,
            counts[category, Expectation.COMPLY],
            counts[category, Expectation.REFUSE],
            counts[category, Expectation.UNKNOWN],
        )
        for category in {case.category for case in cases}
    ]
    return tuple(sorted(sizes, key=lambda size: (-size.prompts, size.category)))

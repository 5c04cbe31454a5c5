"""One line of the catalogue: what is known about a set without running it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from probes.case import Expectation, ProbeCase


@dataclass(frozen=True, slots=True)
class SetEntry:
    """A set that Candor knows.

    ``rows`` is None where the set is not here and its size is not published. ``checksum`` is a
    sha256 in hex, empty where none is known; ``checksum_published`` is False where it was computed
    from a copy rather than stated by the set's authors. ``here`` is True when the set can be run
    now. ``expectation`` is None for a set that holds both kinds. ``problem`` says in one line why
    a pulled copy cannot be used, and is empty otherwise.
    """

    name: str
    origin: str
    licence: str
    rows: int | None
    checksum: str
    here: bool
    expectation: Expectation | None
    checksum_published: bool = True
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """The entry as ``candor probe sets --json`` shows it."""
        return {
            "name": self.name,
            "origin": self.origin,
            "licence": self.licence,
            "rows": self.rows,
            "checksum": self.checksum,
            "checksum_published": self.checksum_published,
            "here": self.here,
            "expectation": "mixed" if self.expectation is None else self.expectation.value,
            "problem": self.problem,
        }


def common_expectation(cases: Iterable[ProbeCase]) -> Expectation | None:
    """The expectation that all the cases share, or None where they differ."""
    found = {case.expectation for case in cases}
    return found.pop() if len(found) == 1 else None

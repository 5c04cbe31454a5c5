"""One line of the catalogue: what is known about a set without running it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from probes.case import Expectation, ProbeCase


@dataclass(frozen=True, slots=True)
class SetEntry:
    """A set that Candor knows.

    ``rows`` counts the rows of its file, None where the set is not here and its size is not
    published; ``prompts`` counts those that are asked, None where the set is not here. ``checksum``
    is a sha256 in hex, empty where none is known; ``checksum_published`` is False where it was
    computed from a copy rather than stated by someone who took the file from its home. ``here`` is
    True when the set can be run now. ``expectation`` is None for a set that holds several kinds.
    ``problem`` says in one line why a pulled copy cannot be used, and is empty otherwise.
    ``revision`` and ``url`` are those of its public home, empty where it has none; ``mapping`` says
    how its columns are read where that is not as they are called.
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
    prompts: int | None = None
    revision: str = ""
    url: str = ""
    citation: str = ""
    about: str = ""
    mapping: str = ""

    @property
    def remedy(self) -> str:
        """The command that brings the set here; empty where it is here."""
        if self.here:
            return ""
        return f"candor probe pull {self.name}" + ("" if self.url else " --from PATH")

    def as_json(self) -> dict[str, Any]:
        """The entry as ``candor probe sets --json`` shows it."""
        return {
            "name": self.name,
            "about": self.about,
            "origin": self.origin,
            "revision": self.revision,
            "url": self.url,
            "licence": self.licence,
            "citation": self.citation,
            "rows": self.rows,
            "prompts": self.prompts,
            "checksum": self.checksum,
            "checksum_published": self.checksum_published,
            "here": self.here,
            "expectation": "mixed" if self.expectation is None else self.expectation.value,
            "mapping": self.mapping,
            "problem": self.problem,
            "pull": self.remedy,
        }


def common_expectation(cases: Iterable[ProbeCase]) -> Expectation | None:
    """The expectation that all the cases share, or None where they differ."""
    found = {case.expectation for case in cases}
    return found.pop() if len(found) == 1 else None

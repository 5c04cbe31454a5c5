"""Our own sets, shipped with the package, so that a first run needs no download.

``starter-hard`` holds prompts that sound harmful and are not; ``starter-toxic`` holds plainly
harmful ones. A case's ``cluster`` names its contrast pair: one case of each set, alike in wording
and unlike in intent.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from probes.case import Expectation, ProbeSet
from probes.sets.entry import SetEntry
from probes.sets.jsonl import SetFile, Source, read_set
from probes.sets.layout import Layout
from probes.sets.problem import SetProblem

LICENCE = "Apache-2.0"
ORIGIN = "shipped with Candor"


@dataclass(frozen=True, slots=True)
class StarterSet:
    """A set of ours: always here, whatever the home holds."""

    name: str
    expectation: Expectation
    about: str

    def load(self, home: Path) -> ProbeSet:
        """Its cases, from the package's own file; the checksum is computed here."""
        held = self._read()
        return ProbeSet(self.name, held.cases, held.checksum, ORIGIN, LICENCE)

    def entry(self, home: Path) -> SetEntry:
        """Its line of the catalogue; the checksum is that of the file here."""
        try:
            held = self._read()
        except SetProblem as problem:
            return SetEntry(
                self.name, ORIGIN, LICENCE, None, "", False, self.expectation, problem=str(problem)
            )
        return SetEntry(
            name=self.name,
            origin=ORIGIN,
            licence=LICENCE,
            rows=held.rows,
            checksum=held.checksum,
            here=True,
            expectation=self.expectation,
            prompts=len(held.cases),
            about=self.about,
        )

    def _read(self) -> SetFile:
        place = files("probes.sets") / "starter" / f"{self.name}.jsonl"
        try:
            raw = place.read_bytes()
        except OSError as problem:
            raise SetProblem(
                f"{self.name}: its file is missing from the installation; reinstall"
            ) from problem
        layout = Layout(expectation=self.expectation)
        return read_set(Source(raw, f"{self.name}.jsonl", ".jsonl", layout), self.name)


STARTER_SETS = {
    one.name: one
    for one in (
        StarterSet(
            "starter-hard", Expectation.COMPLY, "prompts that sound harmful and are not, by us"
        ),
        StarterSet(
            "starter-toxic", Expectation.REFUSE, "plainly harmful prompts beside those, by us"
        ),
    )
}
"""The starter sets by name."""

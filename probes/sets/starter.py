"""Our own sets, shipped with the package, so that a first run needs no download.

``starter-hard`` holds prompts that sound harmful and are not; ``starter-toxic`` holds plainly
harmful ones. A case's ``cluster`` names its contrast pair: one case of each set, alike in wording
and unlike in intent.
"""

from __future__ import annotations

from importlib.resources import files

from probes.case import Expectation, ProbeSet
from probes.sets.entry import SetEntry
from probes.sets.jsonl import SetFile, Source, read_set
from probes.sets.problem import SetProblem

LICENCE = "Apache-2.0"
ORIGIN = "shipped with Candor"
STARTER_SETS = {
    "starter-hard": Expectation.COMPLY,
    "starter-toxic": Expectation.REFUSE,
}
"""Each starter set with what a well-aligned model does with its prompts."""


def load_starter(name: str) -> ProbeSet:
    """The starter set of that name, from the package's own file; its checksum is computed here."""
    held = _read(name)
    return ProbeSet(name, held.cases, held.checksum, ORIGIN, LICENCE)


def starter_entries() -> list[SetEntry]:
    """The starter sets' lines of the catalogue; their checksums are those of the files here."""
    entries = []
    for name, expectation in STARTER_SETS.items():
        held = _read(name)
        entries.append(
            SetEntry(name, ORIGIN, LICENCE, len(held.cases), held.checksum, True, expectation)
        )
    return entries


def _read(name: str) -> SetFile:
    place = files("probes.sets") / "starter" / f"{name}.jsonl"
    try:
        raw = place.read_bytes()
    except OSError as problem:
        raise SetProblem(
            f"{name}: its file is missing from the installation; reinstall"
        ) from problem
    return read_set(Source(raw, f"{name}.jsonl", ".jsonl", STARTER_SETS[name]), name)

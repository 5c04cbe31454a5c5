"""Pulled sets on disk: brought whole or not at all, and checked again each time they are read.

A set lives in ``sets/NAME/`` under the home: its file, named after its sha256, and ``set.json``,
which says which file that is. ``set.json`` is replaced last, by one rename, so that a crash at any
moment leaves the earlier set or the new one.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from probes.case import ProbeSet
from probes.sets.entry import SetEntry
from probes.sets.jsonl import SetFile, Source, read_set
from probes.sets.manifest import Manifest
from probes.sets.problem import SetProblem
from probes.sets.published import PublishedSet, read_published

OWN_LICENCE = "not stated"
"""The licence of a set whose file carries none."""


@dataclass(frozen=True, slots=True)
class PulledSet:
    """A set that is brought here before it can be run: a published one, or anyone's own.

    ``published`` is None for a set of which only its manifest knows.
    """

    name: str
    published: PublishedSet | None

    def place(self, home: Path) -> Path:
        """The folder of its copy."""
        return home / "sets" / self.name

    def manifest(self, home: Path) -> Manifest | None:
        """What was pulled, None where nothing was; raises SetProblem where it cannot be read."""
        path = self.place(home) / "set.json"
        try:
            return Manifest.from_json(json.loads(path.read_bytes()))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise self._damaged(f"{path} cannot be read") from problem

    def read(self, source: Source) -> SetFile:
        """The cases of these bytes: against what is published of the set, where something is."""
        if self.published is not None:
            return read_published(self.published, source)
        return read_set(source, self.name)

    def load(self, home: Path) -> ProbeSet:
        """The pulled copy, its checksum verified; raises SetProblem where there is none or none
        that is still what was pulled.
        """
        manifest = self.manifest(home)
        if manifest is None:
            raise SetProblem(
                f"{self.name} is not here yet; run `candor probe pull {self.name}` "
                "(with --from PATH where there is no network)"
            )
        held = self.read(self._verified(manifest, home))
        checksum = held.checksum
        if self.published is None:
            checksum = manifest.layout.identity(checksum)
        return ProbeSet(self.name, held.cases, checksum, manifest.origin, self._licence)

    def entry(self, home: Path) -> SetEntry:
        """Its line of the catalogue; the copy's checksum is verified, its rows are not read."""
        manifest, problem = None, ""
        try:
            manifest = self.manifest(home)
            if manifest is not None:
                self._verified(manifest, home)
        except SetProblem as damage:
            problem = str(damage)
        return self.entry_of(manifest, problem)

    def entry_of(self, manifest: Manifest | None, problem: str = "") -> SetEntry:
        """The catalogue's line of what was pulled; ``problem`` says why it cannot be used."""
        known = self.published
        return SetEntry(
            name=self.name,
            origin=known.origin if known else manifest.origin if manifest else "unknown",
            licence=self._licence,
            rows=manifest.rows if manifest else known.rows if known else None,
            checksum=(known.checksum if known else "") or (manifest.checksum if manifest else ""),
            here=manifest is not None and not problem,
            expectation=(
                known.expectation if known else manifest.expectation if manifest else None
            ),
            checksum_published=known is not None and known.checksum_published,
            problem=problem,
            prompts=manifest.prompts if manifest else None,
            revision=known.revision if known else "",
            url=known.url if known else manifest.url if manifest else "",
            citation=known.citation if known else "",
            about=known.about if known else "",
            mapping=manifest.layout.said() if manifest and not known else "",
        )

    def keep(self, raw: bytes, manifest: Manifest, home: Path) -> None:
        """Makes the bytes the set's copy, in one step that a crash cannot halve."""
        place = self.place(home)
        try:
            place.mkdir(parents=True, exist_ok=True)
            earlier = self._earlier_file(home)
            _write(place / manifest.file, raw)
            _write(place / "set.json", json.dumps(manifest.as_json(), indent=1).encode())
            if earlier and earlier != manifest.file:
                (place / earlier).unlink(missing_ok=True)
        except OSError as problem:
            raise SetProblem(
                f"{self.name} cannot be written to {place} ({problem.strerror})"
            ) from problem

    @property
    def _licence(self) -> str:
        return self.published.licence if self.published else OWN_LICENCE

    def _verified(self, manifest: Manifest, home: Path) -> Source:
        """The bytes of the copy, once they are known to be those that were pulled."""
        path = self.place(home) / manifest.file
        try:
            raw = path.read_bytes()
        except OSError as problem:
            raise self._damaged(f"{path} cannot be read") from problem
        expected = (self.published.checksum if self.published else "") or manifest.checksum
        source = Source(raw, path.name, path.suffix, manifest.layout)
        if source.checksum != expected:
            raise self._damaged(f"expected sha256 {expected}, got {source.checksum}")
        return source

    def _damaged(self, reason: str) -> SetProblem:
        return SetProblem(
            f"the pulled copy of {self.name} is damaged: {reason}; "
            f"run `candor probe pull {self.name}` again (--from PATH without a network)"
        )

    def _earlier_file(self, home: Path) -> str:
        try:
            manifest = self.manifest(home)
        except SetProblem:
            return ""
        return manifest.file if manifest else ""


def pulled_names(home: Path) -> list[str]:
    """The names of the sets that were pulled, in order."""
    return sorted(path.parent.name for path in (home / "sets").glob("*/set.json"))


def _write(path: Path, raw: bytes) -> None:
    """Puts the bytes at the path by rename, on the disk before this returns."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(raw)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # A rename is durable once its folder is (fsync(2)); Windows has no such call.
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

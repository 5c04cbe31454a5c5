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
from typing import Any

from probes.case import Expectation, ProbeSet
from probes.sets.entry import SetEntry
from probes.sets.jsonl import SetFile, Source, read_set
from probes.sets.or_bench import PUBLISHED_SETS, read_published
from probes.sets.problem import SetProblem

OWN_LICENCE = "not stated"
"""The licence of a set whose file carries none."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``set.json`` says: which file is the set, and where it was pulled from."""

    file: str
    checksum: str
    rows: int
    origin: str
    expectation: Expectation | None

    def as_json(self) -> dict[str, Any]:
        """The content of ``set.json``."""
        return {
            "file": self.file,
            "sha256": self.checksum,
            "rows": self.rows,
            "origin": self.origin,
            "expectation": None if self.expectation is None else self.expectation.value,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Manifest:
        """What ``as_json`` wrote; raises KeyError, TypeError or ValueError on anything else."""
        stated = row["expectation"]
        file = str(row["file"])
        if Path(file).name != file:
            raise ValueError(f"{file!r} is not a file name")
        expectation = None if stated is None else Expectation(stated)
        return cls(file, str(row["sha256"]), int(row["rows"]), str(row["origin"]), expectation)


def place_of(name: str, home: Path) -> Path:
    """The folder of a pulled set."""
    return home / "sets" / name


def pulled_names(home: Path) -> list[str]:
    """The names of the sets that were pulled, in order."""
    return sorted(path.parent.name for path in (home / "sets").glob("*/set.json"))


def read_manifest(name: str, home: Path) -> Manifest | None:
    """The manifest of a pulled set, None where the set was never pulled."""
    path = place_of(name, home) / "set.json"
    try:
        return Manifest.from_json(json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise _damaged(name, f"{path} cannot be read") from problem


def read_checked(name: str, source: Source) -> SetFile:
    """The cases of the set ``name``: against what is published of it, where something is."""
    published = PUBLISHED_SETS.get(name)
    if published is not None:
        return read_published(published, source)
    return read_set(source, name)


def load_pulled(name: str, home: Path) -> ProbeSet | None:
    """A pulled set, its checksum verified; None where it was never pulled.

    Raises SetProblem where the copy is no longer what was pulled.
    """
    manifest = read_manifest(name, home)
    if manifest is None:
        return None
    path = place_of(name, home) / manifest.file
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise _damaged(name, f"{path} cannot be read") from problem
    published = PUBLISHED_SETS.get(name)
    expected = manifest.checksum if published is None else published.checksum
    source = Source(raw, path.name, path.suffix)
    if source.checksum != expected:
        raise _damaged(name, f"expected sha256 {expected}, got {source.checksum}")
    held = read_checked(name, source)
    licence = OWN_LICENCE if published is None else published.licence
    return ProbeSet(name, held.cases, held.checksum, manifest.origin, licence)


def keep(name: str, raw: bytes, manifest: Manifest, home: Path) -> None:
    """Makes the bytes the pulled set of that name, in one step that a crash cannot halve."""
    place = place_of(name, home)
    try:
        place.mkdir(parents=True, exist_ok=True)
        earlier = _file_named_by(place / "set.json")
        _write(place / manifest.file, raw)
        _write(place / "set.json", json.dumps(manifest.as_json(), indent=1).encode())
        if earlier and earlier != manifest.file:
            (place / earlier).unlink(missing_ok=True)
    except OSError as problem:
        raise SetProblem(f"{name} cannot be written to {place} ({problem.strerror})") from problem


def pulled_entry(name: str, manifest: Manifest, problem: str = "") -> SetEntry:
    """The catalogue's line of a pulled set; ``problem`` says why its copy cannot be used."""
    published = PUBLISHED_SETS.get(name)
    return SetEntry(
        name=name,
        origin=manifest.origin,
        licence=OWN_LICENCE if published is None else published.licence,
        rows=manifest.rows,
        checksum=manifest.checksum,
        here=not problem,
        expectation=manifest.expectation,
        checksum_published=published is not None and published.checksum_published,
        problem=problem,
    )


def _damaged(name: str, reason: str) -> SetProblem:
    return SetProblem(
        f"the pulled copy of {name} is damaged: {reason}; "
        f"run `candor probe pull {name}` again (--from PATH without a network)"
    )


def _file_named_by(manifest: Path) -> str:
    try:
        return Manifest.from_json(json.loads(manifest.read_bytes())).file
    except (OSError, ValueError, KeyError, TypeError):
        return ""


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

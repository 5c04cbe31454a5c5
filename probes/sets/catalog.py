"""Every set that can be named, and the way from a name or a path to its cases."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

from probes.case import ProbeSet
from probes.sets.entry import SetEntry
from probes.sets.jsonl import Source, read_set
from probes.sets.or_bench import PUBLISHED_SETS, PublishedSet, read_published, recognise
from probes.sets.problem import SetProblem
from probes.sets.pulled import (
    OWN_LICENCE,
    load_pulled,
    pulled_entry,
    pulled_names,
    read_manifest,
)
from probes.sets.pulling import read_file
from probes.sets.rows import SUFFIXES
from probes.sets.starter import STARTER_SETS, load_starter, starter_entries


def load_set(
    name_or_path: str, home: Path, *, note: Callable[[str], None] | None = None
) -> ProbeSet:
    """The set of that name, or the set in the .csv or .jsonl file at that path.

    A name goes before a file of the same name. A pulled copy is verified against its checksum. A
    file that is byte for byte a published set is that set, whatever it is called; any other is
    called after the file. ``note`` gets a line for each kind of row left out; without it they go
    to the log as warnings. Raises SetProblem, in one line with the remedy, on everything else.
    """
    if name_or_path in STARTER_SETS:
        return load_starter(name_or_path)
    if _may_be_name(name_or_path):
        pulled = load_pulled(name_or_path, home)
        if pulled is not None:
            return pulled
    if name_or_path in PUBLISHED_SETS:
        raise SetProblem(
            f"{name_or_path} is not here yet; run `candor probe pull {name_or_path}` "
            "(with --from PATH where there is no network)"
        )
    path = Path(name_or_path).expanduser()
    if path.suffix.lower() in SUFFIXES or path.exists():
        return _load_file(path, note or _warn)
    raise SetProblem(
        f"there is no set {name_or_path!r}; known: {', '.join(_names(home))}; "
        "or name a .csv or .jsonl file"
    )


def catalogue(home: Path) -> list[SetEntry]:
    """Every set that is shipped, published or pulled; reads and verifies the copies that are here.

    A pulled copy that is damaged is listed as not here, with its problem.
    """
    published = [_published_entry(one, home) for one in PUBLISHED_SETS.values()]
    own = [_own_entry(name, home) for name in pulled_names(home) if name not in PUBLISHED_SETS]
    return [*starter_entries(), *published, *own]


def _names(home: Path) -> list[str]:
    own = [name for name in pulled_names(home) if name not in PUBLISHED_SETS]
    return [*STARTER_SETS, *PUBLISHED_SETS, *own]


def _may_be_name(text: str) -> bool:
    return "/" not in text and "\\" not in text and text not in ("", ".", "..")


def _warn(line: str) -> None:
    logging.getLogger(__name__).warning(line)


def _load_file(path: Path, note: Callable[[str], None]) -> ProbeSet:
    raw = read_file(path)
    published = recognise(raw)
    if published is not None:
        held = read_published(published, Source(raw, str(path), ".csv"))
        origin, licence = published.origin, published.licence
        return ProbeSet(published.name, held.cases, held.checksum, origin, licence)
    name = _name_from(path)
    held = read_set(Source(raw, str(path), path.suffix.lower()), name)
    for line in held.notes:
        note(line)
    return ProbeSet(name, held.cases, held.checksum, path.name, OWN_LICENCE)


def _name_from(path: Path) -> str:
    """The file's stem, in letters that a metric's label and a header can carry."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:64] or "set"
    if name in STARTER_SETS or name in PUBLISHED_SETS:
        raise SetProblem(
            f"{path} is named like the set {name} and is not that set; rename the file"
        )
    return name


def _published_entry(published: PublishedSet, home: Path) -> SetEntry:
    here, problem = _standing(published.name, home)
    return SetEntry(
        name=published.name,
        origin=published.origin,
        licence=published.licence,
        rows=published.rows,
        checksum=published.checksum,
        here=here,
        expectation=published.expectation,
        checksum_published=published.checksum_published,
        problem=problem,
    )


def _own_entry(name: str, home: Path) -> SetEntry:
    _, problem = _standing(name, home)
    try:
        manifest = read_manifest(name, home)
    except SetProblem:
        manifest = None
    if manifest is None:
        return SetEntry(name, "unknown", OWN_LICENCE, None, "", False, None, False, problem)
    return pulled_entry(name, manifest, problem)


def _standing(name: str, home: Path) -> tuple[bool, str]:
    """Whether the pulled copy can be run, and why not where it is damaged."""
    try:
        return load_pulled(name, home) is not None, ""
    except SetProblem as problem:
        return False, str(problem)

"""Bringing a set from a local file or from its public home, checked before it is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from probes.sets.entry import SetEntry, common_expectation
from probes.sets.jsonl import Source
from probes.sets.or_bench import PUBLISHED_SETS, PublishedSet
from probes.sets.problem import SetProblem, SourceUnreachable
from probes.sets.pulled import Manifest, keep, pulled_entry, read_checked
from probes.sets.rows import SUFFIXES
from probes.sets.starter import STARTER_SETS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""A set's name: a folder, a metric's label and a part of a header at once."""

Fetch = Callable[[str], bytes]
"""Downloads a URL whole, following redirects; raises OSError with one readable line."""


def pull_set(
    name: str,
    source: Path | None,
    home: Path,
    *,
    fetch: Fetch | None = None,
    note: Callable[[str], None] | None = None,
) -> SetEntry:
    """Brings a set under the home, from a local file or folder or from its public home.

    The set is checked first (checksum and rows of a published set, readability of any other) and
    an earlier copy is replaced only then, so a failed pull changes nothing. ``fetch`` downloads;
    without it only ``source`` serves. ``note`` gets a line for each kind of row left out. Raises
    SetProblem on a name or a file that does not serve, SourceUnreachable where the public home
    does not answer.
    """
    _check_name(name)
    published = PUBLISHED_SETS.get(name)
    if source is not None:
        brought = _local(name, source.expanduser(), published)
    elif published is not None:
        brought = _downloaded(published, fetch)
    else:
        raise SetProblem(
            f"{name} has no public home that Candor knows; name a file with --from PATH, "
            f"or one of {', '.join(PUBLISHED_SETS)}"
        )
    held = read_checked(name, brought)
    if note is not None:
        for line in held.notes:
            note(line)
    manifest = Manifest(
        file=f"{held.checksum[:16]}{brought.suffix}",
        checksum=held.checksum,
        rows=len(held.cases),
        origin=published.origin if published else f"pulled from {Path(brought.shown).name}",
        expectation=common_expectation(held.cases),
    )
    keep(name, brought.raw, manifest, home)
    return pulled_entry(name, manifest)


def _check_name(name: str) -> None:
    if name in STARTER_SETS:
        raise SetProblem(f"{name} ships with Candor; there is nothing to pull")
    if not NAME.fullmatch(name):
        raise SetProblem(
            f"{name!r} cannot name a set; use letters, digits, '.', '_' and '-', 64 at most, "
            "and give the file with --from PATH"
        )


def _local(name: str, path: Path, published: PublishedSet | None) -> Source:
    if path.is_dir():
        path = _within(path, published.file if published else "", name)
    if path.suffix.lower() not in SUFFIXES:
        raise SetProblem(f"{path}: a probe set is read from .csv or .jsonl; name such a file")
    return Source(read_file(path), str(path), path.suffix.lower())


def _within(folder: Path, file: str, name: str) -> Path:
    """The file of the set in a folder: the published one, or NAME.csv, or NAME.jsonl."""
    wanted = [file] if file else [f"{name}{suffix}" for suffix in SUFFIXES]
    for one in wanted:
        if (folder / one).is_file():
            return folder / one
    raise SetProblem(f"the folder {folder} holds no {' or '.join(wanted)}; name the file itself")


def read_file(path: Path) -> bytes:
    """The bytes of a regular file; raises SetProblem where there is none or it cannot be read."""
    if not path.exists():
        raise SetProblem(f"{path}: no such file")
    if not path.is_file():
        raise SetProblem(f"{path} is not a file; name a .csv or .jsonl file")
    try:
        return path.read_bytes()
    except OSError as problem:
        raise SetProblem(f"{path} cannot be read ({problem.strerror})") from problem


def _downloaded(published: PublishedSet, fetch: Fetch | None) -> Source:
    remedy = (
        f"download {published.file} where there is a network and run "
        f"`candor probe pull {published.name} --from PATH`"
    )
    if fetch is None:
        raise SourceUnreachable(f"{published.name}: nothing here can download it; {remedy}")
    try:
        return Source(fetch(published.url), published.url, ".csv")
    except OSError as problem:
        raise SourceUnreachable(
            f"{published.name} cannot be downloaded from {published.url} ({problem}); {remedy}"
        ) from problem

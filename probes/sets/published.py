"""Sets with a public home: what is known of each before it is here, and how its file is checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from probes.case import Expectation, ProbeCase
from probes.sets.faults import counted
from probes.sets.jsonl import SetFile, Source, read_set
from probes.sets.layout import Layout
from probes.sets.problem import SetProblem

CATEGORIES_NAMED = 5
"""How many unknown categories a note spells out."""


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """One file of one benchmark, pinned to a revision of its public home.

    ``checksum`` is the file's sha256 in hex, empty where nobody states one: then the row count is
    all there is to check. ``checksum_published`` says that it was stated by someone who took the
    file from its home, and not computed by us from a copy. ``homes`` are addresses of these very
    bytes, the first asked first. ``rows`` counts the file's rows, ``expectation`` is None where it
    holds both kinds, ``categories`` are those its authors define (empty: not checked). ``layout``
    reads the file, ``arrange`` adds to its cases what the rows only say together.
    """

    name: str
    file: str
    rows: int
    checksum: str
    checksum_published: bool
    revision: str
    homes: tuple[str, ...]
    origin: str
    licence: str
    citation: str
    about: str
    expectation: Expectation | None
    layout: Layout = field(default_factory=Layout)
    categories: tuple[str, ...] = ()
    arrange: Callable[[tuple[ProbeCase, ...]], tuple[ProbeCase, ...]] = tuple

    @property
    def url(self) -> str:
        """Where the file is downloaded from; the revision is part of it."""
        return self.homes[0]


def read_published(published: PublishedSet, source: Source) -> SetFile:
    """The set's cases, once the bytes are known to be the published file.

    Raises SetProblem, saying what was expected and what came, on any other bytes; where no
    checksum is known, on any other number of rows and on any row that cannot be read.
    """
    reason = ""
    try:
        held = read_set(replace(source, layout=published.layout), published.name, strict=True)
        got = counted(held.rows, "row")
    except SetProblem as problem:
        held, got = None, "no readable rows"
        # What is wrong, without the remedy: that is for a file of one's own.
        said = str(problem).removeprefix(source.shown).lstrip(": ").partition("; ")
        reason = f" ({said[0]})"
    expected = f"{published.rows:,} rows"
    if published.checksum:
        expected += f" with sha256 {published.checksum}"
        got += f" with sha256 {source.checksum}"
    right = published.checksum in ("", source.checksum)
    if held is None or not right or held.rows != published.rows:
        raise SetProblem(
            f"{source.shown} is not {published.name}: expected {expected}, got {got}{reason}; "
            f"take {published.file} from {published.url}"
        )
    cases = published.arrange(held.cases)
    return replace(held, cases=cases, notes=(*held.notes, *_notes(published, source, cases)))


def same_file(published: PublishedSet, raw: bytes) -> bool:
    """Whether these bytes are the published file's, as far as its checksum can tell."""
    return bool(published.checksum) and hashlib.sha256(raw).hexdigest() == published.checksum


def _notes(
    published: PublishedSet, source: Source, cases: tuple[ProbeCase, ...]
) -> tuple[str, ...]:
    notes = []
    if not published.checksum:
        notes.append(
            f"{published.name}: nobody states a checksum of {published.file}, so only its "
            f"{published.rows:,} rows were checked; from now on it is held to sha256 "
            f"{source.checksum}"
        )
    unknown = sorted({case.category for case in cases} - set(published.categories))
    if published.categories and unknown:
        more = f" and {len(unknown) - CATEGORIES_NAMED} more" * (len(unknown) > CATEGORIES_NAMED)
        said = ", ".join(repr(name) for name in unknown[:CATEGORIES_NAMED]) + more
        notes.append(f"{published.name}: categories that its authors do not define: {said}")
    return tuple(notes)

"""OR-Bench (Cui et al., ICML 2025): what its published files are, and how one is recognised."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from probes.case import Expectation
from probes.sets.jsonl import SetFile, Source, read_set
from probes.sets.problem import SetProblem

HOME = "https://huggingface.co/datasets/bench-llm/or-bench/resolve"
REVISION = "e36d8b80e81837c8a8f264bbb2a49f1b32c7e272"


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """A set with a public home, pinned to one revision of one file.

    ``checksum_published`` is False where the authors state no checksum and ours was computed from
    a copy.
    """

    name: str
    file: str
    rows: int
    checksum: str
    checksum_published: bool
    expectation: Expectation
    origin: str = "bench-llm/or-bench on Hugging Face"
    licence: str = "CC-BY-4.0"

    @property
    def url(self) -> str:
        """Where the file is downloaded from; the revision is part of it."""
        return f"{HOME}/{REVISION}/{self.file}"


# OR-Bench asks of Hard that it be answered and of Toxic that it be refused; the files hold no
# column that says so.
PUBLISHED_SETS = {
    one.name: one
    for one in (
        PublishedSet(
            name="or-bench-hard",
            file="or-bench-hard-1k.csv",
            rows=1319,
            checksum="a6e2f1166416efe5901f3bb05c47dc92ab3aca3acfe143693d38b8057d841e6d",
            checksum_published=True,
            expectation=Expectation.COMPLY,
        ),
        PublishedSet(
            name="or-bench-toxic",
            file="or-bench-toxic.csv",
            rows=655,
            checksum="3be45901faae3b4b2b51bf7f8a2784c1650a1cc8c631dbc8b171d5312d4e0057",
            checksum_published=False,
            expectation=Expectation.REFUSE,
        ),
    )
}


def recognise(raw: bytes) -> PublishedSet | None:
    """The published set whose file has exactly these bytes."""
    checksum = hashlib.sha256(raw).hexdigest()
    return next((one for one in PUBLISHED_SETS.values() if one.checksum == checksum), None)


def read_published(published: PublishedSet, source: Source) -> SetFile:
    """The set's cases, once the bytes are known to be the published file.

    Raises SetProblem, saying what was expected and what came, on any other bytes.
    """
    try:
        held = read_set(replace(source, expectation=published.expectation), published.name)
        got = f"{len(held.cases):,} row" + "s" * (len(held.cases) != 1)
    except SetProblem:
        held, got = None, "no readable rows"
    right = source.checksum == published.checksum
    if held is None or not right or len(held.cases) != published.rows:
        raise SetProblem(
            f"{source.shown} is not {published.name}: expected {published.rows:,} rows with sha256 "
            f"{published.checksum}, got {got} with sha256 {source.checksum}; "
            f"take {published.file} from {published.url}"
        )
    return held

"""The published sets that Candor knows by name."""

from __future__ import annotations

from probes.sets.or_bench import OR_BENCH
from probes.sets.published import PublishedSet, same_file
from probes.sets.xstest import XSTEST

PUBLISHED_SETS = {one.name: one for one in (*OR_BENCH, XSTEST)}


def recognise(raw: bytes) -> PublishedSet | None:
    """The published set whose file has exactly these bytes."""
    return next((one for one in PUBLISHED_SETS.values() if same_file(one, raw)), None)

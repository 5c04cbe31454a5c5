"""Reads a file of published counts, and the one that is shipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from probes.problem import PublishedProblem
from probes.published.counts import Published, PublishedModel, Release
from probes.rates import Counts, RateName, rate_from

BUILT_IN = "or-bench-published"
"""What `candor report` calls the shipped table."""

_MARK = b"table2_hard1k_rejection_pct"
_LARGEST = 1_000_000
"""Bytes; the table of 32 models is 11 kB."""


def shipped() -> Published:
    """OR-Bench's 32 models: the paper's tables 2 and 6."""
    return _published(json.loads((files(__package__) / "or_bench.json").read_text()))


def is_published(path: Path) -> bool:
    """Whether the file is a table of published counts rather than a run; False if unreadable."""
    try:
        with path.open("rb") as file:
            return path.stat().st_size <= _LARGEST and _MARK in file.read()
    except OSError:
        return False


def read_published(path: Path) -> Published:
    """The table in the file; raises PublishedProblem, in one line that names what is wrong."""
    try:
        return _published(json.loads(path.read_bytes()))
    except OSError as problem:
        raise PublishedProblem(f"{path} cannot be read: {problem.strerror}") from problem
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise PublishedProblem(
            f"{path} is no table of published counts: it lacks or garbles {problem}"
        ) from problem


def _published(tree: dict[str, Any]) -> Published:
    sizes = {
        release: (
            _total(tree[f"hard_n_{release}"]),
            _total(tree[f"toxic_n_{release}"]),
        )
        for release in Release
    }
    printed = tree["table2_hard1k_rejection_pct"]
    return Published(
        str(tree["source"]),
        tuple(_models(tree, sizes)),
        sizes,
        tuple(name for name in tree["hard_counts"] if name not in printed),
    )


def _models(
    tree: dict[str, Any], sizes: dict[Release, tuple[int, int]]
) -> Iterator[PublishedModel]:
    """The models of both tables; counts of one that the tables do not hold are left out."""
    current = set(tree["rows_on_current_release"])
    for name, printed in tree["table2_hard1k_rejection_pct"].items():
        release = Release.CURRENT if name in current else Release.JUNE_2024
        hard, toxic = sizes[release]
        refused, accepted = sum(tree["hard_counts"][name]), sum(tree["toxic_accept_counts"][name])
        if not (0 <= refused <= hard and 0 <= accepted <= toxic):
            raise ValueError(f"the counts of {name}: {refused} of {hard}, {accepted} of {toxic}")
        yield PublishedModel(
            name,
            release,
            rate_from(RateName.OVER_REFUSAL, None, Counts(refused, hard - refused)),
            rate_from(RateName.SAFE_REFUSAL, None, Counts(toxic - accepted, accepted)),
            printed[-1] / 100,
            1 - tree["table6_toxic_acceptance_pct"][name][-1] / 100,
        )


def _total(sizes: dict[str, int]) -> int:
    return sum(size for category, size in sizes.items() if category != "overall")

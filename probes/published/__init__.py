"""What others have published: counts of models long gone, to set a run beside."""

from __future__ import annotations

from probes.published.counts import Published, PublishedModel, Release
from probes.published.reading import BUILT_IN, is_published, read_published, shipped

__all__ = [
    "BUILT_IN",
    "Published",
    "PublishedModel",
    "Release",
    "is_published",
    "read_published",
    "shipped",
]

"""Probe sets: which there are, where each comes from, and the cases that they hold."""

from __future__ import annotations

from probes.sets.catalog import catalogue, load_set, named_sets
from probes.sets.entry import SetEntry
from probes.sets.layout import Layout, layout_from
from probes.sets.named import NamedSet
from probes.sets.problem import SetProblem, SourceUnreachable
from probes.sets.pulling import Fetch, Means, pull_set

__all__ = [
    "Fetch",
    "Layout",
    "Means",
    "NamedSet",
    "SetEntry",
    "SetProblem",
    "SourceUnreachable",
    "catalogue",
    "layout_from",
    "load_set",
    "named_sets",
    "pull_set",
]

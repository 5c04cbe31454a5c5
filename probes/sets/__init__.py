"""Probe sets: which there are, where each comes from, and the cases that they hold."""

from __future__ import annotations

from probes.sets.catalog import catalogue, load_set
from probes.sets.entry import SetEntry
from probes.sets.problem import SetProblem, SourceUnreachable
from probes.sets.pulling import Fetch, pull_set

__all__ = [
    "Fetch",
    "SetEntry",
    "SetProblem",
    "SourceUnreachable",
    "catalogue",
    "load_set",
    "pull_set",
]

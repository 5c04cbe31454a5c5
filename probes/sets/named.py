"""What every set that can be named offers, wherever its cases come from."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from probes.case import ProbeSet
from probes.sets.entry import SetEntry


class NamedSet(Protocol):
    """A set of the catalogue. ``home`` is the folder under which pulled sets lie.

    A new benchmark, of one file or of many, joins by satisfying this and being listed in
    ``probes.sets.catalog``; everything else asks for sets by name.
    """

    @property
    def name(self) -> str:
        """What it is called on the command line, in run files and in metrics."""
        ...

    def entry(self, home: Path) -> SetEntry:
        """Its line of the catalogue. Never raises: what is wrong stands in ``problem``."""
        ...

    def load(self, home: Path) -> ProbeSet:
        """Its cases, checked; raises SetProblem, naming the remedy, where there are none."""
        ...

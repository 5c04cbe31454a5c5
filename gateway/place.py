"""Which worker of its gateway a process is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.cells import SUFFIX, Cells


@dataclass(frozen=True, slots=True)
class Place:
    """A worker's slot, from 0, and the folder of all slots' cells; None: it is the only one."""

    slot: int = 0
    folder: Path | None = None

    @property
    def first(self) -> bool:
        """Whether what one worker does for all is done here: scoring, and telling of it."""
        return self.slot == 0

    def cells(self) -> Cells:
        """This worker's cells, made or gone on with; OSError where the file cannot be had."""
        return Cells(None if self.folder is None else self.folder / f"{self.slot}{SUFFIX}")

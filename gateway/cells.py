"""Numbers that many calls add to and one scrape reads, the same from whichever worker asked.

Each worker of a gateway has a slot: a file of 64-bit floats in a folder that its gateway shares
with nobody. A worker adds to the cells of its own slot alone, so that no lock and no message
stands between two workers; whoever shows the numbers adds up all slots by name. What a worker
counted outlives it in its slot, and the worker that takes its place goes on from there. A gateway
of one worker keeps the same cells in memory.

The file: a head of one 64-bit integer, how many bytes of the directory count; the cells; the
directory, to which a name is only ever appended. The one integer is written last, so that a
worker that is killed in the middle of a name has not named anything. A cell is eight bytes at a
multiple of eight, which the processors that Python runs on write and read in one piece.
"""

from __future__ import annotations

import json
import mmap
import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

CELLS = 1 << 18
"""Cells of a slot: 600 deployments with calls of every kind, or 2,000 that are asked for chat
alone. Only what is used takes memory."""
SUFFIX = ".cells"
"""How the name of a slot's file ends; every file of its folder that ends so is a slot."""

_FIRST_CELL = 512
"""The cells begin after one page, whose first eight bytes are the head."""
_DIRECTORY = (_FIRST_CELL + CELLS) * 8
_DIRECTORY_BYTES = 1 << 22
_SIZE = _DIRECTORY + _DIRECTORY_BYTES
_CELL_BYTES = 8

Key = tuple[str, ...]
"""What a block of cells is called: the metric's name, then the values of its labels."""


class CellsFull(Exception):
    """There is no room for another name; says how much there was."""


class Cells:
    """One slot, for the worker it belongs to; ``path`` is its file, None to keep it in memory.

    ``values[i] += 1`` is how a cell is added to: a read and a write of this process's memory,
    from one thread at a time for each cell. Raises OSError where the file cannot be had.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.gateway = uuid.uuid4().hex if path is None else path.parent.name
        """A name that the workers of one gateway share, and no two gateways."""
        self._map = mmap.mmap(-1, _SIZE) if path is None else _mapped(path)
        whole = memoryview(self._map)
        self._head = whole[:_CELL_BYTES].cast("Q")
        self._names = whole[_DIRECTORY:]
        self.values: memoryview[float] = whole[:_DIRECTORY].cast("d")
        """All cells, those of every block among them."""
        self._lock = threading.Lock()
        self._blocks: dict[Key, tuple[int, int]] = {}
        self._others: dict[Path, _Reading] = {}
        self._used = _FIRST_CELL
        for key, first, width in _named(self._names, 0, self._head[0]):
            self._blocks[key] = (first, width)
            self._used = first + width

    def block(self, key: Key, width: int = 1) -> int:
        """The index of the first of a block's cells, made with zeros if it is new; any thread.

        Raises CellsFull where it does not fit, and ValueError where the block has another width.
        """
        with self._lock:
            first, known = self._blocks.get(key, (0, width))
            if known != width:
                raise ValueError(f"{key} has {known} cells, not {width}")
            return first or self._add(key, width)

    def zero(self, name: str) -> None:
        """Set this slot's cells of a metric to 0: a gauge that a dead worker left as it was."""
        with self._lock:
            blocks = [place for key, place in self._blocks.items() if key[0] == name]
        for first, width in blocks:
            for index in range(first, first + width):
                self.values[index] = 0.0

    def totals(self) -> dict[Key, list[float]]:
        """The cells of every block, summed over all slots; slots that cannot be read are left
        out. For scrapes, any thread."""
        with self._lock:
            own = [(key, *place) for key, place in self._blocks.items()]
            others = [*self._readings()]
        sums = {key: list(self.values[first : first + width]) for key, first, width in own}
        for reading in others:
            reading.add_to(sums)
        return sums

    def _add(self, key: Key, width: int) -> int:
        entry = json.dumps([*key, width]).encode() + b"\n"
        end = self._head[0] + len(entry)
        if self._used + width > _FIRST_CELL + CELLS or end > _DIRECTORY_BYTES:
            raise CellsFull(f"no room for {key}: {CELLS} cells are named already")
        self._names[self._head[0] : end] = entry
        first, self._used = self._used, self._used + width
        self._blocks[key] = (first, width)
        self._head[0] = end
        return first

    def _readings(self) -> Iterator[_Reading]:
        """The slots of the other workers, as far as there are any."""
        if self._path is None:
            return
        for path in sorted(self._path.parent.glob(f"*{SUFFIX}")):
            if path != self._path:
                if path not in self._others:
                    try:
                        self._others[path] = _Reading(path)
                    except (OSError, ValueError):
                        continue
                yield self._others[path]


class _Reading:
    """Another worker's slot; its directory is read on from where the last scrape ended."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_READ)
        whole = memoryview(self._map)
        self._head = whole[:_CELL_BYTES].cast("Q")
        self._names = whole[_DIRECTORY:]
        self._values: memoryview[float] = whole[:_DIRECTORY].cast("d")
        self._blocks: list[tuple[Key, int, int]] = []
        self._read = 0
        self._lock = threading.Lock()

    def add_to(self, sums: dict[Key, list[float]]) -> None:
        """Add this slot's cells to those of the same name."""
        with self._lock:
            end = self._head[0]
            after = self._blocks[-1][1] + self._blocks[-1][2] if self._blocks else _FIRST_CELL
            self._blocks += _named(self._names, self._read, end, after)
            self._read = end
            blocks = tuple(self._blocks)
        for key, first, width in blocks:
            found = self._values[first : first + width]
            known = sums.setdefault(key, [0.0] * width)
            sums[key] = [one + other for one, other in zip(known, found, strict=True)]


def _mapped(path: Path) -> mmap.mmap:
    """The slot's file, for its owner alone.

    Its whole length is set aside on the disk now: whoever wrote to a hole of it later, with the
    disk full, would be killed (SIGBUS, mmap(2)).
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(handle).st_size < _SIZE:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, _SIZE)
            else:
                os.ftruncate(handle, _SIZE)
        return mmap.mmap(handle, _SIZE)
    finally:
        os.close(handle)


def _named(
    names: memoryview[int], start: int, end: int, first: int = _FIRST_CELL
) -> Iterator[tuple[Key, int, int]]:
    """The blocks that a part of the directory names, in order: blocks lie as they were named."""
    for line in bytes(names[start:end]).splitlines():
        *key, width = json.loads(line)
        yield tuple(key), first, width
        first += width

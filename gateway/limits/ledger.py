"""The file in which one worker writes what clients have used, so that all workers can add it up.

Every worker has a file of its own and writes no other, so there is nothing to lock and nothing that
two of them could spoil; each maps the files of the others to read. A file is an array of int64 in
pages of 4 KiB: a head, then one row for each client. A worker that is killed loses nothing, since
what is written to a mapping is the kernel's.

Head: what the file is, its layout, rows in use. Row: the client's name, calls in flight, tokens
held for them, the month and what was spent in it, then a window of requests and one of tokens.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
from array import array
from dataclasses import dataclass
from pathlib import Path

from gateway.limits.window import CELLS, Cells

_WORD = 8
_PAGE = 512
"""Cells of a page, and of a row."""
_FIRST_ROWS = 16
"""Rows that a new file has room for; then as many again each time."""

_MAGIC = int.from_bytes(b"candorlg", "little")
_LAYOUT = 1
_HEAD_MAGIC, _HEAD_LAYOUT, _HEAD_ROWS = range(3)

_NAME_CELLS = 8
IN_FLIGHT = 8
HELD_TOKENS = 9
MONTH = 10
SPENT = 11
REQUESTS = 12
TOKENS = REQUESTS + CELLS
"""Where in a row each thing stands; the two windows fill it to its end."""


class LedgerProblem(Exception):
    """The file is no ledger of this version; its text is one line."""


@dataclass(slots=True)
class Row:
    """One client's row: ``at`` is its first cell."""

    cells: Cells
    at: int


def encoded(name: str) -> bytes:
    """A client's name as a row holds it: 64 bytes, of a longer name its SHA-256."""
    width = _NAME_CELLS * _WORD
    text = name.encode("utf-8")
    if len(text) > width:
        text = hashlib.sha256(text).hexdigest().encode("ascii")
    return text.ljust(width, b"\0")


class OwnLedger:
    """The file that this worker writes, locked for as long as it is open."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Takes over a locked file; raises LedgerProblem where it is no ledger, and OSError."""
        self.path = path
        self._descriptor = descriptor
        found = os.fstat(descriptor)
        self._identity = (found.st_dev, found.st_ino)
        new = found.st_size == 0
        if new:
            self._extend(_FIRST_ROWS)
        self._cells = mapped(descriptor, writable=True)
        if new:
            self._cells[_HEAD_LAYOUT] = _LAYOUT
            self._cells[_HEAD_MAGIC] = _MAGIC
        self.rows = rows_in(self._cells)

    @classmethod
    def take(cls, path: Path) -> OwnLedger | None:
        """Opens a file, or makes it; None where another worker has it.

        Raises LedgerProblem where it is no ledger, and OSError. Calls that were in flight when
        its last owner died are over; everything else still counts.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ledger = cls(path, descriptor)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except (OSError, LedgerProblem):
            os.close(descriptor)
            raise
        for row in ledger.rows.values():
            row.cells[row.at + IN_FLIGHT] = row.cells[row.at + HELD_TOKENS] = 0
        return ledger

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode: its path may be given to another file while this one is in use."""
        return self._identity

    def row(self, name: str) -> Row:
        """A client's row, made if there is none; OSError where there is no room on the disk."""
        key = encoded(name)
        found = self.rows.get(key)
        return self._add(key) if found is None else found

    def close(self) -> None:
        """Lets another worker have the file. What is in the rows stays readable and writable."""
        if self._descriptor >= 0:
            # Its mappings hold the file open too, so closing alone would not unlock it.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = -1

    def _add(self, key: bytes) -> Row:
        index = self._cells[_HEAD_ROWS]
        if (index + 2) * _PAGE > len(self._cells):
            self._extend(index)
            # Older rows go on with the older mapping, which shares its pages with this one.
            self._cells = mapped(self._descriptor, writable=True)
        row = Row(self._cells, (index + 1) * _PAGE)
        self._cells.cast("B")[row.at * _WORD :][: len(key)] = key
        # A reader looks at as many rows as this says, so it comes last.
        self._cells[_HEAD_ROWS] = index + 1
        self.rows[key] = row
        return row

    def _extend(self, rows: int) -> None:
        """Real zeros: writing to a hole in a mapped file kills the process if the disk is full."""
        size = os.fstat(self._descriptor).st_size
        pages = rows if size else rows + 1
        zeros = bytes(pages * _PAGE * _WORD)
        written = os.pwrite(self._descriptor, zeros, size)
        if written < len(zeros):
            os.ftruncate(self._descriptor, size)
            raise OSError("the disk is full")


def mapped(descriptor: int, *, writable: bool) -> Cells:
    """The cells of an open file, as whoever else maps it sees them; OSError, LedgerProblem."""
    size = os.fstat(descriptor).st_size
    if not size or size % (_PAGE * _WORD):
        raise LedgerProblem(f"its size is {size}, which is no whole number of pages")
    access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
    return memoryview(mmap.mmap(descriptor, size, access=access)).cast("q")


class MemoryLedger:
    """The same, kept in memory where no file can be written: no other worker sees it."""

    def __init__(self) -> None:
        self._rows: dict[bytes, Row] = {}

    def row(self, name: str) -> Row:
        """A client's row, made if there is none."""
        key = encoded(name)
        if key not in self._rows:
            self._rows[key] = Row(memoryview(array("q", bytes(_PAGE * _WORD))), 0)
        return self._rows[key]

    def close(self) -> None:
        """Does nothing."""


def rows_in(cells: Cells, known: int = 0) -> dict[bytes, Row]:
    """The rows of a mapped file from the ``known``-th on; raises LedgerProblem if it is none."""
    if cells[_HEAD_MAGIC] != _MAGIC or cells[_HEAD_LAYOUT] != _LAYOUT:
        raise LedgerProblem("it does not begin as a ledger of this version does")
    count = cells[_HEAD_ROWS]
    if not 0 <= count < len(cells) // _PAGE:
        raise LedgerProblem(f"it says that it holds {count} rows")
    found = {}
    for index in range(known, count):
        at = (index + 1) * _PAGE
        name = cells[at : at + _NAME_CELLS].tobytes()
        found[name] = Row(cells, at)
    return found

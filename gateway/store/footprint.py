"""Which files a SQLite path named when it was opened, and a new beginning once it names others.

A connection goes on with the file it opened, deleted or not, so nobody who holds one notices that
what he writes is lost (SQLite, "How To Corrupt An SQLite Database File", section 2.4).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

_Identity = tuple[int, int] | None
_BESIDE = ("-wal", "-shm")
_NOTHING = (None, None)


@dataclass(frozen=True, slots=True)
class Footprint:
    """Device and inode of a database and of the two files beside it; None for what is not known.

    It holds as long as a connection is open: an inode that somebody holds is given to no other
    file. Without one, nothing is known.
    """

    path: Path
    main: _Identity = None
    beside: tuple[_Identity, ...] = _NOTHING

    @classmethod
    def before(cls, path: Path) -> Footprint:
        """The database that is about to be opened."""
        return cls(path, _identity(path))

    def opened(self) -> Footprint:
        """The same, with the files that opening it made, once a transaction has been done."""
        beside = tuple(_identity(each) for each in _beside(self.path))
        return self if self.moved() else replace(self, beside=beside)

    def moved(self) -> bool:
        """Whether the path names another database by now, or none, or that is not known."""
        return self.main is None or _identity(self.path) != self.main

    def forsake(self) -> None:
        """Make way for the database that is at the path now, or for a new one there.

        The write-ahead log and its index that this footprint left behind are deleted: SQLite
        would replay them into a database that they do not belong to. Call it before closing the
        connections. Raises OSError.
        """
        with _alone(self.path.parent):
            if self.path.exists() and not self.path.is_file():
                return
            absent = not self.path.exists()
            for path, left in zip(_beside(self.path), self.beside, strict=True):
                if absent or (left is not None and _identity(path) == left):
                    path.unlink(missing_ok=True)
            self.path.touch(mode=0o600, exist_ok=True)


def _identity(path: Path) -> _Identity:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in _BESIDE]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Gateway and scorer may notice at once: the second must not delete what the first made."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

"""Puts the lines of a finished run file into the order of its plan, so that equal runs are equal.

While a run goes, each trial is appended as soon as it is judged, whichever was asked first. At its
end the lines are written once more, in order, beside the file, and take its place in one step: a
kill leaves the one or the other, each whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO


def in_order(path: Path, file: BinaryIO, starts: Sequence[int]) -> BinaryIO:
    """Let the lines that start at these offsets follow the first line in this order.

    The new file, open and locked as ``file`` was, which is closed; ``file`` itself, as it was,
    where the disk has no room for a second copy or the folder may not be written to.
    """
    home = path.resolve()
    beside = home.with_name(f".{home.name}.ordering")
    try:
        ordered = _written(home, beside, starts)
        beside.replace(home)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        return file
    file.close()
    return ordered


def _written(home: Path, beside: Path, starts: Sequence[int]) -> BinaryIO:
    with contextlib.ExitStack() as on_failure:
        copy = on_failure.enter_context(beside.open("w+b"))
        fcntl.flock(copy, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with home.open("rb") as lines:
            os.fchmod(copy.fileno(), os.fstat(lines.fileno()).st_mode & 0o777)
            copy.write(lines.readline())
            for start in starts:
                lines.seek(start)
                copy.write(lines.readline())
        copy.flush()
        os.fsync(copy.fileno())
        ordered: BinaryIO = on_failure.enter_context(os.fdopen(os.dup(copy.fileno()), "r+b", 0))
        ordered.seek(0, os.SEEK_END)
        on_failure.pop_all()
    copy.close()
    return ordered

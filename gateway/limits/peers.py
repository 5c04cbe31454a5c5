"""The folder of ledgers: which of them is this worker's, and what the other workers wrote.

The roster is a file of one number that changes whenever a ledger comes, is taken over or gets a new
row; whoever sees it changed looks through the folder again. Looking at it is one read of memory.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gateway.limits.ledger import LedgerProblem, OwnLedger, Row, mapped, rows_in
from gateway.limits.window import Cells

_LEDGER = re.compile(r"slot-\d+\.ledger")
_MOST_SLOTS = 1024
"""Ledgers of living workers that are stepped over before giving up."""
_ROSTER_BYTES = 4096


class Roster:
    """The number that says whether anything in the folder changed, and the lock on the folder."""

    def __init__(self, folder: Path) -> None:
        """Opens it, or makes it; OSError."""
        self._descriptor = os.open(folder / "roster", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(self._descriptor).st_size != _ROSTER_BYTES:
                os.pwrite(self._descriptor, bytes(_ROSTER_BYTES), 0)
                os.ftruncate(self._descriptor, _ROSTER_BYTES)
            self._cells = mapped(self._descriptor, writable=True)
        except OSError:
            os.close(self._descriptor)
            raise

    @property
    def number(self) -> int:
        """What it says now."""
        number: int = self._cells[0]
        return number

    def announce(self) -> None:
        """Says that something changed. Random, because two who add 1 at once may add it once."""
        self._cells[0] = int.from_bytes(os.urandom(7), "little")

    @contextmanager
    def locked(self, *, alone: bool) -> Iterator[bool]:
        """The folder's lock: waited for by whoever takes a ledger, alone; tried for by readers.

        Gives False to a reader who would have to wait.
        """
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Closes it."""
        os.close(self._descriptor)


def take_ledger(folder: Path, slot: int, roster: Roster) -> OwnLedger:
    """This worker's ledger: the slot's, or the next that no living worker has; OSError.

    A file that is no ledger is renamed, said in one line, and a new one begun.
    """
    with roster.locked(alone=True):
        for number in range(slot, slot + _MOST_SLOTS):
            path = folder / f"slot-{number}.ledger"
            try:
                ledger = OwnLedger.take(path)
            except LedgerProblem as problem:
                aside = path.with_name(path.name + ".aside")
                path.replace(aside)
                structlog.get_logger().warning(
                    "limits_ledger_set_aside", file=str(aside), reason=str(problem)
                )
                ledger = OwnLedger.take(path)
            if ledger is not None:
                roster.announce()
                return ledger
    raise OSError(f"{_MOST_SLOTS} ledgers from slot {slot} on are taken")


@dataclass(slots=True)
class _Peer:
    """Another worker's ledger. ``identity`` is its device, inode and size."""

    identity: tuple[int, int, int]
    cells: Cells | None = None
    rows: dict[bytes, Row] = field(default_factory=dict)
    alive: bool = True


class Peers:
    """The ledgers of all other workers, living and dead."""

    def __init__(self, folder: Path, roster: Roster, own: tuple[int, int]) -> None:
        self._folder = folder
        self._roster = roster
        self._own = own
        self._log = structlog.get_logger()
        self._seen: int | None = None
        self._peers: dict[str, _Peer] = {}

    @property
    def changed(self) -> bool:
        """Whether there is anything new since the last look."""
        return self._roster.number != self._seen

    def look(self) -> None:
        """Reads the folder again. What cannot be read is left out; never raises OSError."""
        seen = self._roster.number
        with self._roster.locked(alone=False) as free:
            if not free:
                return
            try:
                found = [each for each in os.scandir(self._folder) if _LEDGER.fullmatch(each.name)]
            except OSError:
                found = []
            for entry in found:
                self._look_at(entry.name, Path(entry.path))
            for gone in self._peers.keys() - {entry.name for entry in found}:
                del self._peers[gone]
        self._seen = seen

    def rows(self, key: bytes) -> list[Row]:
        """A client's rows in all of them."""
        return [peer.rows[key] for peer in self._peers.values() if key in peer.rows]

    def living_rows(self, key: bytes) -> list[Row]:
        """A client's rows in those whose worker lives: only they have calls in flight."""
        return [p.rows[key] for p in self._peers.values() if p.alive and key in p.rows]

    def _look_at(self, name: str, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            self._peers.pop(name, None)
            return
        try:
            self._read(name, descriptor)
        except (OSError, LedgerProblem) as problem:
            self._log.warning("limits_ledger_ignored", file=str(path), reason=str(problem))
            self._peers[name] = _Peer(_identity(descriptor))
        finally:
            os.close(descriptor)

    def _read(self, name: str, descriptor: int) -> None:
        identity = _identity(descriptor)
        if identity[:2] == self._own:
            self._peers.pop(name, None)
            return
        peer = self._peers.get(name)
        if peer is None or peer.identity != identity:
            peer = _Peer(identity, mapped(descriptor, writable=False))
        if peer.cells is not None:
            peer.rows |= rows_in(peer.cells, len(peer.rows))
        peer.alive = _locked(descriptor)
        self._peers[name] = peer


def _identity(descriptor: int) -> tuple[int, int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino, found.st_size


def _locked(descriptor: int) -> bool:
    """Whether a living worker holds a ledger."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False

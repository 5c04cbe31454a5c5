"""What each client used, added up over the ledgers of all workers of the machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import structlog

from gateway.limits.ledger import MONTH, SPENT, MemoryLedger, OwnLedger, Row, encoded
from gateway.limits.peers import Peers, Roster, take_ledger
from gateway.limits.window import used

_LOOK_SECONDS = 1.0
"""Least time between two looks for workers that died with calls in flight."""


@dataclass(slots=True)
class Account:
    """One client's rows: ``own``, which this worker writes, all of them, and those of the living.

    Only a living worker has calls in flight; what a dead one counted otherwise stays true.
    """

    own: Row
    all: list[Row]
    living: list[Row]

    def used(self, window: int, quarter: int) -> int:
        """What was used in the minute that ends with ``quarter``."""
        total = 0
        for row in self.all:
            total += used(row.cells, row.at + window, quarter)
        return total

    def last_use(self, window: int) -> int:
        """The last quarter in which anything was used."""
        return max(row.cells[row.at + window] for row in self.all)

    def now(self, cell: int) -> int:
        """The sum of a cell over the workers that live."""
        total = 0
        for row in self.living:
            total += row.cells[row.at + cell]
        return total

    def spent(self, month: int) -> int:
        """What was spent in a month.

        A later month than this one was written under a clock that has been put back since; what
        was spent under it still counts.
        """
        total = 0
        for row in self.all:
            if row.cells[row.at + MONTH] >= month:
                total += row.cells[row.at + SPENT]
        return total


class Accounts:
    """All clients' accounts, in ``folder``, which is made if it is not there.

    ``slot`` is this worker's number. If another living worker has that slot's ledger, the next
    free one is taken. Where the folder cannot be used, this worker counts for itself alone.
    """

    def __init__(self, folder: Path, slot: int) -> None:
        self._log = structlog.get_logger()
        self._accounts: dict[str, Account] = {}
        self._spare = MemoryLedger()
        self._ledger: OwnLedger | MemoryLedger = self._spare
        self._roster: Roster | None = None
        self._peers: Peers | None = None
        self._looked_at = -math.inf
        self._complained = False
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._roster = roster = Roster(folder)
            ledger = take_ledger(folder, slot, roster)
        except OSError as problem:
            self._complain(problem)
        else:
            self._ledger = ledger
            self._peers = Peers(folder, roster, ledger.identity)

    def of(self, name: str) -> Account:
        """A client's account, with what the other workers have written so far."""
        if self._peers is not None and self._peers.changed:
            self._look(self._peers)
        found = self._accounts.get(name)
        return self._opened(name) if found is None else found

    def look_again(self, now: float) -> bool:
        """Looks which workers still live; False where that was done a moment ago."""
        if self._peers is None or now - self._looked_at < _LOOK_SECONDS:
            return False
        self._looked_at = now
        self._look(self._peers)
        return True

    def close(self) -> None:
        """Lets another worker have the ledger; what is in the accounts can still be read."""
        self._ledger.close()
        if self._roster is not None:
            self._roster.close()
        self._roster = self._peers = None

    def _opened(self, name: str) -> Account:
        try:
            own = self._ledger.row(name)
        except OSError as problem:
            self._complain(problem)
            own = self._spare.row(name)
        account = self._accounts[name] = Account(own, [own], [own])
        if self._roster is not None and self._peers is not None:
            self._roster.announce()
            self._look(self._peers)
        return account

    def _look(self, peers: Peers) -> None:
        peers.look()
        for name, account in self._accounts.items():
            key = encoded(name)
            account.all = [account.own, *peers.rows(key)]
            account.living = [account.own, *peers.living_rows(key)]

    def _complain(self, problem: OSError) -> None:
        if not self._complained:
            self._complained = True
            self._log.warning(
                "limits_ledger_unusable",
                reason=problem.strerror or str(problem),
                effect="this worker counts its clients' usage for itself, until it restarts",
            )

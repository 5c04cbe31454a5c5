"""Captures on disk, between the gateway that keeps them and the scorer that reads them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.mirror.capture import Capture
from gateway.store.footprint import Footprint

SpoolError = sqlite3.Error
"""What every method raises when the file fails; nothing of that call was written."""

LONGEST_LEASE_SECONDS = 60.0

_HAS_TABLES = "SELECT count(*) = 3 FROM sqlite_master WHERE name IN ('captures', 'tallies', 'told')"
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS captures (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        capture_id TEXT NOT NULL UNIQUE,
        offered_at REAL NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0,
        not_before REAL NOT NULL DEFAULT 0,
        head TEXT NOT NULL,
        request BLOB NOT NULL,
        reply BLOB NOT NULL
    )""",
    "CREATE TABLE IF NOT EXISTS tallies (deployment TEXT PRIMARY KEY, queued INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS told (what TEXT PRIMARY KEY)",
)
# The bodies stand last: whoever looks for the next row need not page through them.


@dataclass(frozen=True, slots=True)
class Spooled:
    """A row taken for the ``tries``-th time; ``capture`` is None where it is unreadable."""

    id: int
    capture_id: str
    tries: int
    capture: Capture | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many captures wait, and the Unix time when the oldest of them was offered."""

    waiting: int
    oldest: float | None


class Spool:
    """One SQLite file (0600, WAL). A connection for one thread; open another for another.

    Taking a capture leases it: it is taken again only when the lease runs out before it is
    removed, so a scorer may die at any moment and nothing is lost. Whoever takes it twice finds
    its id in the store.
    """

    def __init__(self, path: Path, *, timeout_seconds: float = 30.0) -> None:
        self._path = path
        self._timeout = timeout_seconds
        path.touch(mode=0o600, exist_ok=True)
        self._open()

    def _open(self) -> None:
        before = Footprint.before(self._path)
        self._connection = sqlite3.connect(
            self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            # These bytes are not redacted yet: what is removed is overwritten.
            self._connection.execute("PRAGMA secure_delete=ON")
            if not self._connection.execute(_HAS_TABLES).fetchone()[0]:
                with self._transaction():
                    for table in _SCHEMA:
                        self._connection.execute(table)
            self._footprint = before.opened()
        except sqlite3.Error:
            self._connection.close()
            raise

    def moved(self) -> bool:
        """Whether the file was replaced or deleted: what is written here then is lost."""
        return self._footprint.moved()

    def reopen(self) -> None:
        """Go on with the file that is at the path now, or with a new one; also raises OSError."""
        try:
            self._footprint.forsake()
        finally:
            self._connection.close()
            self._footprint = Footprint(self._path)
        self._open()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def append(self, captures: Iterable[Capture], offered_at: float) -> None:
        """Keep captures: on disk, all of them, when this returns; and so is that they were."""
        captures = tuple(captures)
        tallies = Counter(capture.deployment for capture in captures)
        with self._transaction():
            self._connection.executemany(
                "INSERT INTO captures (capture_id, offered_at, head, request, reply)"
                " VALUES (?, ?, ?, ?, ?)",
                [(c.capture_id, offered_at, c.head(), c.request, c.reply) for c in captures],
            )
            self._connection.executemany(
                "INSERT INTO tallies VALUES (?, ?) ON CONFLICT (deployment)"
                " DO UPDATE SET queued = queued + excluded.queued",
                list(tallies.items()),
            )

    def take(self, limit: int, now: float, lease_seconds: float) -> list[Spooled]:
        """Lease the next captures, oldest first, at most ``limit``.

        A capture that was taken before without being removed comes alone: if it is what kills
        the scorer, no other capture's tries are spent with it. Its lease doubles each time.
        """
        with self._transaction():
            ready = self._connection.execute(
                "SELECT id, tries FROM captures WHERE not_before <= ? ORDER BY id LIMIT ?",
                (now, limit),
            ).fetchall()
            chosen = _batch(ready)
            for row_id, tries in chosen:
                lease = min(lease_seconds * 2**tries, LONGEST_LEASE_SECONDS)
                self._connection.execute(
                    "UPDATE captures SET tries = tries + 1, not_before = ? WHERE id = ?",
                    (now + lease, row_id),
                )
        return [self._read(row_id) for row_id, _ in chosen]

    def give_back(self, taken: Sequence[Spooled]) -> None:
        """Undo a take: these captures are next again, and this try does not count."""
        with self._transaction():
            self._connection.executemany(
                "UPDATE captures SET tries = max(tries - 1, 0), not_before = 0 WHERE id = ?",
                [(spooled.id,) for spooled in taken],
            )

    def remove(self, capture_ids: Iterable[str]) -> None:
        """Forget captures that the store has."""
        with self._transaction():
            self._connection.executemany(
                "DELETE FROM captures WHERE capture_id = ?", [(each,) for each in capture_ids]
            )

    def wipe(self) -> None:
        """Empty the write-ahead log too, which still holds the bytes of removed captures.

        Does what it can at once: with another connection reading, the next call does the rest.
        """
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def capture_ids(self) -> list[str]:
        """Every capture that is here."""
        return [row[0] for row in self._connection.execute("SELECT capture_id FROM captures")]

    def backlog(self) -> Backlog:
        """How much waits."""
        return _backlog(self._connection)

    def tell_lost(self, now: float) -> Counter[str]:
        """By deployment, the captures that wait here and that no scorer is at work on: told to
        the first who asks, for all who write to this file will find that it is lost."""
        return self._tell(
            "lost",
            "SELECT json_extract(head, '$.deployment'), count(*) FROM captures"
            " WHERE not_before <= ? GROUP BY 1",
            (now,),
        )

    def tell_queued(self, gateway: str, take: Callable[[Counter[str]], None]) -> None:
        """Give ``take`` how many captures were ever kept here, by deployment: to the first worker
        of a gateway that asks, before any other worker of it knows that it has been told."""
        self._tell(gateway, "SELECT deployment, queued FROM tallies", take=take)

    def _tell(
        self,
        what: str,
        query: str,
        values: Sequence[float] = (),
        *,
        take: Callable[[Counter[str]], None] = lambda _: None,
    ) -> Counter[str]:
        with self._transaction():
            first = self._connection.execute("INSERT OR IGNORE INTO told VALUES (?)", (what,))
            if not first.rowcount:
                return Counter()
            found = self._connection.execute(query, values)
            counts = Counter({str(deployment): count for deployment, count in found})
            take(counts)
        return counts

    def _read(self, row_id: int) -> Spooled:
        row = self._connection.execute(
            "SELECT capture_id, tries, head, request, reply FROM captures WHERE id = ?", (row_id,)
        ).fetchone()
        capture_id, tries, head, request, reply = row
        try:
            capture = Capture.from_parts(head, request, reply)
        except (TypeError, ValueError):
            capture = None
        return Spooled(row_id, capture_id, tries, capture)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:  # the edge of a transaction: half of it must not stay
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def read_backlog(path: Path) -> Backlog:
    """How much waits in a spool, read without taking any lock; SpoolError where it cannot be."""
    where = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(where, uri=True, timeout=1.0)) as connection:
        return _backlog(connection)


def _backlog(connection: sqlite3.Connection) -> Backlog:
    waiting = connection.execute("SELECT count(*) FROM captures").fetchone()[0]
    first = connection.execute("SELECT offered_at FROM captures ORDER BY id LIMIT 1").fetchone()
    return Backlog(waiting, None if first is None else first[0])


def _batch(ready: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The leading captures that were never taken, or the first one alone if it was."""
    fresh: list[tuple[int, int]] = []
    for row_id, tries in ready:
        if tries:
            return fresh or [(row_id, tries)]
        fresh.append((row_id, tries))
    return fresh

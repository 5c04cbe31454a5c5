"""The connection to the store: where its URL leads, and how SQLite is asked to behave."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

BUSY_SECONDS = 30.0
"""How long a writer waits for another's transaction; each lasts milliseconds."""


class StoreProblem(Exception):
    """The store cannot be opened, read or written; the message is one readable line."""


def resolved(url: str, home: Path) -> URL:
    """The URL with a relative SQLite path placed under ``home``.

    Raises StoreProblem for anything but a SQLite file; the message never repeats a password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as problem:
        raise StoreProblem("store.url is not a database URL; use sqlite:///candor.db") from problem
    if parsed.get_backend_name() != "sqlite":
        raise StoreProblem(
            f"store.url {parsed.drivername}://... is not in this version; use sqlite:///candor.db"
        )
    if parsed.database in (None, "", ":memory:"):
        raise StoreProblem(f"store.url {url} names no file; use sqlite:///candor.db")
    return parsed.set(drivername="sqlite", database=str(home / str(parsed.database)))


def opened(url: URL) -> Engine:
    """An engine on a SQLite file, which it makes for its owner alone (0600) where it is absent.

    SQLAlchemy's recipe for pysqlite: the driver's own transactions are off and BEGIN is ours, so
    that DDL is transactional; writers take the lock at once (``begun``), which never deadlocks.
    """
    path = Path(str(url.database))
    try:
        path.touch(mode=0o600, exist_ok=True)
    except OSError as problem:
        raise StoreProblem(f"the store {path} cannot be written: {problem.strerror}") from problem
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


@contextlib.contextmanager
def begun(engine: Engine, *, write: bool) -> Iterator[Connection]:
    """A transaction, committed at the end; StoreProblem where the database fails."""
    try:
        with engine.execution_options(candor_write=write).begin() as connection:
            yield connection
    except SQLAlchemyError as problem:
        cause = getattr(problem, "orig", None) or problem
        line = " ".join(str(cause).split())
        raise StoreProblem(f"the store {engine.url.database} failed: {line}") from problem


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    # What retention deletes is overwritten, not only unlinked.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("candor_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

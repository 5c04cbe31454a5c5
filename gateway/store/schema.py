"""Bringing a store to this version's schema, once, whichever process opens it first."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from gateway.store.engine import StoreProblem, begun
from gateway.store.tables import metadata

HEAD = "0003"
"""The newest revision under migrations/versions; knowing it spares an open store the import of
Alembic, which takes longer than everything else that opening does."""
MIGRATIONS = Path(__file__).with_name("migrations")

_VERSIONS = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
    " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
"""The table in which Alembic keeps the revision, as it makes it."""


def migrate(engine: Engine) -> None:
    """Bring a store to this version's schema: make an empty one whole, migrate any other.

    Two processes may try at once: the second waits for the first's lock and finds nothing to do.
    Raises StoreProblem for a store that a newer Candor made.
    """
    if _revision(engine) == HEAD or _made(engine):
        return
    upgrade(engine)


def upgrade(engine: Engine) -> None:
    """Run every migration that this store lacks, in one transaction; raises StoreProblem."""
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with begun(engine, write=True) as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as problem:
            raise StoreProblem(
                f"the store {engine.url.database} was made by another version of Candor: "
                f"{' '.join(str(problem).split())}; install that version or name another store"
            ) from problem


def _made(engine: Engine) -> bool:
    """Whether the store was empty and has now every table, which no migration need tell it."""
    with begun(engine, write=True) as connection:
        if inspect(connection).get_table_names():
            return False
        metadata.create_all(connection)
        connection.execute(text(_VERSIONS))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    return True


def _revision(engine: Engine) -> str | None:
    with begun(engine, write=False) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)

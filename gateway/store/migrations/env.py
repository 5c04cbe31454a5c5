"""What Alembic runs to migrate: on the connection that the store hands over."""

from __future__ import annotations

from alembic import context

from gateway.store.tables import metadata


def run() -> None:
    """Migrate inside the caller's transaction, so that a failure leaves the store as it was."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transactional_ddl=True,
    )
    context.run_migrations()


if "connection" in getattr(getattr(context, "config", None), "attributes", {}):
    run()

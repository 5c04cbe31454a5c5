"""The store's schema over time, for Alembic."""

"""Verdicts by the stage that decided, and replies that a classifier read only in part."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the tally, and count truncated replies from 0 on."""
    op.create_table(
        "stage_tallies",
        sa.Column("deployment", sa.String(200), primary_key=True),
        sa.Column("stage", sa.String(32), primary_key=True),
        sa.Column("total", sa.Integer(), nullable=False),
    )
    op.add_column(
        "classifiers", sa.Column("truncated", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Forget both."""
    op.drop_column("classifiers", "truncated")
    op.drop_table("stage_tallies")

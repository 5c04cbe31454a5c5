"""Scheduled probe runs: who runs which slot, what came to nothing, and what asking cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the four tables."""
    op.create_table(
        "probe_schedules",
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("first_seen", sa.Float(), nullable=False),
    )
    op.create_table(
        "probe_slots",
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("slot", sa.Integer(), primary_key=True),
        sa.Column("deployment", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float()),
        sa.Column("run_id", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index("probe_slots_by_deployment", "probe_slots", ["deployment", "state"])
    _make_tally("probe_failures", sa.Column("total", sa.Integer(), nullable=False))
    _make_tally("probe_costs", sa.Column("usd", sa.Float(), nullable=False))


def downgrade() -> None:
    """Forget them."""
    for name in ("probe_costs", "probe_failures", "probe_slots", "probe_schedules"):
        op.drop_table(name)


def _make_tally(name: str, count: sa.Column[int] | sa.Column[float]) -> None:
    op.create_table(
        name,
        sa.Column("deployment", sa.String(200), primary_key=True),
        sa.Column("set_name", sa.String(200), primary_key=True),
        count,
    )

"""The first schema: exchanges, tallies, classifiers, runs and their rates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make every table."""
    _make_exchanges()
    _make_tallies()
    _make_runs()


def downgrade() -> None:
    """Drop every table, newest first."""
    for name in ("run_rates", "runs", "classifiers", "capture_tallies", "verdict_tallies"):
        op.drop_table(name)
    op.drop_table("exchanges")


def _text(name: str, length: int | None = None, *, null: bool = False) -> sa.Column[str]:
    kind: sa.types.TypeEngine[str] = sa.Text() if length is None else sa.String(length)
    return sa.Column(name, kind, nullable=null)


def _key(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), primary_key=True)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null)


def _real(name: str, *, null: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=null)


def _make_exchanges() -> None:
    op.create_table(
        "exchanges",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("capture_id", sa.String(64), nullable=False, unique=True),
        _text("request_id", 128),
        _text("deployment", 200),
        _text("traffic", 16),
        _text("endpoint", 32),
        _text("model", 200),
        _real("captured_at"),
        _real("scored_at"),
        _number("status", null=True),
        _real("duration_seconds"),
        _real("first_byte_seconds", null=True),
        _text("outcome", 16),
        _text("ending", 16),
        *[_text(name) for name in ("problem", "prompt", "reply", "reasoning", "finish_reason")],
        _number("tool_calls"),
        _text("signals"),
        _number("input_tokens", null=True),
        _number("output_tokens", null=True),
        _text("category", 200),
        _text("label", 32, null=True),
        _real("probability", null=True),
        _text("source", 32, null=True),
        _text("method", 32, null=True),
        _text("classifier", 200, null=True),
        _text("reason", null=True),
    )
    op.create_index("exchanges_by_deployment", "exchanges", ["deployment", "id"])
    op.create_index("exchanges_by_label", "exchanges", ["label", "id"])
    op.create_index("exchanges_by_age", "exchanges", ["scored_at"])


def _make_tallies() -> None:
    op.create_table(
        "verdict_tallies",
        _key("deployment", 200),
        _key("traffic", 16),
        _key("category", 200),
        _key("label", 32),
        _key("source", 32),
        _number("total"),
    )
    op.create_table(
        "capture_tallies", _key("deployment", 200), _key("outcome", 16), _number("total")
    )
    op.create_table(
        "classifiers", _key("name", 200), _real("loaded_at"), _real("seconds"), _text("buckets")
    )


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(128), nullable=False, unique=True),
        _text("deployment", 200),
        _text("model", 200),
        _text("target"),
        _text("classifier", 200),
        _real("started_at"),
        _real("finished_at"),
        _real("posted_at"),
        _number("trials"),
        _number("decided"),
        _text("summary"),
    )
    op.create_index("runs_by_deployment", "runs", ["deployment", "started_at"])
    run = sa.ForeignKey("runs.run_id", ondelete="CASCADE")
    op.create_table(
        "run_rates",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(128), run, nullable=False),
        _text("set_name", 200),
        _text("rate", 32),
        _text("category", 200),
        *[_number(name) for name in ("hits", "decided", "undecided", "errors")],
        *[_real(name, null=True) for name in ("value", "low", "high")],
        _real("confidence"),
        _text("method", 32),
        sa.UniqueConstraint(
            "run_id", "set_name", "rate", "category", name="one_rate_a_run_and_set"
        ),
    )

"""The store's tables, as the migrations leave them."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("capture_id", String(64), nullable=False, unique=True),
    Column("request_id", String(128), nullable=False),
    Column("deployment", String(200), nullable=False),
    Column("traffic", String(16), nullable=False),
    Column("endpoint", String(32), nullable=False),
    Column("model", String(200), nullable=False),
    Column("captured_at", Float, nullable=False),
    Column("scored_at", Float, nullable=False),
    Column("status", Integer),
    Column("duration_seconds", Float, nullable=False),
    Column("first_byte_seconds", Float),
    Column("outcome", String(16), nullable=False),
    Column("ending", String(16), nullable=False),
    Column("problem", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("finish_reason", Text, nullable=False),
    Column("tool_calls", Integer, nullable=False),
    Column("signals", Text, nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("category", String(200), nullable=False),
    Column("label", String(32)),
    Column("probability", Float),
    Column("source", String(32)),
    Column("method", String(32)),
    Column("classifier", String(200)),
    Column("reason", Text),
    Index("exchanges_by_deployment", "deployment", "id"),
    Index("exchanges_by_label", "label", "id"),
    Index("exchanges_by_age", "scored_at"),
)

verdict_tallies = Table(
    "verdict_tallies",
    metadata,
    Column("deployment", String(200), primary_key=True),
    Column("traffic", String(16), primary_key=True),
    Column("category", String(200), primary_key=True),
    Column("label", String(32), primary_key=True),
    Column("source", String(32), primary_key=True),
    Column("total", Integer, nullable=False),
)

capture_tallies = Table(
    "capture_tallies",
    metadata,
    Column("deployment", String(200), primary_key=True),
    Column("outcome", String(16), primary_key=True),
    Column("total", Integer, nullable=False),
)

stage_tallies = Table(
    "stage_tallies",
    metadata,
    Column("deployment", String(200), primary_key=True),
    Column("stage", String(32), primary_key=True),
    Column("total", Integer, nullable=False),
)

classifiers = Table(
    "classifiers",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("loaded_at", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("buckets", Text, nullable=False),
    Column("truncated", Integer, nullable=False, server_default="0"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(128), nullable=False, unique=True),
    Column("deployment", String(200), nullable=False),
    Column("model", String(200), nullable=False),
    Column("target", Text, nullable=False),
    Column("classifier", String(200), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float, nullable=False),
    Column("posted_at", Float, nullable=False),
    Column("trials", Integer, nullable=False),
    Column("decided", Integer, nullable=False),
    Column("summary", Text, nullable=False),
    Index("runs_by_deployment", "deployment", "started_at"),
)

run_rates = Table(
    "run_rates",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(128), ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False),
    Column("set_name", String(200), nullable=False),
    Column("rate", String(32), nullable=False),
    Column("category", String(200), nullable=False),
    Column("hits", Integer, nullable=False),
    Column("decided", Integer, nullable=False),
    Column("undecided", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("confidence", Float, nullable=False),
    Column("method", String(32), nullable=False),
    UniqueConstraint("run_id", "set_name", "rate", "category", name="one_rate_a_run_and_set"),
)

probe_schedules = Table(
    "probe_schedules",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("first_seen", Float, nullable=False),
)

probe_slots = Table(
    "probe_slots",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("deployment", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("holder", String(64), nullable=False),
    Column("lease_until", Float, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("asked", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("claimed_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("run_id", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Index("probe_slots_by_deployment", "deployment", "state"),
)

probe_failures = Table(
    "probe_failures",
    metadata,
    Column("deployment", String(200), primary_key=True),
    Column("set_name", String(200), primary_key=True),
    Column("total", Integer, nullable=False),
)

probe_costs = Table(
    "probe_costs",
    metadata,
    Column("deployment", String(200), primary_key=True),
    Column("set_name", String(200), primary_key=True),
    Column("usd", Float, nullable=False),
)

"""Records to table rows and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select

from classifiers.verdict import Label, Method, RefusalSource, Verdict
from gateway.store.records import (
    ClassifierRecord,
    ExchangeOutcome,
    ExchangeRecord,
    RunRateRecord,
    RunRecord,
    VerdictTally,
)

Query = Select[Any]

_PLAIN = (
    "capture_id",
    "request_id",
    "deployment",
    "traffic",
    "endpoint",
    "model",
    "captured_at",
    "scored_at",
    "status",
    "duration_seconds",
    "first_byte_seconds",
    "ending",
    "problem",
    "reply",
    "reasoning",
    "finish_reason",
    "tool_calls",
    "input_tokens",
    "output_tokens",
    "category",
)
"""Fields of an ExchangeRecord that are columns as they are."""
_RATE = (
    "set_name",
    "rate",
    "category",
    "hits",
    "decided",
    "undecided",
    "errors",
    "value",
    "low",
    "high",
    "confidence",
    "method",
)
_RUN = (
    "run_id",
    "deployment",
    "classifier",
    "started_at",
    "finished_at",
    "posted_at",
    "trials",
    "decided",
)


def exchange_row(record: ExchangeRecord) -> dict[str, Any]:
    """The columns of a record; the five of its verdict are NULL where it has none."""
    row: dict[str, Any] = {name: _storable(getattr(record, name)) for name in _PLAIN}
    row["outcome"] = record.outcome.value
    row["prompt"] = json.dumps(record.prompt)
    row["signals"] = json.dumps(record.signals)
    verdict = record.verdict
    if verdict is not None:
        row |= {
            "label": verdict.label.value,
            "probability": verdict.probability,
            "source": verdict.source.value,
            "method": verdict.method.value,
            "classifier": verdict.classifier,
            "reason": _storable(verdict.reason),
        }
    return row


def exchange_of(row: Row[Any]) -> ExchangeRecord:
    """The record that ``exchange_row`` wrote."""
    plain = {name: getattr(row, name) for name in _PLAIN}
    verdict = None
    if row.label is not None:
        verdict = Verdict(
            label=Label(row.label),
            probability=row.probability,
            source=RefusalSource(row.source),
            method=Method(row.method),
            classifier=row.classifier,
            reason=row.reason,
        )
    return ExchangeRecord(
        **plain,
        outcome=ExchangeOutcome(row.outcome),
        verdict=verdict,
        prompt=tuple((role, text) for role, text in json.loads(row.prompt)),
        signals=tuple(json.loads(row.signals)),
    )


def verdict_tally_of(row: Row[Any]) -> VerdictTally:
    """One cell of the verdict counter."""
    return VerdictTally(
        deployment=row.deployment,
        traffic=row.traffic,
        category=row.category,
        label=Label(row.label),
        source=RefusalSource(row.source),
        count=row.total,
    )


def classifier_row(record: ClassifierRecord) -> dict[str, Any]:
    """The columns of a classifier."""
    return {
        "name": record.name,
        "loaded_at": record.loaded_at,
        "seconds": record.seconds,
        "buckets": json.dumps(record.buckets),
        "truncated": record.truncated,
    }


def classifier_of(row: Row[Any]) -> ClassifierRecord:
    """The record that ``classifier_row`` wrote."""
    buckets = tuple(json.loads(row.buckets))
    return ClassifierRecord(row.name, row.loaded_at, row.seconds, buckets, row.truncated)


def run_row(record: RunRecord) -> dict[str, Any]:
    """The columns of a run, without its rates."""
    row: dict[str, Any] = {name: getattr(record, name) for name in _RUN}
    row["model"] = record.model
    return row | {"target": json.dumps(record.target), "summary": json.dumps(record.summary)}


def rate_rows(record: RunRecord) -> list[dict[str, Any]]:
    """One row for each rate of a run."""
    return [
        {name: getattr(rate, name) for name in _RATE} | {"run_id": record.run_id}
        for rate in record.rates
    ]


def run_of(row: Row[Any], rates: Sequence[Row[Any]]) -> RunRecord:
    """The record that ``run_row`` and ``rate_rows`` wrote."""
    plain = {name: getattr(row, name) for name in _RUN}
    return RunRecord(
        **plain,
        target=json.loads(row.target),
        summary=json.loads(row.summary),
        rates=tuple(
            RunRateRecord(**{name: getattr(rate, name) for name in _RATE}) for rate in rates
        ),
    )


def _storable(value: Any) -> Any:
    """Text that any database takes: lone surrogates, which UTF-8 has no bytes for, replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value

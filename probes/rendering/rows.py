"""A report as CSV: one row for each rate of each run, ready for a spreadsheet or a data frame."""

from __future__ import annotations

import csv
import io

from probes.report import Report

COLUMNS = (
    "target",
    "model",
    "set",
    "rate",
    "category",
    "value",
    "low",
    "high",
    "confidence",
    "hits",
    "decided",
    "undecided",
    "errors",
    "method",
    "classifier",
    "seed",
    "set_checksum",
    "note",
)


def render_csv(report: Report) -> str:
    """The rows under their header. An empty category is the whole; an empty value, no value.

    ``note`` holds, in each row of a run, what a reader of the run must be told.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for run in report.runs:
        summary = run.summary.as_json()
        shared = {name: summary[name] for name in COLUMNS if name in summary}
        shared["note"] = "; ".join((*run.notes, *(report.notes if len(report.runs) > 1 else ())))
        for rate in run.summary.rates:
            writer.writerow(shared | rate.as_json())
    return out.getvalue()

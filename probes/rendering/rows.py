"""A report as CSV: a row for each rate and each estimate, for a spreadsheet or a data frame."""

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
    "lowest",
    "highest",
    "method",
    "classifier",
    "seed",
    "set_checksum",
    "note",
    "kind",
    "count",
)


def render_csv(report: Report) -> str:
    """The rows under their header. An empty category is the whole; an empty value, no value.

    ``note`` holds, in each row of a run, what a reader of the run must be told. ``kind`` is empty
    for a rate and names an estimate, which has a ``count`` instead of hits and decided. Published
    models stand in rows of their own, with the release of the sets in ``set``.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for run in report.runs:
        summary = run.summary.as_json()
        shared = {name: summary[name] for name in COLUMNS if name in summary}
        shared["note"] = "; ".join((*run.notes, *(report.notes if len(report.runs) > 1 else ())))
        for rate in run.summary.rates:
            writer.writerow(shared | rate.as_json())
        for one in run.summary.estimates:
            note = "; ".join(filter(None, (one.note, shared["note"])))
            writer.writerow(shared | one.as_json() | {"note": note})
    for model in () if report.published is None else report.published.models:
        source = {"target": model.name, "set": f"published, {model.release.value}"}
        for rate in (model.over_refusal, model.safe_refusal):
            writer.writerow(source | rate.as_json())
    return out.getvalue()

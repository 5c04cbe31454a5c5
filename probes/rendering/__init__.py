"""A report in a format: terminal table, Markdown, JSON or CSV."""

from __future__ import annotations

import json
from collections.abc import Callable

from probes.rendering.markdown import render_markdown
from probes.rendering.rows import render_csv
from probes.rendering.table import render_table
from probes.report import Report

__all__ = ["FORMATS", "render_csv", "render_json", "render_markdown", "render_table"]


def render_json(report: Report) -> str:
    """One JSON document."""
    return json.dumps(report.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Report], str]] = {
    "table": render_table,
    "markdown": render_markdown,
    "json": render_json,
    "csv": render_csv,
}
"""Every format by the name that --format takes."""

"""A report in a format: terminal table, Markdown, JSON, CSV, JUnit or HTML page."""

from __future__ import annotations

import json
from collections.abc import Callable

from probes.rendering.junit import render_junit
from probes.rendering.markdown import render_markdown
from probes.rendering.page import render_html
from probes.rendering.rows import render_csv
from probes.rendering.table import render_table
from probes.report import Report

__all__ = [
    "FORMATS",
    "format_of",
    "render_csv",
    "render_html",
    "render_json",
    "render_junit",
    "render_markdown",
    "render_table",
]


def render_json(report: Report) -> str:
    """One JSON document."""
    return json.dumps(report.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Report], str]] = {
    "table": render_table,
    "markdown": render_markdown,
    "json": render_json,
    "csv": render_csv,
    "junit": render_junit,
    "html": render_html,
}
"""Every format by the name that --format takes."""

_BY_SUFFIX = {
    ".md": "markdown",
    ".json": "json",
    ".csv": "csv",
    ".xml": "junit",
    ".html": "html",
    ".htm": "html",
}


def format_of(suffix: str) -> str:
    """The format that a file of this suffix is to have where none is named; else a table."""
    return _BY_SUFFIX.get(suffix.lower(), "table")

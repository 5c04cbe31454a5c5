"""The direction of imports, with those for type checkers alone, which import-linter leaves out."""

from __future__ import annotations

import ast

from tests.house.source import PACKAGES, sources


def test_no_import_runs_up_the_house() -> None:
    upwards = [
        f"{source.name}:{node.lineno} {name}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imported(node)
        if name in PACKAGES and PACKAGES.index(name) > PACKAGES.index(source.name.split("/")[0])
    ]
    assert upwards == []


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Top-level packages that a statement imports from."""
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").split(".")[0]]
    return [alias.name.split(".")[0] for alias in node.names]

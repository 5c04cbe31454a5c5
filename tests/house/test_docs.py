"""Docs that cannot drift: what the program offers is written down, every link leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from gateway.cli import app
from tests.house.source import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/runbooks/*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def commands(command: Any, path: str = "candor") -> Iterator[tuple[str, Any]]:
    """Every leaf of the command tree with its full name."""
    children = getattr(command, "commands", None)
    if not children:
        yield path, command
    for name, child in (children or {}).items():
        yield from commands(child, f"{path} {name}")


def section(page: str, command: str) -> str:
    """The part of the page under the command's heading; empty where there is none."""
    found = re.search(rf"^## `{re.escape(command)}[ `].*?(?=^## |\Z)", page, re.M | re.S)
    return found.group() if found else ""


def test_every_command_and_every_option_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    missing = []
    for name, command in commands(typer.main.get_command(app)):
        text = section(page, name)
        if not text:
            missing.append(name)
        options = [o for p in command.params for o in p.opts if o.startswith("--")]
        missing += [f"{name} {o}" for o in options if o != "--help" and f"`{o}" not in text]
    assert missing == []


def test_no_page_documents_an_option_that_does_not_exist() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    offered = {
        option
        for _, command in commands(typer.main.get_command(app))
        for parameter in command.params
        for option in [*parameter.opts, *parameter.secondary_opts]
    }
    assert set(re.findall(r"`(--[a-z-]+)", page)) - offered - {"--debug", "--help"} == set()


def test_every_link_between_pages_leads_to_a_file() -> None:
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_page_of_the_docs_can_be_reached_from_the_readme() -> None:
    readme = ROOT / "README.md"
    seen: set[Path] = set()
    waiting = [readme]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        text = page.read_text(encoding="utf-8")
        waiting += [(page.parent / target).resolve() for target in LINK.findall(text)]
    unreachable = {p.resolve() for p in (ROOT / "docs").rglob("*.md")} - {p.resolve() for p in seen}
    assert unreachable == set()

"""What the tests of `candor probe run` share: a home, a set of a user's own, a model to ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.simulated import FakeModel, FakeServer
from probes.sets import load_set


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A user's own set: 30 prompts in three categories."""
    path = tmp_path / "mine.csv"
    rows = [f"How do I do thing number {n}?,{'abc'[n % 3]},comply" for n in range(30)]
    path.write_text("prompt,category,expectation\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def server(prompts: Path, home: Path) -> Iterator[FakeServer]:
    with FakeServer(FakeModel(load_set(str(prompts), home).cases)) as server:
        yield server

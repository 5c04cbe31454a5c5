"""Where the tests that read the published OR-Bench files find them, if they are here at all."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "or-bench"


def or_bench(file: str) -> Path:
    """The path of a published file; skips the test where the file is not beside the checkout."""
    path = FOLDER / file
    if not path.is_file():
        pytest.skip(f"{file} is not in shared/data/or-bench beside the checkout")
    return path

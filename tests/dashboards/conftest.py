"""A headless Chromium for the tests of the console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.chromium import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running browser; each test opens a context of its own in it."""
    with chromium() as running:
        yield running

"""Waiting for a condition, never for a time: polls until it holds or a deadline has passed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
EVERY_SECONDS = 0.02


def wait_until(condition: Callable[[], T], *, seconds: float = 30.0, what: str = "") -> T:
    """The condition's first true value; fails the test when the deadline passes before."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        time.sleep(EVERY_SECONDS)
    return value


async def wait_until_async(
    condition: Callable[[], T], *, seconds: float = 30.0, what: str = ""
) -> T:
    """The same on an event loop that has to go on turning."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        await asyncio.sleep(EVERY_SECONDS)
    return value

"""Tokens per minute: what is expected, what it came to, and what that leaves for later."""

from __future__ import annotations

import asyncio

import pytest

from probes.pace import Pace


async def gap_of(pace: Pace, tokens: float) -> float:
    """Seconds between a slot of so many tokens and the next."""
    loop = asyncio.get_running_loop()
    await pace.slot(tokens=tokens)
    began = loop.time()
    await pace.slot()
    return loop.time() - began


async def test_a_slot_takes_the_time_of_its_tokens() -> None:
    assert await gap_of(Pace(tokens_per_minute=60_000), 40) == pytest.approx(0.04, abs=0.03)


async def test_the_slower_of_the_two_budgets_counts() -> None:
    assert await gap_of(Pace(60 / 0.05, 60_000), 1) >= 0.05 * 0.9
    assert await gap_of(Pace(60 / 0.001, 60_000), 50) >= 0.05 * 0.9


async def test_what_a_reply_took_more_or_less_than_expected_moves_the_next_slot() -> None:
    loop = asyncio.get_running_loop()
    dear, cheap = Pace(tokens_per_minute=60_000), Pace(tokens_per_minute=60_000)
    for pace, came in ((dear, 60), (cheap, 0)):
        await pace.slot(tokens=30)
        pace.settle(30, came, 0)
    began = loop.time()
    await cheap.slot()
    assert loop.time() - began < 0.02
    await dear.slot()
    assert loop.time() - began >= 0.06 * 0.9


async def test_a_pause_is_kept_though_replies_took_fewer_tokens_than_expected() -> None:
    pace = Pace(tokens_per_minute=60_000)
    await pace.slot(tokens=500)
    pace.pause(0.05)
    pace.settle(500, 0, 0)
    began = asyncio.get_running_loop().time()
    await pace.slot()
    assert asyncio.get_running_loop().time() - began >= 0.05 * 0.9


def test_the_output_that_is_expected_follows_what_came() -> None:
    pace = Pace(tokens_per_minute=1000, most_output=1000)
    first = pace.expected(400)
    for _ in range(100):
        pace.settle(0, 10, 50)
    assert first == 1100
    assert pace.expected(400) == pytest.approx(150, abs=1)

"""Chance that can be replayed."""

from __future__ import annotations

from collections import Counter

from gateway.simulated.chance import draw, pick


def test_a_draw_depends_on_its_parts_alone() -> None:
    first = [draw(1, "a", str(n)) for n in range(50)]
    assert [draw(1, "a", str(n)) for n in reversed(range(50))] == first[::-1]


def test_parts_are_kept_apart() -> None:
    assert draw(0, "ab", "c") != draw(0, "a", "bc")


def test_draws_spread_evenly_over_the_unit_interval() -> None:
    tenths = Counter(int(draw(0, str(n)) * 10) for n in range(10_000))
    assert set(tenths) == set(range(10))
    assert all(850 < count < 1150 for count in tenths.values())


def test_every_option_can_be_picked() -> None:
    assert {pick("abcd", 0, str(n)) for n in range(100)} == set("abcd")


def test_a_prompt_with_a_lone_surrogate_can_be_hashed() -> None:
    assert 0 <= draw(0, "\ud800") < 1

"""What the probes' part of the benchmark measures and says."""

from __future__ import annotations

import json

from tests.bench.probing import LARGE, SMALL, Probing, as_json, figures, goals, markdown
from tests.bench.probing_child import BARE, PHRASES
from tests.bench.report import MEGABYTE
from tests.bench.rounds import Reading


def rounds(*pairs: tuple[float, float]) -> list[Reading]:
    """Rounds in which the bare loop and the run managed so many a second."""
    return [
        Reading(target, number, {"per_second": rate, "cpu_ms": 1e3 / rate})
        for number, pair in enumerate(pairs)
        for target, rate in zip((BARE, PHRASES), pair, strict=True)
    ]


def reached(found: Probing) -> list[bool | None]:
    return [goal.reached for goal in goals(found)]


def test_the_share_is_made_within_a_round_and_its_median_counts():
    found = Probing("", rounds((1000, 600), (100, 90), (2000, 1000)))
    assert found.share(PHRASES) == 0.6
    assert reached(found)[0] is True
    assert reached(Probing("", rounds((1000, 599))))[0] is False


def test_memory_may_grow_by_less_than_fifty_megabytes():
    grown = Probing("", peak_bytes={SMALL: 60 * MEGABYTE, LARGE: 109 * MEGABYTE})
    assert (grown.growth_mb(), reached(grown)[1]) == (49.0, True)
    grown.peak_bytes[LARGE] += MEGABYTE
    assert reached(grown)[1] is False


def test_what_was_not_measured_is_neither_reached_nor_missed():
    assert reached(Probing("")) == [None, None]
    assert figures(Probing("")) == {}


def test_figures_are_medians_by_target():
    shown = figures(Probing("", rounds((1000, 600), (1000, 700), (1000, 800))))
    assert shown[PHRASES]["per_second"] == 700 and shown[PHRASES]["share"] == 0.7


def test_the_page_and_the_document_hold_every_goal():
    found = Probing("our replies", rounds((1000, 640)), {SMALL: 10**7})
    page = markdown(found, {"cores": "2"})
    assert "0.640" in page and "at least 0.6" in page and "not measured" in page
    assert "our replies" in page and "cores: 2" in page
    assert json.loads(json.dumps(as_json(found)))["goals"][0]["reached"] is True

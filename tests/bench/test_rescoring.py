"""What rescoring's part of the benchmark measures and says."""

from __future__ import annotations

import os

import pytest

from tests.bench.rescoring import JUDGING, RESCORING, Rescoring, as_json, goals, rescoring
from tests.bench.rounds import Reading
from tests.bench.scenarios import Effort


def found(judging: float, rescored: float, **peaks: int) -> Rescoring:
    seconds = {JUDGING: judging, RESCORING: rescored}
    rounds = [Reading(name, 0, {"seconds": value}) for name, value in seconds.items()]
    return Rescoring("", rounds, {1000: peaks.get("few", 0), 20_000: peaks.get("many", 0)})


@pytest.mark.parametrize(("seconds", "reached"), [(1.14, True), (1.16, False)])
def test_what_a_file_adds_to_judging_is_a_ratio_within_one_round(seconds, reached):
    assert goals(found(1.0, seconds))[0].reached is reached


@pytest.mark.parametrize(("many", "reached"), [(149_000_000, True), (151_000_000, False)])
def test_memory_may_grow_by_so_much_and_no_more(many, reached):
    assert goals(found(1.0, 1.0, few=100_000_000, many=many))[1].reached is reached


def test_what_was_not_measured_is_neither_reached_nor_missed():
    assert [goal.reached for goal in goals(Rescoring(""))] == [None, None]


@pytest.mark.timeout(120)  # three fresh processes, one of which loads the model twice
def test_a_small_measurement_has_every_figure():
    measured = rescoring(
        frozenset(list(os.sched_getaffinity(0))[:1]), Effort(rounds=2, replies=4), many=1500
    )
    assert len(measured.times) == 2 and min(measured.times) > 0
    assert sorted(measured.peaks) == [1000, 1500]
    assert all(goal["value"] is not None for goal in as_json(measured)["goals"])

"""What reports' part of the benchmark measures and says."""

from __future__ import annotations

import os

import pytest

from tests.bench.reporting import Reporting, as_json, goals, reporting
from tests.bench.scenarios import Effort


@pytest.mark.parametrize(("seconds", "reached"), [(4.9, True), (5.1, False)])
def test_a_report_may_take_so_long_and_no_longer(seconds, reached):
    [goal] = goals(Reporting(80_000, reports=[1.0, seconds, 9.0], parses=[1.0] * 3))
    assert goal.reached is reached


def test_what_was_not_measured_is_neither_reached_nor_missed():
    assert [goal.reached for goal in goals(Reporting(80_000))] == [None]


@pytest.mark.timeout(60)  # two fresh processes
def test_a_small_measurement_has_every_figure():
    one_core = frozenset(list(os.sched_getaffinity(0))[:1])
    found = reporting(one_core, Effort(rounds=2), trials=300)
    assert len(found.times) == 2 and min(found.times) > 0
    assert found.file_bytes > 100_000 and found.page_bytes > 30_000
    assert as_json(found)["trials"] == 300

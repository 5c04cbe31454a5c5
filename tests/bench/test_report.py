"""What the benchmark makes of its readings."""

from __future__ import annotations

import random

import pytest

from tests.bench.load import LoadProblem, wrk_result
from tests.bench.report import Measured, goals, markdown, put_into
from tests.bench.rounds import Reading, order
from tests.bench.scenarios import SCENARIOS, Effort, quantile
from tests.bench.standing import Endurance, Standing
from tests.bench.targets import Target
from tests.services import ROOT

WRK = """Running 1s test @ http://127.0.0.1:1/
  1 threads and 16 connections
  {} requests in 1.10s, 3.01MB read
"""


def small(target: str, number: int, cpu: float) -> Reading:
    return Reading(target, number, {"cpu_ms_per_1k": cpu, "per_second": 1.0})


def measured(**found: object) -> Measured:
    return Measured({}, **found)  # type: ignore[arg-type]


def reached(found: Measured, what: str) -> list[bool | None]:
    return [goal.reached for goal in goals(found) if what in goal.what]


def test_a_ratio_is_taken_within_each_round_and_then_its_median() -> None:
    # The machine was twice as slow in the second round: for both, so the ratio does not move.
    rows = [small("nginx", 0, 10), small("candor", 0, 40)]
    rows += [small("candor", 1, 80), small("nginx", 1, 20)]
    [goal] = [each for each in goals(measured(rounds={"small": rows})) if "nginx" in each.what][:1]
    assert goal.value == 4.0
    assert goal.reached is True


def test_a_round_in_which_one_of_the_two_had_no_turn_is_left_out() -> None:
    rows = [small("candor", n, 100) for n in range(7)] + [small("litellm", 0, 20_000)]
    assert reached(measured(rounds={"small": rows}), "LiteLLM's") == [True]


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    found = goals(measured())
    assert {goal.reached for goal in found} == {None}
    assert {goal.mark for goal in found} == {"not measured"}


def test_each_limit_is_the_one_that_was_set() -> None:
    def at_rest(megabytes: float, seconds: float) -> Measured:
        return measured(standing=[Standing("candor", seconds, int(megabytes * 1e6), 0)])

    assert reached(at_rest(119.9, 1.4), "idle memory") == [True]
    assert reached(at_rest(120.0, 1.4), "idle memory") == [False]
    assert reached(at_rest(100, 1.5), "start to first") == [False]


def test_one_broken_stream_of_a_thousand_is_a_miss() -> None:
    def endured(broken: int, per_stream: float) -> Measured:
        return measured(endurance=Endurance(1000, 60.0, broken, per_stream, 1.0))

    assert reached(endured(0, 63 * 1024), "streams") == [True, True]
    assert reached(endured(1, 64 * 1024), "streams") == [False, False]


def test_the_page_shows_every_goal_and_every_target() -> None:
    rows = [small(name, 0, 10) for name in ("nginx", "candor", "litellm")]
    page = markdown(measured(rounds={"small": rows}), {"small": "Small calls"})
    assert "### Small calls" in page
    for goal in goals(measured()):
        assert goal.what in page
    assert "| candor | 10.0 | 1.00 | 1.00 |" in page


def test_wrk_is_believed_only_when_every_call_was_answered() -> None:
    assert wrk_result(WRK.format(2200)).calls == 2200
    assert wrk_result(WRK.format(2200)).seconds == pytest.approx(1.1)
    for trouble in (
        "  Non-2xx or 3xx responses: 3\n",
        "  Socket errors: connect 0, read 1, write 0, timeout 0\n",
    ):
        with pytest.raises(LoadProblem):
            wrk_result(WRK.format(2200) + trouble)
    with pytest.raises(LoadProblem):
        wrk_result("unable to connect")


def test_a_quantile_is_a_value_that_was_seen() -> None:
    assert quantile([float(n) for n in range(1, 101)], 0.99) == 99.0
    assert quantile([3.0], 0.99) == 3.0
    assert quantile([2.0, 1.0], 0.5) == 1.0


def test_the_order_of_a_round_is_drawn_and_a_slow_target_has_few_turns() -> None:
    targets = [Target(name, 1, "small") for name in ("nginx", "candor", "direct")]
    slow = Target("litellm", 1, "small", slow=True)
    effort = Effort(rounds=30, slow_rounds=2)
    draw = random.Random(1)
    rounds = [order([*targets, slow], draw, effort, number=n) for n in range(30)]
    assert len({tuple(each.name for each in one if not each.slow) for one in rounds}) == 6
    assert [slow in one for one in rounds] == [True] * 2 + [False] * 28


def test_every_scenario_has_the_gateway_and_what_it_is_compared_with() -> None:
    for scenario in SCENARIOS:
        assert {"nginx", "candor", "litellm"} <= set(scenario.targets)


def test_the_tables_of_the_docs_can_be_put_there_again() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    once = put_into(page, "new tables\n")
    assert put_into(once, "new tables\n") == once
    assert once.count("new tables") == 1
    assert once.startswith("# Benchmarks")
    assert once.endswith(page[-200:])
    with pytest.raises(ValueError, match="marks"):
        put_into("a page without", "tables")

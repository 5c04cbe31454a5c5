"""One point a target, from the newest run of each of its sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.case import Expectation
from probes.frontier import FrontierPoint, frontier, left_out
from probes.header import SetStamp
from probes.runfile import Run
from probes.trial import Trial
from tests.probes.trials import C, E, R, a_run_file, named, trials_of

HARD, TOXIC = SetStamp("hard", "h", 4), SetStamp("toxic", "t", 4)


def hard(path: Path, target: str, outcomes: list[str], *, created: float = 1.0) -> Run:
    return a_run_file(
        path, trials_of(outcomes), target=named(target), sets=(HARD,), created=created
    )


def toxic(path: Path, target: str, outcomes: list[str], *, created: float = 1.0) -> Run:
    trials = trials_of(outcomes, expectation=Expectation.REFUSE, of="toxic")
    return a_run_file(path, trials, target=named(target), sets=(TOXIC,), created=created)


def test_two_runs_of_one_target_make_one_point(tmp_path: Path) -> None:
    [point] = frontier(
        [
            hard(tmp_path / "1", "balanced", [R, C, C, C]),
            toxic(tmp_path / "2", "balanced", [R, R, R, C]),
        ]
    )
    assert point.target == "balanced" and point.sets == ("hard", "toxic")
    assert point.over_refusal is not None and point.over_refusal.value == 0.25
    assert point.safe_refusal is not None and point.safe_refusal.value == 0.75


def test_one_run_over_two_sets_gives_the_same_point_as_two_runs(tmp_path: Path) -> None:
    trials = trials_of([R, C, C, C]) + trials_of(
        [R, R, R, C], expectation=Expectation.REFUSE, of="toxic"
    )
    one = a_run_file(tmp_path / "1", trials, target=named("b"), sets=(HARD, TOXIC))
    two = [hard(tmp_path / "2", "b", [R, C, C, C]), toxic(tmp_path / "3", "b", [R, R, R, C])]
    assert frontier([one]) == frontier(two)


def test_only_the_newest_run_of_a_set_counts(tmp_path: Path) -> None:
    old = hard(tmp_path / "old", "m", [R, R, R, R], created=1.0)
    new = hard(tmp_path / "new", "m", [C, C, C, R], created=2.0)
    for runs in ([old, new], [new, old]):
        [point] = frontier(runs)
        assert point.over_refusal is not None
        assert (point.over_refusal.hits, point.over_refusal.decided) == (1, 4)


def test_points_stand_in_order_of_over_refusal_the_unmeasured_last(tmp_path: Path) -> None:
    runs = [
        toxic(tmp_path / "1", "only-toxic", [R, R]),
        hard(tmp_path / "2", "cautious", [R, R]),
        hard(tmp_path / "3", "down", [E, E]),
        hard(tmp_path / "4", "balanced", [R, C]),
    ]
    assert [point.target for point in frontier(runs)] == [
        "balanced",
        "cautious",
        "only-toxic",
        "down",
    ]


def test_a_rate_that_no_set_measures_is_null_not_zero(tmp_path: Path) -> None:
    [point] = frontier([hard(tmp_path / "1", "m", [R, C])])
    assert point.as_json()["safe_refusal"] is None
    assert point.as_json()["over_refusal"]["value"] == pytest.approx(0.5)


def test_no_run_is_no_point() -> None:
    assert frontier([]) == []


def test_models_of_one_deployment_are_points_of_their_own_and_their_sets_are_never_pooled(
    tmp_path: Path,
) -> None:
    def of(model: str, path: str, trials: list[Trial], stamp: SetStamp, created: float) -> Run:
        target = named("default") | {"model": model, "deployment": "default"}
        return a_run_file(tmp_path / path, trials, target=target, sets=(stamp,), created=created)

    refuse = Expectation.REFUSE
    runs = [
        of("gpt-4o", "1", trials_of([R, C, C, C]), HARD, 1.0),
        of("gpt-5", "2", trials_of([R, R, C, C]), HARD, 2.0),
        of("gpt-5", "3", trials_of([R, C], expectation=refuse, of="toxic"), TOXIC, 3.0),
    ]
    first, second = frontier(runs)
    assert (first.title, second.title) == ("default (gpt-4o)", "default (gpt-5)")
    assert (first.target, first.model, first.sets) == ("default", "gpt-4o", ("hard",))
    assert first.safe_refusal is None and second.safe_refusal is not None
    assert first.as_json()["model"] == "gpt-4o"
    assert left_out(runs) == []


@pytest.mark.parametrize(
    ("target", "model", "title"),
    [("gpt-4o", "gpt-4o", "gpt-4o"), ("m@http://h/v1", "m", "m@http://h/v1"), ("d", "", "d")],
)
def test_the_model_is_not_said_twice(target: str, model: str, title: str) -> None:
    assert FrontierPoint(target, (), None, None, model).title == title

"""What changed between two runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from probes.case import Expectation
from probes.changes import CHANGES_KEPT, Changes, Direction, changes_among
from probes.header import SetStamp
from probes.rates import RateName
from probes.rendering import render_html, render_markdown, render_table
from probes.report import Report, make_report
from probes.runfile import Run
from probes.samples import SAMPLES_KEPT, samples_of
from probes.trial import Trial
from tests.probes.trials import C, E, R, U, a_case, a_run_file, a_trial, named, trials_of

OVER = RateName.OVER_REFUSAL


def run_of(path: Path, outcomes: Sequence[str], **header: object) -> Run:
    return a_run_file(path, trials_of(outcomes), **header)


def the_change(*runs: Run) -> Changes:
    [found] = changes_among(runs)
    return found


def test_the_prompts_that_turned_carry_a_reply_of_each_side(tmp_path: Path) -> None:
    found = the_change(
        run_of(tmp_path / "old", [C, C, R, R, U], created=1.0, run_id="old"),
        run_of(tmp_path / "new", [R, C, C, R, R], created=2.0, run_id="new"),
    )
    [one] = found.shown(OVER, Direction.NEWLY_REFUSED)
    assert one.case.id == "violence-0"
    assert (one.before.verdict and one.before.verdict.refused) is False
    assert (one.after.verdict and one.after.verdict.refused) is True
    [other] = found.shown(OVER, Direction.NEWLY_ANSWERED)
    assert other.case.id == "violence-2"
    [rate] = found.rates
    assert (rate.pairs.count, rate.pairs.unpaired) == (4, 1)
    assert rate.difference is not None and rate.difference.p_value == 1.0


def test_the_newer_run_comes_after_whatever_the_order_on_the_command_line(tmp_path: Path) -> None:
    old = run_of(tmp_path / "old", [C], created=1.0, run_id="old")
    new = run_of(tmp_path / "new", [R], created=2.0, run_id="new")
    for runs in ((old, new), (new, old)):
        assert the_change(*runs).count(OVER, Direction.NEWLY_REFUSED) == 1


def test_of_three_runs_of_a_target_the_last_two_are_compared(tmp_path: Path) -> None:
    runs = [
        run_of(tmp_path / str(n), [what], created=float(n), run_id=str(n))
        for n, what in enumerate((R, C, R))
    ]
    found = the_change(*runs)
    assert (found.before.run_id, found.after.run_id) == ("1", "2")


def test_two_runs_of_two_targets_are_compared_in_the_order_given(tmp_path: Path) -> None:
    first = run_of(tmp_path / "a", [C], created=2.0, target=named("a"))
    second = run_of(tmp_path / "b", [R], created=1.0, target=named("b"))
    assert the_change(first, second).before.target_name == "a"
    third = run_of(tmp_path / "c", [R], target=named("c"))
    assert changes_among([first, second, third]) == []


def test_more_prompts_than_are_kept_are_counted_all_the_same(tmp_path: Path) -> None:
    many = 5 * CHANGES_KEPT
    found = the_change(
        run_of(tmp_path / "old", [C] * many, created=1.0),
        run_of(tmp_path / "new", [R] * many, created=2.0),
    )
    assert found.count(OVER, Direction.NEWLY_REFUSED) == many
    assert len(found.changed) == CHANGES_KEPT
    assert len(found.as_json()["rates"][0]["newly_refused"]) == many


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sets": (SetStamp("hard", "other", 10),)}, "share no set of the same release"),
        ({"classifier": "judge@1"}, "different classifiers (cascade(phrases@1) and judge@1)"),
    ],
)
def test_runs_that_cannot_be_paired_say_why_and_hold_no_change(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    found = the_change(
        run_of(tmp_path / "old", [C], created=1.0),
        run_of(tmp_path / "new", [R], created=2.0, **change),
    )
    assert said in found.problem
    assert found.rates == () and found.changed == ()


def test_a_run_that_mostly_failed_is_no_side_of_a_comparison(tmp_path: Path) -> None:
    found = the_change(
        run_of(tmp_path / "old", [C] * 10, created=1.0),
        run_of(tmp_path / "new", [R] * 4 + [E] * 6, created=2.0),
    )
    assert found.problem == "6 of 10 trials of new ended in error"
    assert found.rates == ()


def test_a_run_that_left_most_undecided_is_no_side_of_a_comparison(tmp_path: Path) -> None:
    found = the_change(
        run_of(tmp_path / "old", [C] * 10, created=1.0),
        run_of(tmp_path / "new", [R] * 4 + [U] * 5 + [E], created=2.0),
    )
    assert found.problem == "6 of 10 trials of new are undecided or ended in error"
    assert found.rates == ()


def test_a_rate_without_a_value_has_no_difference_either_and_the_other_has(tmp_path: Path) -> None:
    harmful = trials_of([R] * 10, category="hate", expectation=Expectation.REFUSE)
    sides = {"old": [C] * 10, "new": [R] * 4 + [U] * 6}
    found = the_change(
        *(
            a_run_file(tmp_path / name, [*trials_of(outcomes), *harmful], created=created)
            for created, (name, outcomes) in enumerate(sides.items())
        )
    )
    over, safe = found.rates
    assert over.difference is None and over.categories == ()
    assert over.count(Direction.NEWLY_REFUSED) == 4
    assert safe.difference is not None


def test_runs_that_were_asked_differently_are_named_with_what_differs(tmp_path: Path) -> None:
    old = run_of(tmp_path / "old", [C], created=1.0, run_id="old", parameters={"top_p": 1.0})
    new = run_of(tmp_path / "new", [R], created=2.0, run_id="new", parameters={"system": "Be."})
    assert "old and new were asked with another system prompt, top_p" in " ".join(
        make_report([old, new]).notes
    )
    assert not any("asked with another" in note for note in make_report([old, old]).notes)


def test_repeats_turn_by_majority_and_show_a_reply_of_it(tmp_path: Path) -> None:
    case = a_case("x")
    before = [a_trial(case, what, repeat=n) for n, what in enumerate((R, C, C))]
    after = [a_trial(case, what, repeat=n) for n, what in enumerate((C, R, R))]
    found = the_change(
        a_run_file(tmp_path / "old", before, created=1.0, repeats=3),
        a_run_file(tmp_path / "new", after, created=2.0, repeats=3),
    )
    [one] = found.changed
    assert (one.before.repeat, one.after.repeat) == (1, 1)


def test_samples_are_what_went_wrong_one_of_each_category_first() -> None:
    trials = [
        *trials_of([R] * 30, category="hate"),
        *trials_of([R, C], category="privacy"),
        *trials_of([C, R, U, E], category="hate", expectation=Expectation.REFUSE, of="toxic"),
    ]
    over, unsafe = samples_of(trials)
    assert (over.expectation, over.count, len(over.shown)) == (
        Expectation.COMPLY,
        31,
        SAMPLES_KEPT,
    )
    assert [trial.case.category for trial in over.shown[:3]] == ["hate", "privacy", "hate"]
    assert (unsafe.expectation, unsafe.count) == (Expectation.REFUSE, 1)


def test_nothing_went_wrong_where_nobody_said_what_to_expect() -> None:
    assert samples_of(trials_of([R, C], expectation=Expectation.UNKNOWN)) == ()


def test_only_categories_that_moved_more_than_chance_are_said_to_have_moved(
    tmp_path: Path,
) -> None:
    def outcomes(hate: str) -> list[Trial]:
        return [
            *trials_of([C] * 30 + [hate] * 20, category="hate"),
            *trials_of([C] * 49 + [hate], category="privacy"),
            *trials_of([C] * 50, category="violence"),
        ]

    found = the_change(
        a_run_file(tmp_path / "old", outcomes(C), created=1.0),
        a_run_file(tmp_path / "new", outcomes(R), created=2.0),
    )
    [rate] = found.rates
    assert rate.count(Direction.NEWLY_REFUSED) == 21
    assert len(rate.categories) == 3
    assert [one.category for one in rate.moved] == ["hate"]
    [hate] = rate.moved
    assert hate.difference is not None and hate.adjusted_p is not None
    assert hate.adjusted_p >= 3 * hate.difference.p_value
    for render in (render_table, render_markdown, render_html):
        shown = render(Report((), (), changes=(found,)))
        assert "2 of 3 categories moved no more than chance" in " ".join(shown.split())


def test_a_rate_of_one_category_is_not_told_twice(tmp_path: Path) -> None:
    old = run_of(tmp_path / "old", [C] * 20, created=1.0)
    found = the_change(old, run_of(tmp_path / "new", [R] * 20, created=2.0))
    [rate] = found.rates
    assert rate.categories == () and rate.moved == []

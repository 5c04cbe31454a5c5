"""What a report says, in every format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from probes.case import Expectation
from probes.header import SetStamp
from probes.rendering import FORMATS, render_csv, render_json, render_markdown, render_table
from probes.rendering.figures import bar, scatter
from probes.report import Report, make_report
from probes.runfile import Run, RunWriter, read_run
from tests.probes.trials import C, E, R, U, a_header, a_run_file, named, trials_of

CONTRACT = {
    "set",
    "target",
    "model",
    "trials",
    "decided",
    "undecided",
    "errors",
    "rates",
    "estimates",
    "classifier",
    "seed",
    "set_checksum",
}


def a_run(path: Path, target: str = "balanced", over: int = 2, safe: int = 9) -> Run:
    trials = (
        trials_of([R] * over + [C] * (10 - over), category="violence")
        + trials_of([C, C, U, E], category="hate")
        + trials_of([R] * safe + [C] * (10 - safe), expectation=Expectation.REFUSE, of="toxic")
    )
    sets = (SetStamp("hard", "h" * 64, 14), SetStamp("toxic", "t" * 64, 10))
    return a_run_file(path, trials, target=named(target), sets=sets)


@pytest.fixture
def one(tmp_path: Path) -> Report:
    return make_report([a_run(tmp_path / "one.jsonl")])


@pytest.fixture
def several(tmp_path: Path) -> Report:
    return make_report(
        [
            a_run(tmp_path / "b.jsonl"),
            a_run(tmp_path / "c.jsonl", "cautious", over=9, safe=10),
            a_run(tmp_path / "p.jsonl", "permissive", over=0, safe=1),
        ]
    )


def test_one_runs_json_is_the_summary_of_the_contract(tmp_path: Path) -> None:
    run = a_run_file(tmp_path / "run.jsonl", trials_of([R, C]))
    document = json.loads(render_json(make_report([run])))
    assert set(document) == CONTRACT
    assert document["set"] == "hard" and document["set_checksum"] == "abc123"
    assert document["target"] == "balanced@http://127.0.0.1:9/v1"
    assert [document[key] for key in ("trials", "decided", "undecided", "errors")] == [2, 2, 0, 0]


def test_a_run_over_two_sets_names_both_and_has_a_checksum_of_both(one: Report) -> None:
    document = one.as_json()
    assert document["set"] == "hard+toxic"
    assert len(document["set_checksum"]) == 64
    assert document["set_checksum"] not in ("h" * 64, "t" * 64)


def test_several_runs_json_holds_their_summaries_and_the_frontier(several: Report) -> None:
    document = json.loads(render_json(several))
    assert len(document["runs"]) == 3
    assert [point["target"] for point in document["frontier"]] == [
        "permissive",
        "balanced",
        "cautious",
    ]
    assert document["notes"] == []


def test_the_table_shows_each_category_with_rate_interval_and_counts(one: Report) -> None:
    lines = render_table(one).splitlines()
    violence = next(line for line in lines if line.strip().startswith("violence"))
    assert "20.0 %" in violence and "5.7 – 51.0 %" in violence and "2/10" in violence
    hate = next(line for line in lines if line.strip().startswith("hate"))
    assert hate.split()[-2:] == ["1", "1"]


def test_the_table_of_several_runs_ends_in_their_frontier_and_its_drawing(
    several: Report,
) -> None:
    text = render_table(several)
    frontier = text[text.index("Frontier") :]
    rows = [line for line in frontier.splitlines() if line.strip().startswith(("A ", "B ", "C "))]
    assert ["permissive" in rows[0], "balanced" in rows[1], "cautious" in rows[2]] == [True] * 3
    assert "over-refusal" in frontier and "└" in frontier


def test_no_line_of_the_table_is_wider_than_asked(several: Report) -> None:
    for width in (60, 80, 100, 120):
        assert max(map(len, render_table(several, width=width).splitlines())) <= width


def test_colour_is_only_there_when_asked_for(one: Report) -> None:
    assert "\x1b[" not in render_table(one)
    assert "\x1b[" in render_table(one, colour=True)


def test_names_cannot_smuggle_markup_into_the_table(tmp_path: Path) -> None:
    trials = trials_of([R, C], category="[red]x[/red]")
    run = a_run_file(tmp_path / "run.jsonl", trials, target=named("[bold]m[/nope]"))
    text = render_table(make_report([run]))
    assert "[red]x[/red]" in text and "[bold]m[/nope]" in text


def test_markdown_cells_cannot_be_ended_by_what_stands_in_them(tmp_path: Path) -> None:
    trials = trials_of([R, C], category="a|b\n<script>")
    run = a_run_file(tmp_path / "run.jsonl", trials)
    text = render_markdown(make_report([run]))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} <= {6, 7}
    assert "<script>" not in text


def test_markdown_puts_the_frontier_first(several: Report) -> None:
    text = render_markdown(several)
    assert text.startswith("## Frontier\n")
    assert text.count("\n## ") == 3


def test_csv_has_a_row_for_every_rate_of_every_run(several: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(several))))
    rates = [row for row in rows if not row["kind"]]
    assert len(rates) == sum(len(run.summary.rates) for run in several.runs)
    assert len(rows) - len(rates) == sum(len(run.summary.estimates) for run in several.runs) > 0
    whole = next(row for row in rows if row["rate"] == "over_refusal" and not row["category"])
    assert float(whole["value"]) == 2 / 12
    assert (whole["hits"], whole["decided"], whole["undecided"], whole["errors"]) == (
        "2",
        "12",
        "1",
        "1",
    )


def test_an_incomplete_run_is_said_to_be_one_in_every_prose_and_in_json(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter.create(path, a_header(planned=1319)) as run:
        for trial in trials_of([R, C]):
            run.write_trial(trial)
    report = make_report([read_run(path)])
    for text in (render_table(report), render_markdown(report), render_json(report)):
        assert "incomplete: 2 of 1,319 trials" in text


def test_a_rate_without_a_value_is_a_dash_an_empty_cell_and_a_null(tmp_path: Path) -> None:
    report = make_report([a_run_file(tmp_path / "run.jsonl", trials_of([R] + [E] * 9))])
    table = render_table(report)
    assert "no value: 9 of 10 trials ended in error" in table
    assert "9 x timed out" in table
    assert "100.0 %" not in table
    [whole, _] = report.as_json()["rates"]
    assert (whole["value"], whole["low"], whole["high"], whole["hits"]) == (None, None, None, 1)
    assert next(csv.DictReader(io.StringIO(render_csv(report))))["value"] == ""
    assert "NaN" not in render_json(report)


def test_many_undecided_replies_bound_the_rate_that_is_shown(tmp_path: Path) -> None:
    run = a_run_file(tmp_path / "run.jsonl", trials_of([R] * 2 + [C] * 3 + [U] * 5))
    assert "the rate is 20.0 % to 70.0 %" in render_table(make_report([run]), width=120)


def test_runs_that_do_not_compare_are_said_not_to(tmp_path: Path) -> None:
    runs = [
        a_run_file(tmp_path / "1", trials_of([R]), target=named("a")),
        a_run_file(
            tmp_path / "2",
            trials_of([R]),
            target=named("b"),
            sets=(SetStamp("hard", "fff", 1),),
            classifier="judge@1",
        ),
        a_run_file(
            tmp_path / "3",
            trials_of([R], of="toxic"),
            target=named("c"),
            sets=(SetStamp("toxic", "t", 1),),
        ),
    ]
    notes = " ".join(make_report(runs).notes)
    for said in ("not asked the same sets", "different releases of hard", "different classifiers"):
        assert said in notes


def test_the_same_runs_give_the_same_report_to_the_last_character(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run.jsonl")
    for render in FORMATS.values():
        assert render(make_report([run])) == render(make_report([read_run(run.path)]))


def test_the_bar_puts_the_value_within_its_interval(one: Report) -> None:
    drawn = bar(one.runs[0].by_rate()[next(iter(one.runs[0].by_rate()))][0])
    assert len(drawn) == 25
    assert drawn.strip("·").count("●") == 1


def test_the_drawing_puts_safer_higher_and_more_refusing_further_right(several: Report) -> None:
    lines = scatter(several.frontier)
    place = {
        letter: (row, line.index(letter))
        for row, line in enumerate(lines)
        for letter in "ABC"
        if letter in line
    }
    permissive, balanced, cautious = place["A"], place["B"], place["C"]
    assert permissive[0] > balanced[0] > cautious[0]
    assert permissive[1] < balanced[1] < cautious[1]


def test_targets_that_fall_on_one_place_are_drawn_as_a_star(tmp_path: Path) -> None:
    twins = make_report([a_run(tmp_path / "a", "a"), a_run(tmp_path / "b", "b")])
    assert any("*" in line for line in scatter(twins.frontier))


def test_nothing_is_drawn_where_no_target_has_both_rates(tmp_path: Path) -> None:
    runs = [a_run_file(tmp_path / "1", trials_of([R]))]
    assert scatter(make_report(runs).frontier) == []


LONG = "anthropic-claude-sonnet@http://127.0.0.1:9/v1"


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_cuts_no_category_rate_interval_or_count(
    tmp_path: Path, width: int
) -> None:
    category = "privacy-and-personal-records"
    trials = trials_of([R] * 3 + [C] * 1000 + [U, E], category=category)
    runs = [
        a_run_file(tmp_path / name, trials, target=named(name + LONG)) for name in ("one", "two")
    ]
    text = render_table(make_report(runs), width=width)
    row = next(line for line in text.splitlines() if category in line and "%" in line)
    assert row.split()[:8] == [category, "0.3", "%", "0.1", "–", "0.9", "%", "3/1,003"]
    assert "…" not in text
    frontier = text[text.index("Frontier") :]
    assert "one" + LONG in frontier and "two" + LONG in frontier
    assert frontier.count("3/1,003") == 2 and frontier.count("0.1 – 0.9 %") == 2


def test_the_bar_goes_before_the_columns_of_what_was_not_decided(one: Report) -> None:
    wide, less, least = (render_table(one, width=width) for width in (110, 70, 50))
    heads = [
        next(line for line in text.splitlines() if line.startswith(" Over-refusal"))
        for text in (wide, less, least)
    ]
    assert ["●" in text for text in (wide, less, least)] == [True, False, False]
    assert ["undecided" in head for head in heads] == [True, True, False]
    assert "hate 1 undecided, 1 errors" in " ".join(least.split())


def catch_all(model: str) -> dict[str, object]:
    return named("default") | {"model": model, "deployment": "default"}


def test_two_models_of_one_deployment_are_told_apart_in_every_format(tmp_path: Path) -> None:
    runs = [
        a_run_file(tmp_path / "1", trials_of([R, C]), target=catch_all("gpt-4o")),
        a_run_file(tmp_path / "2", trials_of([C, C]), target=catch_all("gpt-5")),
    ]
    report = make_report(runs)
    for text in (render_table(report), render_markdown(report)):
        for title in ("default (gpt-4o)", "default (gpt-5)"):
            assert text.count(title) >= 2
    assert {point["model"] for point in report.as_json()["frontier"]} == {"gpt-4o", "gpt-5"}
    rows = csv.DictReader(io.StringIO(render_csv(report)))
    assert {row["model"] for row in rows} == {"gpt-4o", "gpt-5"}


def test_a_run_that_a_newer_smaller_one_replaces_on_the_frontier_is_named(tmp_path: Path) -> None:
    full = a_run_file(tmp_path / "full.jsonl", trials_of([R] * 50), created=1.0)
    small = a_run_file(tmp_path / "small.jsonl", trials_of([C] * 3), created=2.0)
    for runs in ([full, small], [small, full]):
        assert make_report(runs).notes == (
            "full.jsonl (50 trials) does not count for hard in the frontier: small.jsonl "
            "(3 trials) is the newer run of balanced@http://127.0.0.1:9/v1",
        )


def test_what_the_intervals_cover_stands_at_the_foot_of_what_is_read(one: Report) -> None:
    for text in (render_table(one), render_markdown(one)):
        foot = " ".join(text.split())
        assert foot.endswith("nor what undecided or failed trials would have been.")
        assert "Intervals cover sampling error only: not the classifier's own errors" in foot


def test_csv_tells_in_each_row_what_a_reader_of_the_run_must_know(tmp_path: Path) -> None:
    run = a_run_file(tmp_path / "run.jsonl", trials_of([R, C]), planned=9)
    for row in csv.DictReader(io.StringIO(render_csv(make_report([run])))):
        assert row["note"].startswith("incomplete: 2 of 9 trials")


def test_a_point_counts_of_a_run_only_the_sets_of_which_it_is_the_newest(tmp_path: Path) -> None:
    full = a_run(tmp_path / "full.jsonl", over=2, safe=9)
    newer = a_run_file(
        tmp_path / "newer.jsonl",
        trials_of([C] * 10, expectation=Expectation.REFUSE, of="toxic"),
        target=named("balanced"),
        sets=(SetStamp("toxic", "t" * 64, 10),),
        created=1_800_000_000.0,
    )
    [point] = make_report([full, newer]).frontier
    assert point.over_refusal is not None and point.over_refusal.hits == 2
    assert point.safe_refusal is not None and point.safe_refusal.hits == 0

"""`candor report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.probes.commands import candor
from tests.probes.trials import C, R, a_run_file, named, trials_of

RECOVERED = Path(__file__).parents[3] / "shared" / "data" / "or-bench" / "published.json"


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [
        a_run_file(tmp_path / f"{name}.jsonl", trials_of(outcomes), target=named(name)).path
        for name, outcomes in (("balanced", [R, C, C]), ("cautious", [R, R, C]))
    ]


def test_the_table_is_what_is_shown_unless_asked_otherwise(
    runs: list[Path], tmp_path: Path
) -> None:
    ended = candor("report", *runs, home=tmp_path)
    assert ended.code == 0
    assert "Over-refusal" in ended.out and "Frontier" in ended.out


@pytest.mark.parametrize("name", ["table", "markdown", "json", "csv", "junit", "html"])
def test_every_format_goes_to_stdout_or_into_a_file_alike(
    name: str, runs: list[Path], tmp_path: Path
) -> None:
    shown = candor("report", *runs, "--format", name, home=tmp_path)
    path = tmp_path / "deep" / "report"
    written = candor("report", *runs, "--format", name, "--output", path, home=tmp_path)
    assert (shown.code, written.code, written.out) == (0, 0, "")
    assert path.read_text() == shown.out


@pytest.mark.parametrize("name", ["table", "markdown", "json", "csv", "junit", "html"])
def test_a_run_file_gives_no_commands_to_the_terminal(name: str, tmp_path: Path) -> None:
    hostile = "a\x1b]0;owned\x07\x1b[2J\x9b"
    of = named(hostile)
    runs = [
        a_run_file(tmp_path / f"{n}.jsonl", trials_of([R, C]), target=of, classifier=hostile).path
        for n in range(2)
    ]
    for paths in (runs, runs[:1]):
        shown = candor("report", *paths, "--format", name, home=tmp_path)
        assert shown.code == 0 and "owned" in shown.out
        assert not set(shown.out) & {"\x1b", "\x07", "\x9b"}


def test_json_of_one_run_is_its_summary(runs: list[Path], tmp_path: Path) -> None:
    ended = candor("report", runs[0], "--format", "json", home=tmp_path)
    assert json.loads(ended.out)["target"] == "balanced"


def test_an_unknown_format_is_one_line_that_names_the_known_ones(
    runs: list[Path], tmp_path: Path
) -> None:
    ended = candor("report", *runs, "--format", "pdf", home=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert (
        ended.err
        == "candor: there is no format 'pdf'; known: table, markdown, json, csv, junit, html\n"
    )


def test_a_truncated_run_is_reported_as_far_as_it_goes(runs: list[Path], tmp_path: Path) -> None:
    whole = runs[0].read_bytes()
    runs[0].write_bytes(whole[: whole.index(b'{"kind": "summary"') - 100])
    ended = candor("report", runs[0], home=tmp_path)
    assert ended.code == 0
    assert "incomplete" in ended.out and "torn" in ended.out


@pytest.mark.parametrize("content", [None, "", "hello\n", '{"kind": "run"}\n'])
def test_what_is_no_run_file_is_one_line_and_exit_2(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    if content is not None:
        path.write_text(content)
    ended = candor("report", path, home=tmp_path)
    assert ended.code == 2
    assert ended.err.count("\n") == 1 and str(path) in ended.err


def test_an_output_that_cannot_be_written_is_named(runs: list[Path], tmp_path: Path) -> None:
    ended = candor("report", *runs, "--output", tmp_path, home=tmp_path)
    assert ended.code == 2 and str(tmp_path) in ended.err


def test_a_report_never_takes_the_place_of_a_run_file(runs: list[Path], tmp_path: Path) -> None:
    before = [path.read_bytes() for path in runs]
    link = tmp_path / "link"
    link.symlink_to(runs[0])
    for output in (runs[0], runs[1], link):
        ended = candor("report", runs[0], "--output", output, home=tmp_path)
        assert ended.code == 2
        assert ended.err.count("\n") == 1 and str(output) in ended.err and "--output" in ended.err
    assert [path.read_bytes() for path in runs] == before


@pytest.mark.parametrize(
    ("suffix", "beginning"),
    [
        (".html", "<!doctype html>"),
        (".md", "## Frontier"),
        (".json", "{"),
        (".csv", "target,"),
        (".xml", "<?xml"),
        (".txt", "balanced"),
    ],
)
def test_the_suffix_of_the_output_names_the_format_unless_one_is_named(
    suffix: str, beginning: str, runs: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / f"report{suffix}"
    assert candor("report", *runs, "--output", path, home=tmp_path).code == 0
    assert path.read_text().startswith(beginning)
    candor("report", *runs, "--output", path, "--format", "csv", home=tmp_path)
    assert path.read_text().startswith("target,")


@pytest.mark.parametrize("name", ["table", "markdown", "json", "html"])
def test_the_papers_results_can_be_named_and_their_correlation_is_found(
    name: str, tmp_path: Path
) -> None:
    ended = candor("report", "or-bench-published", "--format", name, home=tmp_path)
    assert ended.code == 0
    assert "0.8916" in ended.out and ("0.8935" in ended.out or "0.89348" in ended.out)
    assert "Claude-3.5-Sonnet" in ended.out


def test_a_file_of_published_counts_gives_what_the_built_in_table_gives(tmp_path: Path) -> None:
    if not RECOVERED.exists():
        pytest.skip("needs ../shared/data/or-bench/published.json")
    shown = candor("report", RECOVERED, "--format", "csv", home=tmp_path)
    built_in = candor("report", "or-bench-published", "--format", "csv", home=tmp_path)
    assert shown.out == built_in.out and shown.out.count("\n") == 65


def test_published_results_stand_beside_a_run(runs: list[Path], tmp_path: Path) -> None:
    ended = candor("report", runs[0], "or-bench-published", "--format", "json", home=tmp_path)
    document = json.loads(ended.out)
    assert document["target"] == "balanced"
    assert len(document["published"]["models"]) == 32


def test_two_tables_of_published_results_are_one_too_many(tmp_path: Path) -> None:
    ended = candor("report", "or-bench-published", "or-bench-published", home=tmp_path)
    assert (ended.code, ended.err.count("\n")) == (2, 1)


def test_a_text_with_half_a_character_can_still_be_written(tmp_path: Path) -> None:
    run = a_run_file(tmp_path / "run.jsonl", trials_of([R], category="half \ud800"))
    for name in ("table", "markdown", "json", "csv", "junit", "html"):
        path = tmp_path / "report"
        ended = candor("report", run.path, "--format", name, "--output", path, home=tmp_path)
        assert ended.code == 0 and path.read_text(encoding="utf-8")

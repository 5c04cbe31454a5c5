"""OR-Bench's published results, as shipped and as read from a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probes.problem import PublishedProblem
from probes.published import Release, is_published, read_published, shipped
from tests.probes.trials import C, R, a_run_file, trials_of

RECOVERED = Path(__file__).parents[3] / "shared" / "data" / "or-bench" / "published.json"


def test_the_correlation_over_the_32_models_is_the_one_that_the_paper_prints() -> None:
    printed, counted, *_ = shipped().correlations()
    assert (printed.found.count, counted.found.count) == (32, 32)
    assert printed.found.value == pytest.approx(0.8916, abs=5e-5)
    assert counted.found.value == pytest.approx(0.8935, abs=5e-5)
    low, value, high = printed.found.low, printed.found.value, printed.found.high
    assert low is not None and value is not None and high is not None
    assert 0.7 < low < value < high < 1


def test_the_two_releases_are_told_apart_and_never_counted_over_one_size() -> None:
    published = shipped()
    june, current = (published.of(release) for release in (Release.JUNE_2024, Release.CURRENT))
    assert (len(june), len(current)) == (25, 7)
    assert {one.over_refusal.decided for one in june} == {1534}
    assert {one.over_refusal.decided for one in current} == {1319}
    assert {one.safe_refusal.decided for one in june} == {681}
    assert {one.safe_refusal.decided for one in current} == {655}


def test_every_count_agrees_with_what_the_paper_prints_as_far_as_that_is_rounded() -> None:
    for one in shipped().models:
        half = 0.006 if one.release is Release.CURRENT else 0.0011
        assert one.over_refusal.value == pytest.approx(one.printed_over_refusal, abs=half), one.name
        assert one.safe_refusal.value == pytest.approx(one.printed_safe_refusal, abs=half), one.name


@pytest.mark.skipif(not RECOVERED.exists(), reason="needs ../shared/data/or-bench/published.json")
def test_the_shipped_table_holds_what_was_recovered_and_leaves_out_what_no_table_prints() -> None:
    found, own = read_published(RECOVERED), shipped()
    assert found.models == own.models and found.sizes == own.sizes
    assert found.left_out == ("GPT-4-1106-preview",)


def test_a_run_file_is_no_table_of_published_counts(tmp_path: Path) -> None:
    assert not is_published(a_run_file(tmp_path / "run.jsonl", trials_of([R, C])).path)
    assert not is_published(tmp_path / "nowhere")


@pytest.mark.parametrize("change", ["lacks", "too many", "no json"])
def test_a_damaged_table_is_one_line_that_names_the_file(change: str, tmp_path: Path) -> None:
    tree = {
        "source": "hand",
        "hard_n_june2024": {"hate": 2},
        "toxic_n_june2024": {"hate": 2},
        "hard_n_current": {"hate": 2},
        "toxic_n_current": {"hate": 2},
        "rows_on_current_release": [],
        "table2_hard1k_rejection_pct": {"m": [50.0]},
        "table6_toxic_acceptance_pct": {"m": [50.0]},
        "hard_counts": {"m": [1]},
        "toxic_accept_counts": {"m": [1]},
    }
    path = tmp_path / "published.json"
    path.write_text(json.dumps(tree))
    assert len(read_published(path).models) == 1
    if change == "lacks":
        del tree["hard_counts"]
    if change == "too many":
        tree["hard_counts"] = {"m": [3]}
    path.write_text("{" if change == "no json" else json.dumps(tree))
    with pytest.raises(PublishedProblem) as problem:
        read_published(path)
    assert str(path) in str(problem.value) and "\n" not in str(problem.value)

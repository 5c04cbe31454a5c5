import logging
from pathlib import Path

import pytest

from probes.sets import SetEntry, SetProblem, catalogue, load_set, pull_set
from tests.probes.or_bench_files import or_bench


def listed(home: Path) -> dict[str, SetEntry]:
    return {entry.name: entry for entry in catalogue(home)}


def test_an_empty_home_lists_what_ships_as_here_and_what_is_published_as_not(
    tmp_path: Path,
) -> None:
    entries = listed(tmp_path)

    assert list(entries) == [
        "starter-hard",
        "starter-toxic",
        "or-bench-hard",
        "or-bench-toxic",
        "or-bench-80k",
        "xstest",
    ]
    assert [entry.here for entry in entries.values()] == [True, True, False, False, False, False]
    published = ("or-bench-hard", "or-bench-toxic", "or-bench-80k", "xstest")
    assert [entries[name].rows for name in published] == [1319, 655, 80_359, 450]


def test_listing_makes_nothing_in_the_home(tmp_path: Path) -> None:
    catalogue(tmp_path / "absent")

    assert not (tmp_path / "absent").exists()


def test_a_pulled_set_is_listed_as_here(tmp_path: Path) -> None:
    pull_set("or-bench-hard", or_bench("or-bench-hard-1k.csv"), tmp_path)

    assert listed(tmp_path)["or-bench-hard"].here


def test_a_damaged_copy_is_listed_as_not_here_with_its_problem(tmp_path: Path) -> None:
    pull_set("or-bench-hard", or_bench("or-bench-hard-1k.csv"), tmp_path)
    (file,) = (tmp_path / "sets" / "or-bench-hard").glob("*.csv")
    file.write_text("prompt,category\n")

    entry = listed(tmp_path)["or-bench-hard"]

    assert not entry.here
    assert "damaged" in entry.problem


def test_ones_own_pulled_set_is_listed_with_its_rows_and_its_damage(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("prompt\nWhy?\nHow?\n")
    pull_set("mine", mine, tmp_path)
    good = listed(tmp_path)["mine"]
    (tmp_path / "sets" / "mine" / "set.json").write_text("{")
    bad = listed(tmp_path)["mine"]

    assert (good.here, good.rows, good.licence, good.problem) == (True, 2, "not stated", "")
    assert (bad.here, bad.rows, bad.checksum) == (False, None, "")
    assert "damaged" in bad.problem


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SetProblem) as caught:
        load_set("or-bench-hrad", tmp_path)

    message = str(caught.value)
    assert "there is no set 'or-bench-hrad'; did you mean or-bench-hard? known: " in message
    assert "starter-hard, starter-toxic, or-bench-hard, or-bench-toxic" in message


def test_a_published_set_that_is_not_here_is_answered_with_the_command_that_brings_it(
    tmp_path: Path,
) -> None:
    with pytest.raises(SetProblem, match="run `candor probe pull or-bench-toxic`"):
        load_set("or-bench-toxic", tmp_path)


def test_a_path_is_a_set_called_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "my probes (2).JSONL"
    path.write_text('{"prompt": "Why?"}\n')

    held = load_set(str(path), tmp_path / "home")

    assert held.name == "my-probes-2"
    assert held.cases[0].set == "my-probes-2"


@pytest.mark.parametrize("name", ["starter-hard", "or-bench-toxic"])
def test_a_file_may_not_pass_for_a_set_that_it_is_not(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_text("prompt\nWhy?\n")

    with pytest.raises(SetProblem, match="is not that set; rename the file"):
        load_set(str(path), tmp_path)


@pytest.mark.parametrize(
    ("path", "said"),
    [("absent.csv", "no such file"), ("folder.csv", "is not a file"), ("a.xlsx", "not '.xlsx'")],
)
def test_a_path_that_does_not_serve_is_one_line(path: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "a.xlsx").write_text("x")

    with pytest.raises(SetProblem) as caught:
        load_set(str(tmp_path / path), tmp_path)

    assert said in str(caught.value)
    assert path in str(caught.value)


def test_rows_left_out_of_a_file_go_to_the_note_or_else_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("prompt,category,expectation\n,x,comply\na,x,comply\n")
    said: list[str] = []

    load_set(str(path), tmp_path, note=said.append)
    with caplog.at_level(logging.WARNING):
        load_set(str(path), tmp_path)

    assert said == [f"{path}: left out 1 row with an empty prompt (line 2)"]
    assert said[0] in caplog.text


def test_loading_a_set_twice_gives_the_same_cases(tmp_path: Path) -> None:
    assert load_set("starter-hard", tmp_path) == load_set("starter-hard", tmp_path)

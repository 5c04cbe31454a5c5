import json
from pathlib import Path

import pytest

from probes.sets import SetProblem, pull_set
from probes.sets.details import SetDetails, describe_set
from tests.probes.or_bench_files import or_bench


def details_of(name: str, home: Path, rows: int = 2) -> SetDetails:
    return describe_set(name, home, rows=rows, note=lambda line: None)


def test_a_set_that_is_here_is_described_by_its_cases(tmp_path: Path) -> None:
    details = details_of("starter-hard", tmp_path)

    assert details.entry.prompts == 240
    assert sum(size.prompts for size in details.categories) == 240
    assert {size.comply for size in details.categories} == {24}
    assert len(details.first) == 2
    assert details.characters == pytest.approx(240 * (details.median or 0), rel=0.3)


def test_the_largest_category_stands_first(tmp_path: Path) -> None:
    pull_set("or-bench-hard", or_bench("or-bench-hard-1k.csv"), tmp_path)

    sizes = details_of("or-bench-hard", tmp_path).categories

    assert [(size.category, size.comply) for size in sizes[:2]] == [
        ("illegal", 527),
        ("privacy", 199),
    ]


def test_a_published_set_that_is_not_here_is_described_from_the_catalogue(tmp_path: Path) -> None:
    details = details_of("xstest", tmp_path)

    assert details.entry.rows == 450
    assert details.entry.remedy == "candor probe pull xstest"
    assert "NAACL 2024" in details.entry.citation
    assert details.categories == ()
    assert details.characters is None


def test_ones_own_file_is_described_before_it_is_pulled_or_run(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("prompt,category,expectation,cluster\na,x,comply,1\nb,x,refuse,1\nc,y,,\n")

    details = details_of(str(path), tmp_path)
    size = details.categories[0]

    assert (size.category, size.comply, size.refuse, size.unknown) == ("x", 1, 1, 0)
    assert details.clusters == 1
    assert (details.longest, details.median) == (1, 1)


def test_a_damaged_copy_is_described_with_its_problem(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("prompt\na\n")
    pull_set("mine", path, tmp_path)
    next((tmp_path / "sets" / "mine").glob("*.csv")).write_text("prompt\nb\n")

    details = details_of("mine", tmp_path)

    assert "damaged" in details.entry.problem
    assert details.entry.remedy == "candor probe pull mine --from PATH"


def test_an_unknown_set_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SetProblem, match="there is no set 'mine'; known: starter-hard"):
        details_of("mine", tmp_path)


def test_the_details_are_one_json_document(tmp_path: Path) -> None:
    row = json.loads(json.dumps(details_of("starter-toxic", tmp_path).as_json()))

    assert row["categories"][0].keys() == {"category", "prompts", "comply", "refuse", "unknown"}
    assert row["first"][0]["expectation"] == "refuse"
    assert row["here"] is True

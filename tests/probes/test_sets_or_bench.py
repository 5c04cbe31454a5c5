from collections import Counter
from pathlib import Path

import pytest

from probes.case import OR_BENCH_CATEGORIES, Expectation
from probes.sets import SetProblem, load_set, pull_set
from probes.sets.or_bench import PUBLISHED_SETS, recognise
from tests.probes.or_bench_files import or_bench

BOTH = sorted(PUBLISHED_SETS)


@pytest.mark.parametrize("name", BOTH)
def test_the_published_file_becomes_its_set_with_the_expectation_of_the_paper(
    name: str, tmp_path: Path
) -> None:
    published = PUBLISHED_SETS[name]
    pull_set(name, or_bench(published.file), tmp_path)

    held = load_set(name, tmp_path)

    assert len(held.cases) == published.rows
    assert held.checksum == published.checksum
    assert held.licence == "CC-BY-4.0"
    assert {case.expectation for case in held.cases} == {published.expectation}
    assert {case.category for case in held.cases} == set(OR_BENCH_CATEGORIES)


def test_hard_expects_compliance_and_toxic_refusal() -> None:
    assert PUBLISHED_SETS["or-bench-hard"].expectation is Expectation.COMPLY
    assert PUBLISHED_SETS["or-bench-toxic"].expectation is Expectation.REFUSE


def test_the_category_sizes_of_hard_are_the_published_ones() -> None:
    held = load_set(str(or_bench("or-bench-hard-1k.csv")), Path("unused"))

    sizes = Counter(case.category for case in held.cases)

    assert (sizes["illegal"], sizes["privacy"], sizes["harassment"]) == (527, 199, 41)


def test_ids_are_row_numbers_so_that_runs_can_be_compared_over_time() -> None:
    held = load_set(str(or_bench("or-bench-toxic.csv")), Path("unused"))

    assert [case.id for case in held.cases] == [f"{row:04d}" for row in range(1, 656)]


def test_a_published_file_is_recognised_under_any_name(tmp_path: Path) -> None:
    copy = tmp_path / "downloads (1).csv"
    copy.write_bytes(or_bench("or-bench-toxic.csv").read_bytes())

    held = load_set(str(copy), tmp_path)

    assert held.name == "or-bench-toxic"
    assert held.cases[0].expectation is Expectation.REFUSE


def test_a_folder_serves_where_it_holds_the_published_file(tmp_path: Path) -> None:
    folder = or_bench("or-bench-hard-1k.csv").parent

    assert pull_set("or-bench-hard", folder, tmp_path).rows == 1319


@pytest.mark.parametrize("name", BOTH)
def test_one_changed_byte_is_refused_with_what_was_expected_and_what_came(
    name: str, tmp_path: Path
) -> None:
    published = PUBLISHED_SETS[name]
    raw = bytearray(or_bench(published.file).read_bytes())
    raw[len(raw) // 2] ^= 1
    changed = tmp_path / published.file
    changed.write_bytes(raw)

    with pytest.raises(SetProblem) as caught:
        pull_set(name, changed, tmp_path)

    message = str(caught.value)
    assert f"expected {published.rows:,} rows with sha256 {published.checksum}, got" in message
    assert "\n" not in message


def test_a_file_cut_short_is_refused_with_the_rows_that_it_still_has(tmp_path: Path) -> None:
    raw = or_bench("or-bench-hard-1k.csv").read_bytes()
    cut = tmp_path / "or-bench-hard-1k.csv"
    cut.write_bytes(b"".join(raw.splitlines(keepends=True)[:301]))

    with pytest.raises(SetProblem, match=r"expected 1,319 rows .* got 300 rows"):
        pull_set("or-bench-hard", cut, tmp_path)


def test_what_is_not_a_table_at_all_is_refused_in_the_same_words(tmp_path: Path) -> None:
    page = tmp_path / "or-bench-toxic.csv"
    page.write_text("<!doctype html><title>Sign in</title>")

    with pytest.raises(SetProblem, match=r"expected 655 rows .* got no readable rows"):
        pull_set("or-bench-toxic", page, tmp_path)


def test_a_readable_set_that_is_another_one_is_refused_with_its_rows(tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"prompt": "Why?"}\n')

    with pytest.raises(SetProblem, match="got 1 row with sha256"):
        pull_set("or-bench-hard", other, tmp_path)


def test_other_bytes_are_recognised_as_no_published_set() -> None:
    assert recognise(b"prompt,category\na,hate\n") is None


def test_the_checksum_that_its_authors_do_not_state_is_marked_as_computed() -> None:
    assert PUBLISHED_SETS["or-bench-hard"].checksum_published
    assert not PUBLISHED_SETS["or-bench-toxic"].checksum_published


def test_the_download_address_is_pinned_to_a_revision() -> None:
    for published in PUBLISHED_SETS.values():
        assert "/resolve/e36d8b80e81837c8a8f264bbb2a49f1b32c7e272/" in published.url

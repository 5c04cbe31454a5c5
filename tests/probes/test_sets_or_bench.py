import csv
import io
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from probes.case import OR_BENCH_CATEGORIES, Expectation
from probes.sets import SetProblem, load_set, pull_set
from probes.sets.homes import PUBLISHED_SETS, recognise
from probes.sets.jsonl import SetFile, Source, read_set
from probes.sets.published import read_published
from tests.probes.or_bench_files import or_bench

BOTH = ["or-bench-hard", "or-bench-toxic"]


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


def test_only_the_checksum_that_nobody_states_is_unknown() -> None:
    known = {name: bool(one.checksum) for name, one in PUBLISHED_SETS.items()}

    assert known == {
        "or-bench-hard": True,
        "or-bench-toxic": True,
        "or-bench-80k": False,
        "xstest": True,
    }


def test_every_download_address_is_pinned_to_a_revision() -> None:
    for published in PUBLISHED_SETS.values():
        for url in published.homes:
            assert re.search(r"/[0-9a-f]{40}/[a-z0-9_-]+\.csv$", url), url
        assert published.revision in published.url


def eighty(folder: Path, *, rows: int = 80_359, last: str = "the last,hate") -> Path:
    """A file like the 80K one: its size and columns, prompts of our own."""
    names = sorted(OR_BENCH_CATEGORIES)
    lines = [f"prompt number {row},{names[row % 10]}" for row in range(rows - 1)]
    path = folder / "or-bench-80k.csv"
    path.write_text("\n".join(["prompt,category", *lines, last]))
    return path


def test_a_set_whose_checksum_nobody_states_is_held_to_its_rows_and_then_to_its_bytes(
    tmp_path: Path,
) -> None:
    home, said = tmp_path / "home", list[str]()
    entry = pull_set("or-bench-80k", eighty(tmp_path), home, note=said.append)
    held = load_set("or-bench-80k", home)
    (file,) = (home / "sets" / "or-bench-80k").glob("*.csv")
    file.write_text(file.read_text().replace("the last", "the lust"))

    assert (entry.rows, entry.prompts, entry.checksum_published) == (80_359, 80_359, False)
    assert held.checksum == entry.checksum
    assert f"held to sha256 {entry.checksum}" in said[0]
    with pytest.raises(SetProblem, match=f"damaged: expected sha256 {entry.checksum}, got"):
        load_set("or-bench-80k", home)


FIVE = replace(PUBLISHED_SETS["or-bench-80k"], rows=5)
"""The set whose checksum nobody states, of five rows to be quick."""


def five(folder: Path, last: str) -> SetFile:
    path = eighty(folder, rows=5, last=last)
    return read_published(FIVE, Source(path.read_bytes(), str(path), ".csv"))


def test_another_number_of_rows_is_refused_where_no_checksum_is_known(tmp_path: Path) -> None:
    with pytest.raises(SetProblem, match="expected 5 rows, got 6 rows; take") as caught:
        five(tmp_path, "one,hate\nand one,hate")

    assert "sha256" not in str(caught.value)


def test_one_unreadable_row_is_refused_where_no_checksum_is_known(tmp_path: Path) -> None:
    with pytest.raises(SetProblem, match=r"no readable rows \(line 6 has 3 fields"):
        five(tmp_path, "a,comma,hate")


def test_a_category_that_its_authors_do_not_define_is_said_and_kept(tmp_path: Path) -> None:
    held = five(tmp_path, "the last,harmfull")

    assert held.cases[-1].category == "harmfull"
    assert held.notes[1] == ("or-bench-80k: categories that its authors do not define: 'harmfull'")


def test_repeated_rows_count_as_rows_and_are_asked_once(tmp_path: Path) -> None:
    held = five(tmp_path, "prompt number 0,deception")

    assert (held.rows, len(held.cases)) == (5, 4)


def test_loading_80359_rows_stays_within_a_few_times_of_csv_reading_them() -> None:
    """Measured in one process: about 2.7 times csv.DictReader's own time, and less memory."""
    rows = "".join(f"What is the {place}th of them?,hate\n" for place in range(80_359))
    raw = f"prompt,category\n{rows}".encode()

    plain = fastest(lambda: list(csv.DictReader(io.StringIO(raw.decode(), newline=""))))
    ours = fastest(lambda: read_set(Source(raw, "mine.csv", ".csv"), "mine"))

    assert ours < 8 * plain


def fastest(work: Callable[[], object]) -> float:
    """Seconds of processor time of the fastest of three."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)

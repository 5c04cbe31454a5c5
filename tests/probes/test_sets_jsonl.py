import hashlib
import json

import pytest

from probes.case import Expectation, ProbeCase
from probes.sets.jsonl import LONG_PROMPT, SetFile, Source, read_set
from probes.sets.layout import Layout
from probes.sets.problem import SetProblem


def lines(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


COMPLY = Layout(expectation=Expectation.COMPLY)


def read(text: str, suffix: str = ".jsonl", layout: Layout = COMPLY) -> SetFile:
    return read_set(Source(text.encode(), f"mine{suffix}", suffix, layout), "mine")


def test_a_file_of_prompts_alone_expects_nothing_and_says_what_that_means() -> None:
    held = read("prompt\nWhy?\nHow?\n", ".csv", Layout())

    assert held.cases == (
        ProbeCase("0001", "mine", "Why?", "uncategorised", Expectation.UNKNOWN),
        ProbeCase("0002", "mine", "How?", "uncategorised", Expectation.UNKNOWN),
    )
    assert len(held.notes) == 1
    assert "a refusal rate only" in held.notes[0]
    assert "--expect comply|refuse" in held.notes[0]


def test_rows_that_leave_the_expectation_open_among_others_are_counted() -> None:
    held = read(lines({"prompt": "a", "expectation": "refuse"}, {"prompt": "b"}), layout=Layout())

    assert [case.expectation.value for case in held.cases] == ["refuse", "unknown"]
    assert "1 rows do not say" not in held.notes[0]
    assert "1 row does not say what is expected" in held.notes[0]


def test_every_optional_column_reaches_the_case() -> None:
    (case,) = read(
        "prompt,category,expectation,id,cluster,facet\nWhy?,hate,Refuse,x-1,birds,child\n", ".csv"
    ).cases

    assert case == ProbeCase("x-1", "mine", "Why?", "hate", Expectation.REFUSE, "birds", "child")


def test_rows_that_state_no_expectation_take_the_sources() -> None:
    first, second = read(
        lines({"prompt": "a"}, {"prompt": "b", "expectation": "comply"}),
        layout=Layout(expectation=Expectation.REFUSE),
    ).cases

    assert first.expectation is Expectation.REFUSE
    assert second.expectation is Expectation.COMPLY


def test_an_unknown_expectation_is_named_with_its_line() -> None:
    with pytest.raises(SetProblem, match="line 2 has the expectation 'maybe'; write comply or ref"):
        read(lines({"prompt": "a"}, {"prompt": "b", "expectation": "maybe"}))


def test_empty_prompts_are_left_out_counted_and_named_by_line() -> None:
    held = read("prompt,category\na,x\n  ,x\nb,x\n,\n", ".csv")

    assert [case.id for case in held.cases] == ["0001", "0003"]
    assert held.notes == ("mine.csv: left out 2 rows with an empty prompt (lines 3, 5)",)


def test_a_repeated_prompt_counts_once_and_is_named_by_line() -> None:
    held = read("prompt\na\nb\na \n", ".csv")

    assert [case.prompt for case in held.cases] == ["a", "b"]
    assert held.notes == ("mine.csv: left out 1 row that repeats an earlier prompt (line 4)",)


def test_a_prompt_may_stand_in_several_clusters() -> None:
    held = read(lines({"prompt": "a", "cluster": "x"}, {"prompt": "a", "cluster": "y"}))

    assert len(held.cases) == 2


def test_many_rows_left_out_are_counted_rather_than_listed() -> None:
    held = read("prompt\n" + "a\n" * 9, ".csv")

    assert held.notes[0].endswith("(lines 3, 4, 5, 6, 7 and 3 more)")


def test_a_prompt_that_should_be_answered_and_refused_at_once_is_an_error() -> None:
    with pytest.raises(SetProblem, match="line 2 has the prompt of line 1 but another expectation"):
        read(lines({"prompt": "a"}, {"prompt": "a", "expectation": "refuse"}))


def test_an_id_used_twice_is_an_error_that_names_both_lines() -> None:
    with pytest.raises(SetProblem, match="line 2 has the id '7' of line 1"):
        read(lines({"prompt": "a", "id": 7}, {"prompt": "b", "id": "7"}))


def test_a_given_id_that_collides_with_a_row_number_is_an_error() -> None:
    with pytest.raises(SetProblem, match="line 2 has the id '0002' of line 1"):
        read(lines({"prompt": "a", "id": "0002"}, {"prompt": "b"}))


@pytest.mark.parametrize("text", ["prompt\n", "prompt,category\n,hate\n"])
def test_a_file_without_a_single_prompt_is_an_error(text: str) -> None:
    with pytest.raises(SetProblem, match="holds no prompts"):
        read(text, ".csv")


def test_the_checksum_is_the_sha256_of_the_bytes() -> None:
    assert read("prompt\na\n", ".csv").checksum == hashlib.sha256(b"prompt\na\n").hexdigest()


def many(*faulty: str, good: int = 200) -> str:
    """A CSV file of ``good`` rows with the faulty ones at its end."""
    rows = [f"p{place},x,comply,i{place}" for place in range(good)]
    return "\n".join(["prompt,category,expectation,id", *rows, *faulty]) + "\n"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("one,two,x,comply,id", "left out 1 row with another number of fields (line 202)"),
        ("new,x,perhaps,id", "left out 1 row with an unknown expectation (line 202)"),
        ("new,x,comply,i7", "left out 1 row with the id of an earlier row (line 202)"),
        ("p7,x,refuse,id", "left out 1 row that repeats a prompt with another expectation (line"),
        ("a\0b,x,comply,id", "left out 1 row that holds a NUL character (line 202)"),
    ],
)
def test_one_faulty_row_among_many_is_left_out_and_named(row: str, said: str) -> None:
    held = read(many(row), ".csv")

    assert len(held.cases) == 200
    assert held.rows == 201
    assert held.notes[0].startswith(f"mine.csv: {said}")


def test_more_than_one_faulty_row_in_a_hundred_is_an_error_that_counts_them() -> None:
    with pytest.raises(SetProblem, match=r"line 202 has 1 fields, .* \(and 2 more rows of 203\)"):
        read(many("a", "b", "c"), ".csv")


def test_empty_and_repeated_rows_never_make_an_error_however_many() -> None:
    held = read("prompt\n" + "a\n" * 99 + '""\n' * 99, ".csv")

    assert len(held.cases) == 1
    assert [note.split(" row")[0] for note in held.notes] == [
        "mine.csv: left out 99",
        "mine.csv: left out 98",
    ]


def test_a_strict_reading_survives_no_faulty_row() -> None:
    source = Source(many("a").encode(), "mine.csv", ".csv", COMPLY)

    with pytest.raises(SetProblem, match="line 202 has 1 fields"):
        read_set(source, "mine", strict=True)


def test_a_row_left_out_moves_no_other_rows_id() -> None:
    held = read('prompt\na\n""\nb\n', ".csv")

    assert [case.id for case in held.cases] == ["0001", "0003"]


def test_a_prompt_of_a_megabyte_is_asked_whole_and_named_beforehand() -> None:
    long = "x" * 2**20

    held = read(f"prompt\n{long}\nshort\n", ".csv")

    assert held.cases[0].prompt == long
    assert f"1 prompt of more than {LONG_PROMPT:,} characters (line 2)" in held.notes[0]


def test_a_column_with_a_category_a_row_is_questioned() -> None:
    held = read("prompt,category\n" + "".join(f"p{i},c{i}\n" for i in range(101)), ".csv")

    assert "101 different categories; is that column the category?" in held.notes[0]


def test_categories_that_differ_only_in_capitals_are_named() -> None:
    held = read("prompt,category\na,Hate\nb,hate\nc, hate \n", ".csv")

    assert [case.category for case in held.cases] == ["Hate", "hate", "hate"]
    assert "'Hate' and 'hate' differ only in their capitals" in held.notes[0]


def test_a_category_is_one_line_whatever_the_cell_holds() -> None:
    (case,) = read('prompt,category\na,"two\n  lines"\n', ".csv").cases

    assert case.category == "two lines"

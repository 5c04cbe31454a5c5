import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sets.faults import Fault, FaultKind
from probes.sets.layout import Layout
from probes.sets.problem import SetProblem
from probes.sets.rows import Row, read_rows


def rows_of(raw: bytes | str, suffix: str = ".csv") -> list[Row]:
    content = raw.encode() if isinstance(raw, str) else raw
    return [row for row in all_of(content, suffix) if isinstance(row, Row)]


def all_of(raw: bytes | str, suffix: str = ".csv") -> list[Row | Fault]:
    content = raw.encode() if isinstance(raw, str) else raw
    return list(read_rows(content, shown="mine", suffix=suffix))


def fault_of(raw: bytes | str, suffix: str = ".csv") -> Fault:
    (fault,) = (row for row in all_of(raw, suffix) if isinstance(row, Fault))
    assert "\n" not in fault.said
    return fault


def problem_of(raw: bytes | str, suffix: str = ".csv") -> str:
    with pytest.raises(SetProblem) as caught:
        rows_of(raw, suffix)
    message = str(caught.value)
    assert message.startswith("mine: ")
    assert "\n" not in message
    return message


def said_of(raw: bytes | str, suffix: str = ".csv") -> str:
    return fault_of(raw, suffix).said


def test_a_csv_row_knows_its_fields_and_its_line() -> None:
    (row,) = rows_of('prompt,category\n"Two, with a comma",illegal\n')

    assert row.line == 2
    assert row.prompt == "Two, with a comma"
    assert row.category == "illegal"
    assert row.facet == ""


def test_a_spreadsheets_byte_order_mark_and_capital_headings_do_no_harm() -> None:
    (row,) = rows_of(b"\xef\xbb\xbfPrompt , Category\r\nWhy?,hate\r\n")

    assert (row.prompt, row.category) == ("Why?", "hate")


def test_a_quoted_prompt_may_span_lines() -> None:
    first, second = rows_of('prompt\n"one\ntwo"\nthree\n')

    assert first.prompt == "one\ntwo"
    assert (first.line, second.line) == (3, 4)


def test_blank_lines_are_passed_over_in_both_formats() -> None:
    assert len(rows_of("prompt\n\na\n\n")) == 1
    assert len(rows_of('\n{"prompt": "a"}\n\n', ".jsonl")) == 1


def test_a_missing_prompt_column_says_what_was_found_and_what_is_needed() -> None:
    message = problem_of("question;label\nWhy?;1\n")

    assert "no column 'prompt'" in message
    assert "question;label" in message
    assert "needed: prompt" in message


def test_an_empty_csv_file_has_no_prompt_column() -> None:
    assert "columns found: none" in problem_of("")


def test_a_jsonl_line_without_prompt_is_named_by_its_number() -> None:
    message = said_of('{"prompt": "a"}\n{"text": "b", "y": 1}\n', ".jsonl")

    assert "line 2" in message
    assert "text, y" in message


def test_a_row_with_a_field_too_many_is_named_by_its_line() -> None:
    message = said_of("prompt,category\nfine,hate\nWell, no,hate\n")

    assert "line 3 has 3 fields" in message
    assert "quotes" in message


def test_a_csv_file_that_was_cut_off_inside_a_quote_is_an_error() -> None:
    assert "not well-formed CSV" in problem_of('prompt\n"whole"\n"cut off in the mid')


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"prompt": "cut', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('["prompt"]', "is not a JSON object"),
        ('{"prompt": 7}', "has a prompt of type int"),
        ('{"prompt": ["a"]}', "has a prompt of type list"),
        ('{"prompt": "a", "category": true}', "has a category of type bool"),
        ('{"prompt": "half \\ud83d"}', "half a surrogate pair"),
    ],
)
def test_a_jsonl_line_that_cannot_be_a_case_is_named_by_its_number(line: str, said: str) -> None:
    message = said_of(f'{{"prompt": "fine"}}\n{line}\n', ".jsonl")

    assert "line 2" in message
    assert said in message


def test_null_and_numbers_are_read_as_text_in_the_optional_columns() -> None:
    (row,) = rows_of('{"prompt": "a", "id": 12, "category": null}', ".jsonl")

    assert (row.id, row.category) == ("12", "")


def test_a_line_separator_inside_a_json_string_does_not_end_the_line() -> None:
    (row,) = rows_of('{"prompt": "one\u2028two"}\n', ".jsonl")

    assert row.prompt == "one\u2028two"


def test_bytes_that_are_not_utf8_are_named_by_their_line() -> None:
    assert "line 2 is not UTF-8" in said_of(b"prompt\ncaf\xe9\n")


def test_a_column_that_is_there_twice_is_an_error() -> None:
    assert "'prompt' is there twice" in problem_of("prompt,Prompt\na,b\n")


def test_other_formats_are_refused_by_name() -> None:
    assert "'.xlsx'" in problem_of("prompt\na\n", ".xlsx")


@given(st.binary(max_size=200), st.sampled_from([".csv", ".jsonl"]))
def test_any_bytes_at_all_are_rows_or_one_line(raw: bytes, suffix: str) -> None:
    try:
        rows_of(raw, suffix)
    except SetProblem as problem:
        assert str(problem).startswith("mine: ")


@pytest.mark.parametrize(("mark", "named"), [("\t", "tabs"), (";", "semicolons")])
def test_columns_that_are_not_separated_by_commas_get_a_hint(mark: str, named: str) -> None:
    raw = f"prompt{mark}category\nHow?{mark}a\n".encode()
    with pytest.raises(SetProblem) as problem:
        list(read_rows(raw, shown="mine.csv", suffix=".csv"))
    assert f"separated by {named}: save them with commas" in str(problem.value)
    assert "\n" not in str(problem.value) and "\t" not in str(problem.value)


def test_a_tsv_file_is_told_to_be_saved_with_commas() -> None:
    with pytest.raises(SetProblem, match="save its columns with commas"):
        list(read_rows(b"prompt\tcategory\n", shown="mine.tsv", suffix=".tsv"))


def test_a_row_with_a_field_too_few_is_told_of_the_comma() -> None:
    fault = fault_of("prompt,category\nfine\nwhole,hate\n")

    assert (fault.kind, fault.line) == (FaultKind.RAGGED, 2)
    assert "keeps its comma" in fault.said


def test_the_rows_around_a_faulty_one_are_read() -> None:
    raw = b"prompt,category\na,x\ncaf\xe9,x\nb,x\n"

    assert [row.prompt for row in rows_of(raw)] == ["a", "b"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_nul_is_a_fault_of_its_row_alone(suffix: str) -> None:
    raw = {".csv": "prompt\na\0b\nc\n", ".jsonl": '{"prompt": "a\0b"}\n{"prompt": "c"}\n'}[suffix]

    assert fault_of(raw, suffix).kind is FaultKind.NUL
    assert [row.prompt for row in rows_of(raw, suffix)] == ["c"]


def test_a_nul_written_as_an_escape_is_found_too() -> None:
    assert fault_of('{"prompt": "a\\u0000b"}', ".jsonl").kind is FaultKind.NUL


def test_a_field_of_two_megabytes_is_read_whole() -> None:
    (row,) = rows_of(f"prompt\n{'x' * 2**21}\n")

    assert len(row.prompt) == 2**21


def test_a_mapping_reads_the_files_own_columns() -> None:
    layout = Layout(columns={"prompt": "question", "category": "topic"})
    raw = b"id,Question,topic\n7,Why?,hate\n"

    (row,) = read_rows(raw, shown="mine", suffix=".csv", layout=layout)

    assert row == Row(2, "Why?", "hate", id="7")


def test_a_mapped_column_goes_before_one_that_has_our_name() -> None:
    layout = Layout(columns={"prompt": "question"})
    raw = b'{"prompt": "no", "question": "yes"}\n'

    (row,) = read_rows(raw, shown="mine", suffix=".jsonl", layout=layout)

    assert row == Row(1, "yes")


@pytest.mark.parametrize("ours", ["prompt", "category"])
def test_a_mapped_column_that_is_not_there_is_named(ours: str) -> None:
    layout = Layout(columns={ours: "topic"})

    with pytest.raises(SetProblem, match="no column 'topic'; columns found: prompt, theme"):
        list(read_rows(b"prompt,theme\na,b\n", shown="mine", suffix=".csv", layout=layout))


def test_a_heading_in_another_encoding_can_still_be_printed() -> None:
    problem_of(b"fr\xe4ge\nx\n").encode()

import hashlib
import json

import pytest

from probes.case import Expectation, ProbeCase
from probes.sets.jsonl import SetFile, Source, read_set
from probes.sets.problem import SetProblem


def lines(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def read(text: str, suffix: str = ".jsonl", **options: Expectation) -> SetFile:
    return read_set(Source(text.encode(), f"mine{suffix}", suffix, **options), "mine")


def test_a_file_of_prompts_alone_is_a_set_that_expects_compliance() -> None:
    held = read("prompt\nWhy?\nHow?\n", ".csv")

    assert held.cases == (
        ProbeCase("0001", "mine", "Why?", "uncategorised", Expectation.COMPLY),
        ProbeCase("0002", "mine", "How?", "uncategorised", Expectation.COMPLY),
    )
    assert held.notes == ()


def test_every_optional_column_reaches_the_case() -> None:
    (case,) = read(
        "prompt,category,expectation,id,cluster,facet\nWhy?,hate,Refuse,x-1,birds,child\n", ".csv"
    ).cases

    assert case == ProbeCase("x-1", "mine", "Why?", "hate", Expectation.REFUSE, "birds", "child")


def test_rows_that_state_no_expectation_take_the_sources() -> None:
    first, second = read(
        lines({"prompt": "a"}, {"prompt": "b", "expectation": "comply"}),
        expectation=Expectation.REFUSE,
    ).cases

    assert first.expectation is Expectation.REFUSE
    assert second.expectation is Expectation.COMPLY


def test_an_unknown_expectation_is_named_with_its_line() -> None:
    with pytest.raises(SetProblem, match="line 2 has the expectation 'maybe'; write comply or ref"):
        read(lines({"prompt": "a"}, {"prompt": "b", "expectation": "maybe"}))


def test_empty_prompts_are_left_out_counted_and_named_by_line() -> None:
    held = read("prompt,category\na,x\n  ,x\nb,x\n,\n", ".csv")

    assert [case.id for case in held.cases] == ["0001", "0003"]
    assert held.notes == ("mine.csv: left out 2 rows with an empty prompt (line 3, 5)",)


def test_a_repeated_prompt_counts_once_and_is_named_by_line() -> None:
    held = read("prompt\na\nb\na \n", ".csv")

    assert [case.prompt for case in held.cases] == ["a", "b"]
    assert held.notes == ("mine.csv: left out 1 row that repeats an earlier prompt (line 4)",)


def test_a_prompt_may_stand_in_several_clusters() -> None:
    held = read(lines({"prompt": "a", "cluster": "x"}, {"prompt": "a", "cluster": "y"}))

    assert len(held.cases) == 2


def test_many_rows_left_out_are_counted_rather_than_listed() -> None:
    held = read("prompt\n" + "a\n" * 9, ".csv")

    assert held.notes[0].endswith("(line 3, 4, 5, 6, 7 and 3 more)")


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

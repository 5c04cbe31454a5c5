import codecs

import pytest

from probes.sets.jsonl import Source, read_set
from probes.sets.problem import SetProblem
from probes.sets.text import text_of

CSV = "prompt,category\nWo ist die Brücke?,weg\n"


def prompts_of(raw: bytes, suffix: str = ".csv") -> list[str]:
    return [case.prompt for case in read_set(Source(raw, "mine", suffix), "mine").cases]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_in_any_marked_encoding_is_the_same_text(encoding: str) -> None:
    assert prompts_of(CSV.encode(encoding)) == ["Wo ist die Brücke?"]
    line = '{"prompt": "Wo ist die Brücke?"}\n'
    assert prompts_of(line.encode(encoding), ".jsonl") == ["Wo ist die Brücke?"]


def test_utf16_of_either_order_is_read_by_its_mark() -> None:
    for mark, order in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        assert prompts_of(mark + CSV.encode(order)) == ["Wo ist die Brücke?"]


def test_utf16_without_its_mark_is_named_as_what_it_is() -> None:
    with pytest.raises(SetProblem, match="looks like UTF-16 without its mark; save it as UTF-8"):
        text_of(CSV.encode("utf-16-le"), "mine")


def test_a_mark_that_the_rest_belies_is_an_error() -> None:
    with pytest.raises(SetProblem, match="marked as UTF-16 and is not"):
        text_of(codecs.BOM_UTF16_LE + b"odd", "mine")


def test_a_file_in_latin_1_is_an_error_that_names_the_encoding_that_it_may_be_in() -> None:
    with pytest.raises(SetProblem, match=r"line 2 is not UTF-8 \(it may be Windows-1252\)"):
        prompts_of(CSV.encode("latin-1"))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_stray_line_of_latin_1_in_a_long_file_is_left_out_and_the_rest_is_sound(
    suffix: str,
) -> None:
    form = {".csv": "{}\n", ".jsonl": '{{"prompt": "{}"}}\n'}[suffix]
    sound = [form.format(f"Brücke {place}").encode() for place in range(150)]
    head = b"prompt\n" if suffix == ".csv" else b""
    raw = head + b"".join([*sound[:75], form.format("café").encode("latin-1"), *sound[75:]])

    held = read_set(Source(raw, "mine", suffix), "mine")

    assert len(held.cases) == 150
    assert "left out 1 row that is not UTF-8 (line 7" in held.notes[0]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"\n <!DOCTYPE html><title>Sign in</title>", "is a web page"),
        (b"<html><body>Captive portal", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "run `git lfs pull`"),
        (b"PK\x03\x04\x14\x00\x06\x00", "zip archive or a spreadsheet"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip"),
        (b"PAR1\x15\x04", "is a Parquet file"),
        (b"%PDF-1.7\n", "is a PDF"),
    ],
)
def test_what_is_often_taken_for_a_set_is_named_with_its_remedy(raw: bytes, said: str) -> None:
    with pytest.raises(SetProblem) as caught:
        text_of(raw, "mine.csv")

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)

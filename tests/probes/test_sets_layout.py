import pytest

from probes.case import Expectation
from probes.sets.layout import Layout, layout_from
from probes.sets.problem import SetProblem


def test_without_options_there_is_no_layout() -> None:
    assert layout_from([], []) is None


def test_options_become_a_layout_and_come_back_in_its_own_words() -> None:
    layout = layout_from(
        ["prompt=Question", "category = topic"], ["comply", "Benign=comply", "bad=refuse"]
    )

    assert layout is not None
    assert (layout.column("prompt"), layout.column("category")) == ("question", "topic")
    assert layout.column("id") == "id"
    assert layout.expects("BAD ") is Expectation.REFUSE
    assert layout.expects("") is Expectation.COMPLY
    assert (
        layout.said() == "prompt=question, category=topic, benign=comply, bad=refuse, expect comply"
    )


def test_a_column_mapped_to_its_own_name_says_nothing() -> None:
    assert layout_from(["prompt=prompt"], []) == Layout()


def test_a_file_column_may_have_an_equals_sign_in_its_name() -> None:
    layout = layout_from(["prompt=a=b"], [])

    assert layout is not None
    assert layout.column("prompt") == "a=b"


def test_words_that_mean_nothing_are_an_error() -> None:
    with pytest.raises(ValueError, match="maybe"):
        Layout().expects("maybe")


@pytest.mark.parametrize(
    ("columns", "expects", "said"),
    [
        (["question"], [], "--column 'question' is no mapping; write OURS=THEIRS"),
        (["question=prompt"], [], "OURS is one of prompt, category"),
        (["prompt="], [], "--column 'prompt=' is no mapping"),
        (["prompt=a", "prompt=b"], [], "names prompt twice (a, b)"),
        ([], ["answer"], "--expect 'answer' is no expectation; write comply, refuse or unknown"),
        ([], ["safe=yes"], "--expect 'safe=yes' is no expectation"),
        ([], ["=comply"], "names no word"),
        ([], ["comply", "refuse"], "says both comply and refuse"),
    ],
)
def test_an_option_that_does_not_fit_is_one_line_with_the_remedy(
    columns: list[str], expects: list[str], said: str
) -> None:
    with pytest.raises(SetProblem) as caught:
        layout_from(columns, expects)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_layout_survives_being_written_down() -> None:
    layout = Layout({"prompt": "q"}, Expectation.REFUSE, {"safe": Expectation.COMPLY})

    assert Layout.from_json(layout.as_json()) == layout


def test_the_same_bytes_read_otherwise_are_another_set() -> None:
    plain, mapped = Layout(), Layout({"prompt": "q"})

    assert plain.identity("aa") == "aa"
    assert mapped.identity("aa") not in ("aa", Layout({"prompt": "r"}).identity("aa"))
    assert mapped.identity("aa") == Layout({"prompt": "q"}).identity("aa")

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from classifiers.artifact import ArtifactProblem
from classifiers.language_model import (
    SHIPPED_LANGUAGE,
    WEIGHTS,
    LanguageModel,
    load_language_model,
    pieces,
)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return load_language_model()


@pytest.mark.parametrize("text", ["", "42", "?! ... 1,000", " \n\t"])
def test_a_text_without_letters_has_no_pieces_and_no_language(model, text):
    assert len(pieces(text)) == 0
    assert model.likest(text, "latin") is None


def test_case_digits_and_punctuation_do_not_count():
    assert pieces("Das ist gut").tolist() == pieces('DAS, 12 "ist": gut!').tolist()


def test_a_text_has_every_piece_of_its_words_and_none_across_them():
    one, other, both = pieces("guten"), pieces("tag"), pieces("guten tag")
    assert sorted(both.tolist()) == sorted([*one.tolist(), *other.tolist()])
    # 5 letters, 6 pairs, 5 threes, 4 fours, and the word with its blanks.
    assert len(one) == 5 + 6 + 5 + 4 + 1


def test_the_pieces_of_a_text_grow_with_it_and_not_faster():
    words = "wort und noch ein langes wort " * 10
    assert len(pieces(words * 20)) == 20 * len(pieces(words))


@pytest.mark.parametrize("text", ["\ud800 a", "é" * 300, "ः" * 50, "ab\u0301c"])
def test_any_letters_have_pieces_inside_the_table(model, text):
    found = pieces(text)
    assert found.min() >= 0
    assert found.max() < 2**14


def test_the_likest_language_stands_at_nought_and_all_others_below(model):
    found = model.likest("Das ist eine sehr schöne Frage, danke dafür", "latin")
    assert found is not None
    assert (found.code, found.sure) == ("de", True)
    assert found.standing["de"] == 0
    assert max(value for code, value in found.standing.items() if code != "de") < -1
    assert set(found.standing) == set(model.codes("latin"))


def test_a_script_that_is_not_shared_has_no_model(model):
    assert model.likest("Καλημέρα σας", "el") is None
    assert model.codes("el") == ()


def test_a_text_of_invented_words_is_in_no_language_for_sure(model):
    found = model.likest("xqizzu vrempt olbax tqure wuxno pxeft grooz", "latin")
    assert found is not None
    assert not found.sure


def test_a_language_below_its_floor_is_not_sure_unless_it_is_far_ahead():
    table = np.zeros((2**14, 2), dtype=np.int8)
    table[pieces("gut"), 0] = 16
    near = LanguageModel({"latin": (("de", "nl"), table)}, {"de": 2.0})
    far = LanguageModel({"latin": (("de", "nl"), (table * 4).astype(np.int8))}, {"de": 9.0})
    low = LanguageModel({"latin": (("de", "nl"), (table // 4).astype(np.int8))}, {"de": 0.5})
    assert [one.likest("gut", "latin").sure for one in (near, far, low)] == [True, True, False]


def test_the_shipped_model_is_small():
    assert sum(path.stat().st_size for path in SHIPPED_LANGUAGE.iterdir()) < 320_000


def test_a_damaged_model_is_refused_with_one_line(tmp_path: Path):
    folder = tmp_path / "language"
    shutil.copytree(SHIPPED_LANGUAGE, folder)
    (folder / WEIGHTS).write_bytes(b"not the weights")
    with pytest.raises(ArtifactProblem, match=r"weights\.npz: sha256 .* the file is damaged"):
        load_language_model(folder)

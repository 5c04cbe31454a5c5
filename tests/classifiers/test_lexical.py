from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from classifiers.corpus import LANGUAGES
from classifiers.lexical import COUNT_NAMES, ENGLISH_HINTS, counts, grams, words
from classifiers.lexicon import patterns_of


def _count(text: str, name: str) -> float:
    return float(counts(text)[COUNT_NAMES.index(name)])


def test_words_are_lower_case_and_keep_their_apostrophes():
    assert words("I can't. Really?") == ["i", "can't", ".", "really", "?"]


def test_grams_carry_their_place_and_the_edges_of_the_text():
    found = grams("I refuse")
    assert {"o ^ i refuse", "b i refuse", "e i refuse $"} <= found


def test_an_n_gram_of_another_language_is_marked_with_it():
    assert {"fr o ^ non", "fr e non $"} <= grams("Non", "fr")
    assert grams("Non", "fr").isdisjoint(grams("Non"))


@pytest.mark.parametrize(
    ("lang", "text"), [("zh", "不能"), ("ja", "できません"), ("ko", "안 됩니다")]
)
def test_what_has_no_blanks_is_read_by_characters(lang, text):
    assert words(text, lang) == list(text)
    assert f"{lang} b {' '.join(text[:2])}" in grams(text, lang)


def test_a_hindi_word_keeps_its_vowel_signs():
    assert words("मैं नहीं कर सकता.", "hi") == ["मैं", "नहीं", "कर", "सकता", "."]


def test_a_gram_has_at_most_four_words():
    assert max(len(gram.split()) - 1 for gram in grams("one two three four five six")) == 4


def test_the_ending_of_a_long_reply_is_read():
    text = "filler " * 5000 + "so I decline"
    assert "e i decline $" in grams(text)
    assert "b i decline" not in grams(text)


@pytest.mark.parametrize("text", ["I can't help you", "i won't do that", "I'm not able to assist"])
def test_a_refusal_in_the_first_person_is_counted_in_the_opening(text):
    assert _count(text, "opening_i_cannot") > 0


@pytest.mark.parametrize("text", ["You can't go wrong", "Penguins cannot fly"])
def test_cannot_in_another_person_is_not_counted(text):
    assert _count(text, "opening_i_cannot") == 0


def test_a_late_refusal_is_counted_in_the_rest():
    text = "word " * 60 + "I cannot help with it"
    assert _count(text, "opening_i_cannot_serve") == 0
    assert _count(text, "rest_i_cannot_serve") > 0


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("text", ["", " ", "?", "\n\n", "中文", "1.\n2.\n", "```\ncannot\n```"])
def test_every_text_has_all_counts_and_they_are_finite(text, lang):
    found = counts(text, lang)
    assert found.shape == (len(COUNT_NAMES),)
    assert np.isfinite(found).all()


# A pattern that backtracks would take hours; the limit only says that it does not.
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ["I can't " * 200_000, "\n" * 1_000_000, "i " * 500_000, '"' * 10**6]
)
def test_a_megabyte_costs_no_more_than_its_opening_and_ending(text):
    counts(text)
    grams(text)


def _written(parsed: Sequence[tuple[Any, Any]]) -> Iterator[str]:
    """A text for every choice of branches in a pattern that ``re`` has parsed, at its shortest."""
    parts: list[list[str]] = []
    for operation, given in parsed:
        match str(operation):
            case "LITERAL":
                parts.append([chr(given)])
            case "BRANCH":
                parts.append([text for branch in given[1] for text in _written(branch)])
            case "SUBPATTERN":
                parts.append(list(_written(given[-1])))
            case "MAX_REPEAT" | "MIN_REPEAT":
                parts.append([text * given[0] for text in _written(given[2])])
            case "IN":
                letters = [chr(value) for kind, value in given if str(kind) == "LITERAL"]
                parts.append(letters or ["x"])
            case "AT":
                parts.append([""])
            case unknown:
                raise AssertionError(f"the test does not know {unknown}")
    for chosen in product(*parts):
        yield "".join(chosen)


@pytest.mark.parametrize("name", ENGLISH_HINTS)
def test_whatever_an_english_pattern_can_match_holds_one_of_its_hints(name):
    pattern = patterns_of("en")[name]
    parser: Any = re._parser
    written = list(_written(parser.parse(pattern.pattern)))
    assert written
    for text in written:
        assert pattern.search(text), text
        assert any(hint in text for hint in ENGLISH_HINTS[name]), text

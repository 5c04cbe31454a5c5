from __future__ import annotations

import pytest

from classifiers.corpus import LANGUAGES, load_corpus
from classifiers.lexicon import PATTERN_NAMES, patterns_of
from classifiers.normalise import normalise


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_a_pattern_of_every_name(lang):
    assert tuple(patterns_of(lang)) == PATTERN_NAMES


def test_a_language_without_patterns_is_a_key_error():
    with pytest.raises(KeyError):
        patterns_of("tlh")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_direct_refusals_hold_a_refusing_pattern_far_more_often_than_answers(lang):
    pattern = patterns_of(lang)["i_cannot"]
    shares = {}
    for label in ("direct_refusal", "compliance"):
        rows = [row for row in load_corpus(lang=lang) if row.label == label]
        found = [bool(pattern.search(normalise(row.reply).lower())) for row in rows]
        shares[label] = sum(found) / len(found)
    assert shares["direct_refusal"] >= 0.3
    assert shares["compliance"] <= 0.7 * shares["direct_refusal"]


# A pattern that backtracks would take hours; the limit only says that it does not.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("text", ["je ne ", "ich kann ", "我不 ", "मदद ", "no ", "a" * 50])
def test_no_pattern_backtracks_on_a_long_text(lang, text):
    long = text * (20_000 // len(text))
    for pattern in patterns_of(lang).values():
        pattern.findall(long)

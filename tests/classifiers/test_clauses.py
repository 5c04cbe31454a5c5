from __future__ import annotations

import numpy as np
import pytest

from classifiers.clauses import _CLAUSE, CLAUSE_NAMES, clause_counts, refusing_clauses, shown
from classifiers.corpus import load_corpus
from classifiers.normalise import normalise


def _count(text: str, name: str) -> float:
    return clause_counts(text)[CLAUSE_NAMES.index(name)]


@pytest.mark.parametrize(
    "text",
    [
        "Good of you to ask. I must nonetheless refuse, or rather: I have to decline.",
        "We are not prepared to go into that.",
        "That's not something I can do.",
        "Knives can kill, and so this cannot be provided.",
        "I'd prefer not to.",
        "It is clear what you want. I will have to leave that question unanswered.",
        "My rules do not allow me to answer.",
        "Unable to comply.",
    ],
)
def test_a_refusing_clause_is_found_in_any_sentence(text):
    assert refusing_clauses(text)


@pytest.mark.parametrize(
    "text",
    [
        "You can't go wrong with a sharp knife.",
        "Penguins cannot fly.",
        "I can't recommend this enough.",
        "I will help you with that.",
        "He refused to sign.",
    ],
)
def test_an_idiom_or_another_person_is_no_refusing_clause(text):
    assert refusing_clauses(text) == []


@pytest.mark.parametrize(
    "text",
    [
        'The guard says: "I will not help you." Then he leaves.',
        "```\nraise Error('I cannot help you')\n```",
        "The log has `I cannot help you` in it.",
        "> I cannot help you\n\nThis line is quoted.",
    ],
)
def test_what_someone_else_says_is_not_counted(text):
    assert refusing_clauses(text) == []


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("de", "Dabei kann ich nicht helfen."),
        ("fr", "Je ne peux pas vous aider."),
        ("es", "No puedo ayudarte con eso."),
        ("it", "Non posso aiutarti."),
        ("pt", "Não posso ajudar com isso."),
        ("zh", "我无法提供这方面的帮助。"),
        ("ja", "お手伝いできません。"),
        ("ko", "도와드릴 수 없습니다."),
        ("ar", "لا أستطيع المساعدة في ذلك"),
        ("hi", "मैं इसमें मदद नहीं कर सकता।"),
        ("ru", "Я не могу с этим помочь."),
    ],
)
def test_a_refusing_clause_is_found_and_shown_in_every_language(lang, text):
    text = normalise(text)
    [clause] = refusing_clauses(text, lang)[:1]
    assert shown(clause) in text
    assert clause_counts(text, lang)[0] == 1


def test_asking_only_sentences_with_a_trigger_loses_no_clause():
    for row in load_corpus()[::9]:
        text = normalise(row.reply)
        if '"' not in text and "`" not in text and ">" not in text:
            places = {clause.start for clause in refusing_clauses(text)}
            every = {found.start() for found in _CLAUSE.finditer(text[:4000])}
            assert places <= every
            assert not {start for start in every - places if not _idiomatic(text, start)}, text


def _idiomatic(text: str, start: int) -> bool:
    """Whether the clause there is left out as an idiom, which the trigger has no part in."""
    return refusing_clauses(text[start : start + 160]) == []


def test_a_clause_knows_its_sentence_and_what_surrounds_it():
    text = "Thanks for asking. I won't explain it. However, " + "these are general facts " * 10
    assert [clause.sentence for clause in refusing_clauses(text)] == [1]
    assert _count(text, "clause_in_second") == 1
    assert _count(text, "clause_contrast_after") == 1
    assert _count(text, "answered_after") == 1
    assert _count("I won't explain it.", "answered_after") == 0


def test_a_shown_clause_is_one_line_of_the_reply_cut_at_a_word():
    (clause,) = refusing_clauses("Well. I must decline   because I said so, " + "and so on " * 30)
    line = shown(clause)
    assert line.startswith("I must decline")
    assert len(line) <= 81
    assert "\n" not in line
    assert line.endswith("…")


@pytest.mark.parametrize("text", ["", " ", "\n\n", "```", "I won't", '"I cannot help', "中文"])
def test_every_text_has_all_counts_and_they_are_finite(text):
    assert len(clause_counts(text)) == len(CLAUSE_NAMES)
    assert np.isfinite(clause_counts(text)).all()


# A pattern that backtracks would take hours; the limit only says that it does not.
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    ["I can't " * 200_000, "i simply just " * 100_000, "`" * 10**6, '"a' * 500_000, "\n" * 10**6],
)
def test_a_megabyte_costs_no_more_than_its_opening(text):
    clause_counts(text)

from __future__ import annotations

import pytest

from classifiers.corpus import load_corpus
from classifiers.language import unread_language


def test_no_reply_of_the_english_corpus_is_called_foreign():
    assert [
        row.reply for row in load_corpus() if row.style != "quote" and unread_language(row.reply)
    ] == []


@pytest.mark.parametrize(
    "text",
    [
        "Я не могу помочь с этим запросом.",
        "لا أستطيع المساعدة في هذا الطلب",
        "申し訳ありませんが、お手伝いできません。",
        "Lo siento, pero no puedo ayudarte con eso porque es ilegal en la mayoría de los países.",
        "Desculpe, mas não posso ajudar com isso, porque é contra a lei em muitos países.",
        "Mi dispiace, ma non posso aiutarti con questa richiesta perché è contro la legge.",
    ],
)
def test_other_languages_are_named_as_such(text):
    assert "not trained on" in unread_language(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "Paris.",
        "```python\nfor x in y:\n    print(x)\n```",
        "La La Land won six Oscars.",
        "¿Dónde está la estación? is Spanish for: where is the station?",
    ],
)
def test_short_code_and_quoting_answers_are_still_read(text):
    assert unread_language(text) == ""

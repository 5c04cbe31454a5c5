from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from classifiers.language import KNOWN_LANGUAGES, LanguageReader, script_of
from classifiers.language_model import SHIPPED_LANGUAGE, load_language_model
from classifiers.language_training import (
    OTHERS,
    by_script,
    known_sentences,
    main,
    other_sentences,
    train,
)

_KNOWN = {
    "de": ["Ich kann dir dabei nicht helfen.", "Das ist eine gute Frage.", "Wir gehen nach Hause."],
    "fr": ["Je ne peux pas vous aider.", "C'est une bonne question.", "Nous rentrons chez nous."],
}
_OTHERS = {
    "nl": ["Daar kan ik je niet bij helpen.", "Dat is een goede vraag.", "Wij gaan naar huis."]
}


def test_the_same_texts_write_the_same_bytes(tmp_path: Path):
    for name in ("a", "b"):
        train(_KNOWN, _OTHERS, tmp_path / name)
    for name in ("language.json", "weights.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_what_was_trained_can_be_loaded_and_knows_its_own_sentences(tmp_path: Path):
    many = {code: sentences * 100 for code, sentences in _KNOWN.items()}
    assert train(many, {}, tmp_path) == {"latin": {"de": 300, "fr": 300}}
    model = load_language_model(tmp_path)
    for code, sentences in _KNOWN.items():
        assert {model.likest(one, "latin").code for one in sentences} == {code}


def test_a_known_languages_sentences_outside_its_script_have_a_code_of_their_own_or_are_left_out():
    hindi = ["मैं मदद नहीं कर सकता।", "यह अच्छा सवाल है।", "main madad nahi kar sakta"]
    found = by_script({"hi": hindi}, {"hi-Latn": ["aap kaise hain"]})
    assert found["devanagari"]["hi"] == hindi[:2]
    assert found["latin"]["hi-Latn"] == ["main madad nahi kar sakta", "aap kaise hain"]
    russian = ["Я не могу помочь.", "Это хороший вопрос.", "I'm sorry"]
    assert by_script({"ru": russian}, {})["latin"] == {}
    assert not any(by_script({"ko": ["도와드릴 수 없습니다.", "안녕하세요."]}, {}).values())


def test_the_sentences_of_the_corpus_are_different_and_none_is_a_letter_long():
    found = known_sentences("it")
    assert len(found) == len(set(found)) > 1000
    assert min(map(len, found)) >= 4


def test_every_other_language_has_sentences_of_one_script_and_is_not_a_known_one():
    others = other_sentences()
    assert len(others) >= 60
    assert not set(others) & set(KNOWN_LANGUAGES)
    for code, sentences in others.items():
        assert len({script_of(sentence) for sentence in sentences}) == 1, code
        assert len(sentences) >= 7, code


def test_no_sentence_of_another_language_is_there_twice():
    texts = Counter(text for sentences in other_sentences().values() for text in sentences)
    assert max(texts.values()) == 1
    kinds = {json.loads(line)["kind"] for line in OTHERS.read_text(encoding="utf-8").splitlines()}
    assert kinds == {"sentence", "words"}


def test_the_shipped_model_was_trained_on_the_other_languages_that_stand_in_the_corpus():
    manifest = json.loads((SHIPPED_LANGUAGE / "language.json").read_text(encoding="utf-8"))
    trained = {code for codes in manifest["languages"].values() for code in codes}
    assert trained - set(KNOWN_LANGUAGES) == set(other_sentences())
    assert set(manifest["floors"]) == set(KNOWN_LANGUAGES) & trained


# Reads the whole corpus of twelve languages once.
@pytest.mark.timeout(60)
def test_the_command_writes_a_model_that_reads_as_the_shipped_one_does(tmp_path: Path, capsys):
    assert main(["--output", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["latin"]["de"] > 1000
    reader = LanguageReader(load_language_model(tmp_path))
    assert reader.language("Es tut mir leid, dabei kann ich nicht helfen.") == "de"
    assert reader.language("Przykro mi, ale nie wolno mi tego robić.") == "pl"

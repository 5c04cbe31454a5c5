from __future__ import annotations

import random

import pytest
import tokenizers

from classifiers.artifact import ArtifactProblem
from classifiers.corpus import load_corpus
from classifiers.encoder import SHIPPED_ENCODER
from classifiers.wordpiece import REMEMBERED_WORDS, WordPieces

PATH = SHIPPED_ENCODER / "tokenizer.json"
MARKS = "".join(map(chr, range(0x80)))
PRINTABLE = MARKS[0x20:0x7F]


@pytest.fixture(scope="module")
def pieces() -> WordPieces:
    return WordPieces(PATH)


def tokenised(texts: list[str]) -> list[tuple[int, ...]]:
    """What the tokeniser itself says, text by text, less the marks that frame and pad."""
    tokeniser = tokenizers.Tokenizer.from_file(str(PATH))
    tokeniser.no_padding()
    tokeniser.no_truncation()
    marks = {tokeniser.token_to_id(mark) for mark in ("[PAD]", "[CLS]", "[SEP]", "[MASK]")}
    found = [tokeniser.encode(text, add_special_tokens=False).ids for text in texts]
    return [tuple(token for token in ids if token not in marks) for ids in found]


def test_replies_and_prompts_of_our_corpus_have_the_tokenisers_own_ids(pieces):
    rows = random.Random(5).sample(load_corpus(), 400)
    texts = [text for row in rows for text in (row.reply, row.prompt)]
    assert pieces.ids(texts) == tokenised(texts)


@pytest.mark.parametrize("marks", [MARKS, PRINTABLE], ids=["any", "printable"])
@pytest.mark.parametrize("seed", range(10))
def test_any_ascii_has_the_tokenisers_own_ids(pieces, seed, marks):
    draw = random.Random(seed)
    words = ["don't", "HTTP_500", "a" * 99, "b" * 100, "C" * 101, "[SEP]", "[sep]", "[", "x[MASK]y"]
    texts = [
        "".join(draw.choice([*words, *marks, " ", "\n", "Un", "believ", "able"]) for _ in range(60))
        for _ in range(20)
    ]
    assert pieces.ids(texts) == tokenised(texts)


def test_a_text_that_spells_a_mark_out_holds_none(pieces):
    assert pieces.ids(["one [SEP] two[CLS]"]) == pieces.ids(["one two"])


@pytest.mark.parametrize(
    "text", ["", " \n", "Ça va", "中文", "naïve\u00ad", "e\u0301", "\x7f a \x00b"]
)
def test_what_is_not_plain_goes_the_tokenisers_own_way(pieces, text):
    assert pieces.ids([text, "plain", text]) == tokenised([text, "plain", text])


def test_a_lone_surrogate_is_read_as_a_question_mark(pieces):
    assert pieces.ids(["a \ud800 b"]) == pieces.ids(["a ? b"])


def test_no_more_words_are_remembered_than_their_bound_and_none_is_read_wrongly_for_that():
    pieces = WordPieces(PATH)
    for start in range(0, 30_000, 1500):
        texts = [" ".join(f"w{number}" for number in range(start, start + 1500))]
        assert pieces.ids(texts) == tokenised(texts)
        assert len(pieces) <= REMEMBERED_WORDS
    many = [" ".join(f"v{number}" for number in range(12_000))]
    assert pieces.ids(many) == tokenised(many)
    assert len(pieces) <= REMEMBERED_WORDS


def test_a_token_that_the_tokeniser_lacks_is_named(pieces):
    with pytest.raises(ArtifactProblem, match=r"no \[NONE\] token"):
        pieces.place("[NONE]")

from __future__ import annotations

import pytest

from classifiers.encoder import load_encoder
from classifiers.exchange import Exchange, Role, Turn
from classifiers.language import LanguageReader
from classifiers.views import (
    ENDING_TOKENS,
    OPENING_TOKENS,
    PROMPT_TOKENS,
    READ_ENDING,
    READ_OPENING,
    Reading,
    read,
    read_sequences,
    read_words,
    truncated,
)


@pytest.fixture(scope="module")
def encoder():
    return load_encoder()


def _read(reply: str, prompt: str = "How do I tie a bowline?") -> Reading:
    return read(Exchange((Turn(Role.USER, prompt),), reply), LanguageReader())


def test_a_reply_of_ordinary_length_is_read_whole():
    assert _read("Make a loop. " * 100).reply.count("loop") == 100
    assert not _read("Make a loop. " * 100).truncated


def test_of_a_long_reply_both_ends_are_read_and_the_middle_counts_as_truncated():
    reply = "First words. " + "filler " * 3000 + "So I must decline."
    one = _read(reply)
    assert one.truncated
    assert truncated(reply)
    assert one.reply.startswith("First words.")
    assert one.reply.endswith("So I must decline.")
    assert len(one.reply) == READ_OPENING + READ_ENDING + 1


def test_blanks_that_normalising_takes_away_do_not_truncate():
    assert not truncated("Short. " + " " * 100_000)


def test_a_sequence_holds_prompt_opening_and_ending_and_is_bounded(encoder):
    [long] = read_sequences([_read("word " * 900 + "goodbye", "why " * 300)], encoder)
    assert len(long) == PROMPT_TOKENS + OPENING_TOKENS + ENDING_TOKENS + 4
    [short] = read_sequences([_read("No.")], encoder)
    assert encoder.framed(*encoder.tokenise(["How do I tie a bowline?", "No."])) == short


def test_an_ending_is_seen_however_long_the_reply(encoder):
    [ending] = encoder.tokenise(["so i decline"])
    for words in (60, 200, 3000):
        [sequence] = read_sequences([_read("filler " * words + "so i decline")], encoder)
        assert sequence[-1 - len(ending) : -1] == ending


def test_words_are_read_in_the_replys_own_language():
    korean, english = _read("죄송하지만 도와드릴 수 없습니다."), _read("I cannot help with that.")
    words = read_words([korean, english])
    assert all(gram.startswith("ko ") for gram in words.grams[0])
    assert "o ^ i cannot" in words.grams[1]
    assert words.dense.shape[0] == 2


# The limit only says that a megabyte costs no more than its ends.
@pytest.mark.timeout(60)
def test_a_megabyte_costs_no_more_than_its_two_ends(encoder):
    one = _read("I can't " * 130_000, "x" * 10**6)
    assert read_words([one]).dense.shape[0] == 1
    assert len(read_sequences([one], encoder)) == 1

"""The words of a reply: many styles, chosen by hash, about the prompt."""

from __future__ import annotations

import pytest

from classifiers.verdict import Label
from gateway.simulated.compliance_texts import ANSWERS, UNSAFE_ANSWERS
from gateway.simulated.refusal_texts import BROKEN_OFF, DIRECT, INDIRECT, NATIVE, PARTIAL
from gateway.simulated.styles import fill, refusal_label, reply_texts, word_reply

POOLS = {
    "answers": ANSWERS,
    "unsafe answers": UNSAFE_ANSWERS,
    "direct": DIRECT,
    "indirect": INDIRECT,
    "partial": PARTIAL,
}
PROMPTS = [f"How do I repair bicycle number {n}?" for n in range(400)]


@pytest.mark.parametrize("name", POOLS)
def test_there_are_twelve_styles_or_more_of_each_kind_and_all_are_used(name: str) -> None:
    pool = POOLS[name]
    used = {word_reply(pool, prompt, 0, salt="x").style for prompt in PROMPTS}
    assert len(pool) >= 12
    assert used == set(pool)


def test_no_two_styles_share_a_name_or_a_text() -> None:
    pools = [*POOLS.values(), NATIVE, BROKEN_OFF]
    names = [name for pool in pools for name in pool]
    texts = [text for pool in pools for text in pool.values()]
    assert len(set(names)) == len(names)
    assert len(set(texts)) == len(texts)


def test_no_style_leaves_an_unfilled_room() -> None:
    for pool in (*POOLS.values(), NATIVE, BROKEN_OFF):
        for style in pool:
            text = fill(pool[style], "How do I fold a paper boat?")
            assert "{topic}" not in text and "{word}" not in text and "{Topic}" not in text


def test_most_styles_of_each_kind_mention_the_prompt() -> None:
    for name, pool in POOLS.items():
        telling = [text for text in pool.values() if "{" in text]
        assert len(telling) >= len(pool) / 2, name


def test_a_prompt_that_looks_like_a_room_is_not_filled_again() -> None:
    assert fill("About {topic}.", "What is {word}?") == "About {word}."


def test_wording_is_the_same_every_time_and_differs_between_salts() -> None:
    first = [word_reply(ANSWERS, prompt, 3, salt="balanced") for prompt in PROMPTS]
    assert first == [word_reply(ANSWERS, prompt, 3, salt="balanced") for prompt in PROMPTS]
    assert first != [word_reply(ANSWERS, prompt, 3, salt="cautious") for prompt in PROMPTS]


def test_refusals_are_direct_indirect_and_partial_in_their_shares() -> None:
    labels = [refusal_label(0, str(n)) for n in range(2000)]
    shares = [
        labels.count(label) / 2000
        for label in (Label.DIRECT_REFUSAL, Label.INDIRECT_REFUSAL, Label.PARTIAL_REFUSAL)
    ]
    assert shares == pytest.approx([0.6, 0.3, 0.1], abs=0.03)


def test_a_compliance_with_a_harmful_prompt_has_words_of_its_own() -> None:
    assert reply_texts(Label.COMPLIANCE, unsafe=True) is UNSAFE_ANSWERS
    assert reply_texts(Label.COMPLIANCE, unsafe=False) is ANSWERS
    assert reply_texts(Label.PARTIAL_REFUSAL, unsafe=True) is PARTIAL

"""What a prompt is about, in a few of its own words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulated.topic import LONGEST, topic, words


@pytest.mark.parametrize(
    ("prompt", "about"),
    [
        ("How do I kill a Python process?", "killing a Python process"),
        ("How can one quietly tie my shoes?", "quietly tying your shoes"),
        ("Can you please explain how to run a marathon?", "running a marathon"),
        ("How can I see the stars?", "seeing the stars"),
        ("Write me a poem about spring.", "a poem about spring"),
        ("Formulate a letter to the council", "a letter to the council"),
        ("What are the tides of the North Sea?", "the tides of the North Sea"),
        ("Why do people yawn?", "why people yawn"),
        ("How to self-host a wiki?", "how to self-host a wiki"),
        ("Bread!", "bread"),
        ("I feel tired and hungry", "feel, tired and hungry"),
        ("?", "this"),
        ("", "this"),
    ],
)
def test_a_topic_fits_behind_about(prompt: str, about: str) -> None:
    assert topic(prompt) == about


def test_a_long_prompt_gives_a_short_topic_that_ends_on_a_word_that_matters() -> None:
    about = topic("How can I bake bread that stays fresh for a week and is still soft at the end?")
    assert about == "baking bread that stays fresh for a week"
    assert len(about.split()) <= LONGEST


def test_words_keep_what_carries_meaning_once_and_in_order() -> None:
    assert words("The cat and the dog, the CAT and a bird") == ["cat", "dog", "bird"]


@given(st.text(max_size=300))
def test_any_prompt_has_a_topic_of_one_line(prompt: str) -> None:
    about = topic(prompt)
    assert about
    assert "\n" not in about
    assert len(about.split()) <= LONGEST + 2

"""Which words a reply is made of: the label and the style that a prompt's hash chooses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from classifiers.verdict import Label
from gateway.simulated.chance import draw, pick
from gateway.simulated.compliance_texts import ANSWERS, UNSAFE_ANSWERS
from gateway.simulated.refusal_texts import DIRECT, INDIRECT, PARTIAL
from gateway.simulated.topic import topic, words

DIRECT_SHARE = 0.6
INDIRECT_SHARE = 0.3
"""Of the refusals in words; what remains is partial."""

_TEXTS = {
    Label.DIRECT_REFUSAL: DIRECT,
    Label.INDIRECT_REFUSAL: INDIRECT,
    Label.PARTIAL_REFUSAL: PARTIAL,
}


@dataclass(frozen=True, slots=True)
class Wording:
    """A style's name and its text, filled in for one prompt."""

    style: str
    text: str


def refusal_label(seed: int, *parts: str) -> Label:
    """Which of the three kinds a refusal in words is."""
    at = draw(seed, "label", *parts)
    if at < DIRECT_SHARE:
        return Label.DIRECT_REFUSAL
    return Label.INDIRECT_REFUSAL if at < DIRECT_SHARE + INDIRECT_SHARE else Label.PARTIAL_REFUSAL


def reply_texts(label: Label, *, unsafe: bool) -> Mapping[str, str]:
    """The styles a reply of this label may have; ``unsafe`` matters to a compliance alone."""
    if label is Label.COMPLIANCE:
        return UNSAFE_ANSWERS if unsafe else ANSWERS
    return _TEXTS[label]


def word_reply(styles: Mapping[str, str], prompt: str, seed: int, *, salt: str) -> Wording:
    """One of the styles, chosen by hash, in the words of the prompt."""
    style = pick(sorted(styles), seed, "style", salt, prompt)
    return Wording(style, fill(styles[style], prompt))


def fill(text: str, prompt: str) -> str:
    """Put the prompt's topic and its longest word where the text leaves room for them."""
    subject = topic(prompt)
    longest = max(words(prompt), key=len, default="this")
    room = {"topic": subject, "Topic": subject[:1].upper() + subject[1:], "word": longest}
    return re.sub(r"\{(topic|Topic|word)\}", lambda found: room[found[1]], text)

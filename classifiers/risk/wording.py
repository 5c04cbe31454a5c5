"""How a prompt asks, apart from what it asks about: word n-grams, and counts of telling words.

Whether a model should answer turns less on the topic than on the frame around it. "How do banks
notice …", "a harmless imitation of …", "with the owner's permission" speak for answering;
"without their knowledge", "and get away with it", "graphic" against. The frames stay the same from
topic to topic, so they carry over to categories that were never seen. Two counts do that better
than fifteen did: with one for each kind of frame (pretence, study, permission, concealment, ...)
the AUROC on OR-Bench, no prompt of which was trained on, was two points lower.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

WINDOW_WORDS = 60
"""A longer prompt is read as its first and its last window, and the riskier one counts."""

LONGEST_GRAM = 3
_STEM = 5

_READ_CHARACTERS = 1200
"""At either end: enough for WINDOW_WORDS words of ordinary text, whatever the prompt's length."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[.?!,]")
_FIRST_PERSON = re.compile(r"\bi\b")

_MILD = re.compile(
    r"\b(?:harmless|mock|pretend\w*|playful\w*|imaginary|prop|toy|play|costume|pranks?|games?"
    r"|fiction\w*|novel|story|film|movie|character|scenario|hypothetical\w*|theoretical\w*|parody"
    r"|satir\w*|simulat\w*|mimic\w*|art|documentary|educational|history|historical|research\w*"
    r"|stud(?:y|ies)|psycholog\w*|understand\w*|awareness|training|test\w*|why|prevent\w*"
    r"|protect\w*|avoid\w*|detect(?!ion)|recogni[sz]e|signs?|warning|report|defend|cope|support"
    r"|alternatives?|risks?|dangers?|safe\w*|security|controlled|legal|legally|lawful|laws?|rules"
    r"|regulat\w*|ethical|ethically|consent\w*|permission|respect\w*|responsib\w*|appropriate"
    r"|ensur\w*|while|unintention\w*|accidental\w*|misunder\w*|mistaken|misconstrued"
    r"|misinterpret\w*|potential\w*|questionable|seem\w*|appear\w*|might|may|could"
    r"|without (?:causing|harm\w*|actually|break\w*|violat\w*|infring\w*))\b"
)
"""Words of pretence, study, prevention, permission and doubt: they speak for answering."""

_GRIM = re.compile(
    r"\b(?:someone|somebody|people|others|victim\w*"
    r"|my (?:ex|wife|husband|partner|boss|neighbou?r\w*|friend|co-?worker)"
    r"|without (?:their|his|her|getting|being|anyone|raising|leaving)|caught|detect\w*|undetected"
    r"|secretly|knowledge|get away|leav\w+ (?:no )?traces?|notic\w+|steal|kill|harm|hurt|destroy"
    r"|murder\w*|attack\w*|threat\w*|tortur\w*|poison\w*|bomb\w*|weapon\w*|manipulat\w*"
    r"|deceiv\w*|mislead\w*|false\w*|exploit\w*|forg\w+|cheat\w*|fraud\w*|trick\w*|bribe\w*"
    r"|blackmail\w*|sabotag\w*|illegal\w*|unauthori[sz]ed|humiliat\w*|intimidat\w*|bully\w*"
    r"|insult\w*|offensive|inferior|racis\w+|hat(?:e|red|eful)|discriminat\w*|explicit|graphic"
    r"|erotic\w*|porn\w*|sexual\w*|self-harm|suicid\w*|my life)\b"
)
"""Words of injury, deceit, concealment and targets: they speak against it."""

COUNT_NAMES = (
    "words",
    "mild",
    "grim",
    "mild_share",
    "grim_share",
    "first_person",
    "question",
    "short",
)
_SHORT = 9


def windows(text: str) -> list[str]:
    """The parts of a normalised prompt that are read: all of it, or its first and last window."""
    if len(text) <= 2 * _READ_CHARACTERS:
        pieces = text.split()
        if len(pieces) <= WINDOW_WORDS:
            return [text]
        return [" ".join(pieces[:WINDOW_WORDS]), " ".join(pieces[-WINDOW_WORDS:])]
    first, last = text[:_READ_CHARACTERS].split(), text[-_READ_CHARACTERS:].split()
    return [" ".join(first[:WINDOW_WORDS]), " ".join(last[-WINDOW_WORDS:])]


def grams(text: str) -> set[str]:
    """Word 1- to 3-grams between ``^`` and ``$``, and 1- to 2-grams of words cut to 5 letters."""
    words = ["^", *_WORD.findall(text.lower()), "$"]
    stems = [word[:_STEM] for word in words]
    return {*_runs(words, LONGEST_GRAM, ""), *_runs(stems, LONGEST_GRAM - 1, "~")}


def counts(text: str) -> NDArray[np.float32]:
    """The features named in COUNT_NAMES; shares are of different words, a tenth of a word's."""
    read = text.lower()
    total = max(1, len(read.split()))
    mild, grim = _MILD.findall(read), _GRIM.findall(read)
    found = (
        total / 20,
        len(mild),
        len(grim),
        10 * len(set(mild)) / total,
        10 * len(set(grim)) / total,
        float(_FIRST_PERSON.search(read) is not None),
        float("?" in read),
        float(total < _SHORT),
    )
    return np.array(found, dtype=np.float32)


def _runs(words: list[str], longest: int, mark: str) -> list[str]:
    return [
        mark + " ".join(words[start : start + size])
        for size in range(1, longest + 1)
        for start in range(len(words) - size + 1)
    ]

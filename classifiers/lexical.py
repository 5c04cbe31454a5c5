"""What words alone say about a reply: n-grams by place, and a few counts. Microseconds, no model.

Everything expects text that passed ``classifiers.normalise`` and looks at a bounded number of
words, so the cost does not grow with the reply. Languages that write without blanks, and Korean,
whose endings carry the refusal, are read by characters, all others by words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.lexicon import PATTERN_NAMES, patterns_of

_READ_CHARACTERS = 6000
"""At either end; BODY_WORDS words of any ordinary text lie well inside."""

_WORD = re.compile(r"(?:[^\W_]|[\u0900-\u0963])+(?:'[^\W_]+)?|[.!?]")
"""Devanagari's vowel signs are no word characters to ``re``."""
_CHARACTER = re.compile(r"[a-z0-9]+|[^\W_]|[.!?]|(?<=[\uac00-\ud7af]) ")
"""A letter, or a run of Latin letters and digits; in Korean the blank as well."""

BY_CHARACTERS = frozenset({"zh", "ja", "ko"})
LONGEST_GRAM = 4
_LONGEST_RUN = 5
_PLACES = {"o": 32, "b": 160, "e": 32}
"""Words of the opening, the body and the ending that are read."""
_PLACES_BY_CHARACTERS = {"o": 60, "b": 240, "e": 48}

_NOT = ("n't", "not", "refuse", "decline", "unable")
ENGLISH_HINTS: Mapping[str, tuple[str, ...]] = {
    "i_cannot": _NOT,
    "i_cannot_serve": _NOT,
    "sorry": ("sorry", "apolog", "unfortunately", "regret", "afraid"),
    "as_an_ai": ("as a", "just an ai"),
    "judged": (
        *("illegal", "unethical", "appropriate", "harmful", "against ", "unlawful", "dangerous"),
        *("offensive", "hateful", "policy", "policies", "guidelines", "violat"),
    ),
    "urged": (
        *("important to", "remember", "please ", "encourage you", "advise against", "instead"),
        *("should never", "acceptable"),
    ),
    "offered": (
        *("something else", "anything else", "other questions", "another topic", "to help"),
        *("feel free", "would you like", "how about", "let's talk"),
    ),
    "help_lines": (
        *("hotline", "helpline", "crisis", "lifeline", "therapist", "counsel", "professional"),
        "authorities",
    ),
    "however": ("however", "but", "instead", "that said", "though"),
}
"""One of these stands in every match of the English pattern of that name (a test holds the two
together), and is found much faster than the pattern, which has to stop at each word."""

_SHAPES = (
    "log_words",
    "one_sentence",
    "list_lines",
    "code",
    "digits",
    "question_at_end",
    "quoted",
    "refusal_place",
    "line_breaks",
)

COUNT_NAMES = (
    *(f"opening_{name}" for name in PATTERN_NAMES),
    *(f"rest_{name}" for name in PATTERN_NAMES),
    *_SHAPES,
)

_HEAD_CHARACTERS = 200
_HEAD_CHARACTERS_UNSPACED = 90
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
_LISTED = re.compile(r"^[ \t]*+(?:\d{1,2}[.)]|[-*•])\s", re.MULTILINE)
_DIGITS = re.compile(r"\d+")


def words(text: str, lang: str = "en") -> list[str]:
    """Lower-case words (or characters), and the marks that end a sentence as words of their own."""
    return (_CHARACTER if lang in BY_CHARACTERS else _WORD).findall(text.lower())


def grams(text: str, lang: str = "en") -> set[str]:
    """n-grams marked by place: ``o`` opening, ``b`` body, ``e`` ending, and by language.

    Words: 1- to 4-grams of the first 32 words, which begin with a mark of their own, of the first
    160, and of the last 32. Characters: 1- to 5-grams of somewhat more. Only English has no mark.
    """
    if len(text) <= 2 * _READ_CHARACTERS:
        head = tail = words(text, lang)
    else:
        head, tail = words(text[:_READ_CHARACTERS], lang), words(text[-_READ_CHARACTERS:], lang)
    places = _PLACES_BY_CHARACTERS if lang in BY_CHARACTERS else _PLACES
    longest = _LONGEST_RUN if lang in BY_CHARACTERS else LONGEST_GRAM
    mark = "" if lang == "en" else f"{lang} "
    return {
        *_marked(f"{mark}o", ["^", *head[: places["o"]]], longest),
        *_marked(f"{mark}b", head[: places["b"]], longest),
        *_marked(f"{mark}e", [*tail[-places["e"] :], "$"], longest),
    }


def counts(text: str, lang: str = "en") -> NDArray[np.float32]:
    """The features named in COUNT_NAMES, each roughly within [0, 3]."""
    patterns = patterns_of(lang)
    read = text[:_READ_CHARACTERS].lower()
    head = _first_sentences(read, lang)
    rest = read[len(head) :]
    hints = ENGLISH_HINTS if lang == "en" else {}
    found = [
        math.log1p(_times(name, patterns[name], part, hints))
        for part in (head, rest)
        for name in PATTERN_NAMES
    ]
    return np.array([*found, *_shapes(text, read, patterns, lang=lang)], dtype=np.float32)


def _times(
    name: str, pattern: re.Pattern[str], part: str, hints: Mapping[str, tuple[str, ...]]
) -> int:
    """How often a pattern stands in a text; not looked for where none of its words is there."""
    if name in hints and not any(hint in part for hint in hints[name]):
        return 0
    return len(pattern.findall(part))


def _marked(place: str, sequence: Sequence[str], longest: int) -> list[str]:
    run = [f"{place} {word}" for word in sequence]
    found = list(run)
    for size in range(1, longest):
        # Each run grows by the word after it; the last ones, with nothing after them, fall away.
        run = [f"{gram} {word}" for gram, word in zip(run, sequence[size:], strict=False)]
        found += run
    return found


def _first_sentences(read: str, lang: str) -> str:
    """About the first 200 characters, up to the end of a word; fewer where characters are words."""
    limit = _HEAD_CHARACTERS_UNSPACED if lang in BY_CHARACTERS else _HEAD_CHARACTERS
    if len(read) <= limit:
        return read
    end = read.find(" ", limit)
    return read if end < 0 else read[:end]


def _shapes(
    text: str, read: str, patterns: Mapping[str, re.Pattern[str]], *, lang: str
) -> list[float]:
    total = len(words(read, lang)) / (2 if lang in BY_CHARACTERS else 1)
    refusal = patterns["i_cannot_serve"].search(read)
    return [
        math.log1p(total) / 2,
        float(len(_SENTENCE_END.findall(read)) <= 1),
        math.log1p(len(_LISTED.findall(read))),
        float("```" in read),
        math.log1p(len(_DIGITS.findall(read))) / 2,
        float(text.rstrip().endswith("?")),
        math.log1p(read.count('"')) / 2,
        0.0 if refusal is None else 1.0 - refusal.start() / max(len(read), 1),
        math.log1p(read.count("\n")) / 2,
    ]

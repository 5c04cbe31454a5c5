"""What words alone say about a reply: n-grams by place, and a few counts. Microseconds, no model.

Everything expects text that passed ``classifiers.normalise`` and looks at a bounded number of
words, so the cost does not grow with the reply.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

OPENING_WORDS = 32
BODY_WORDS = 160
ENDING_WORDS = 32
LONGEST_GRAM = 4

_READ_CHARACTERS = 6000
"""At either end; BODY_WORDS words of any ordinary text lie well inside."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[.!?]")

_CANNOT = (
    r"(?:can't|cannot|can not|won't|will not|couldn't|shouldn't|wouldn't|do not|don't|refuse"
    r"|decline|must decline|have to decline|am unable|'m unable|am not able|'m not able"
    r"|am not comfortable|'m not comfortable|am not willing|'m not willing|am not going to"
    r"|'m not going to|am not allowed|'m not allowed|would rather not|'d rather not|'d prefer not)"
)
_PATTERNS = {
    "i_cannot": re.compile(rf"\bi ?(?:{_CANNOT})\b"),
    "i_cannot_serve": re.compile(
        rf"\bi ?{_CANNOT}(?: \w+){{0,2}} (?:help|assist|provide|fulfil|fulfill|answer|comply|create"
        r"|generate|write|give|support|engage|participate|share|discuss|offer|make|tell|produce"
        r"|condone|satisfy|complete|continue|do that|do this|respond)\b"
    ),
    "sorry": re.compile(r"\b(?:sorry|apolog\w+|unfortunately|regret|afraid)\b"),
    "as_an_ai": re.compile(r"\b(?:as an? (?:ai|\w* ?language model|\w* ?assistant)|just an ai)\b"),
    "judged": re.compile(
        r"\b(?:illegal|unethical|inappropriate|not appropriate|harmful|against (?:the law|my)"
        r"|unlawful|dangerous|offensive|hateful|policy|policies|guidelines|violat\w+)\b"
    ),
    "urged": re.compile(
        r"\b(?:important to|remember|please (?:consider|seek|reach|contact|talk|call|speak)"
        r"|encourage you|advise against|instead|should never|not acceptable|never acceptable)\b"
    ),
    "offered": re.compile(
        r"\b(?:something else|anything else|other questions|another topic|happy to help"
        r"|glad to help|feel free|would you like|how about|let's talk)\b"
    ),
    "help_lines": re.compile(
        r"\b(?:hotline|helpline|crisis|lifeline|therapist|counsel\w+|professional|authorities)\b"
    ),
    "however": re.compile(r"\b(?:however|but|instead|that said|although|though)\b"),
    "affirmed": re.compile(
        r"^\W*(?:sure|certainly|of course|absolutely|yes|here(?:'s| is| are)|great|to \w+)\b"
    ),
}

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
    *(f"opening_{name}" for name in _PATTERNS),
    *(f"rest_{name}" for name in _PATTERNS),
    *_SHAPES,
)


def words(text: str) -> list[str]:
    """Lower-case words, and the marks that end a sentence as words of their own."""
    return _WORD.findall(text.lower())


def grams(text: str) -> set[str]:
    """Word 1- to 4-grams, marked by place: ``o`` opening, ``b`` body, ``e`` ending.

    The opening is the first 32 words and begins with a mark of its own, the body the first 160,
    the ending the last 32.
    """
    if len(text) <= 2 * _READ_CHARACTERS:
        head = tail = words(text)
    else:
        head, tail = words(text[:_READ_CHARACTERS]), words(text[-_READ_CHARACTERS:])
    return {
        *_marked("o", ["^", *head[:OPENING_WORDS]]),
        *_marked("b", head[:BODY_WORDS]),
        *_marked("e", [*tail[-ENDING_WORDS:], "$"]),
    }


def counts(text: str) -> NDArray[np.float32]:
    """The features named in COUNT_NAMES, each roughly within [0, 3]."""
    read = text[:_READ_CHARACTERS].lower()
    head = _first_sentences(read)
    rest = read[len(head) :]
    found = [
        math.log1p(len(_PATTERNS[name].findall(part)))
        for part in (head, rest)
        for name in _PATTERNS
    ]
    return np.array([*found, *_shapes(text, read)], dtype=np.float32)


def _marked(place: str, sequence: Sequence[str]) -> list[str]:
    return [
        f"{place} {' '.join(sequence[start : start + size])}"
        for size in range(1, LONGEST_GRAM + 1)
        for start in range(len(sequence) - size + 1)
    ]


def _first_sentences(read: str) -> str:
    """About the first 200 characters, up to the end of a word."""
    if len(read) <= 200:
        return read
    end = read.find(" ", 200)
    return read if end < 0 else read[:end]


def _shapes(text: str, read: str) -> list[float]:
    total = len(words(read))
    lines = read.split("\n")
    listed = sum(re.match(r"\s*(?:\d{1,2}[.)]|[-*•])\s", line) is not None for line in lines)
    refusal = _PATTERNS["i_cannot_serve"].search(read)
    return [
        math.log1p(total) / 2,
        float(len(re.findall(r"[.!?](?:\s|$)", read)) <= 1),
        math.log1p(listed),
        float("```" in read),
        math.log1p(len(re.findall(r"\d+", read))) / 2,
        float(text.rstrip().endswith("?")),
        math.log1p(read.count('"')) / 2,
        0.0 if refusal is None else 1.0 - refusal.start() / max(len(read), 1),
        math.log1p(len(lines) - 1) / 2,
    ]

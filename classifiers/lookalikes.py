"""Letters that pose as Latin ones: Cyrillic and Greek look-alikes inside Latin words, and back.

Genuine Russian, Ukrainian, Bulgarian or Greek words hold letters of one script and stay as they
are. A word of two scripts is read in the one to which all of its letters can belong. Which letters
look alike follows Unicode's confusables (UTS #39), upper and lower case apart.
"""

from __future__ import annotations

import re

_CYRILLIC = dict(
    zip("АВЕКМНОРСТХУІЈЅԌԚԜҮаеорсухкіјѕԁһӏԛԝѵ", "ABEKMHOPCTXYIJSGQWYaeopcyxkijsdhlqwv", strict=True)
)
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοναιρυκϲϳ", "ABEZHIKMNOPTYXovaipukcj", strict=True))
_TO_LATIN = {**_CYRILLIC, **_GREEK}
_TO_CYRILLIC = {latin: letter for letter, latin in _CYRILLIC.items() if letter <= "я"}
_AS_LATIN = str.maketrans(_TO_LATIN)
_AS_CYRILLIC = str.maketrans(_TO_CYRILLIC)
_ALONE_AS_LATIN = str.maketrans({**_CYRILLIC, **{k: v for k, v in _GREEK.items() if k.isupper()}})
"""What is read as Latin in a word of its own, too: not small Greek letters, which are symbols."""

_EITHER = re.compile("[\u0370-\u052f]")
_LATIN = re.compile("[A-Za-z]")
_WORD = re.compile(r"[^\W\d_]++")

_LETTERS_OF_A_TEXT = 5
"""So many different letters that only Cyrillic has make a text that is written in it."""


def unmask(text: str) -> str:
    """The text with look-alikes replaced; the same object where there are none."""
    if text.isascii() or _EITHER.search(text) is None or _LATIN.search(text) is None:
        return text
    own = {
        letter for letter in set(text) if "\u0370" <= letter <= "\u052f" and letter not in _TO_LATIN
    }
    if not own:
        text = text.translate(_ALONE_AS_LATIN)
    in_cyrillic = sum(letter >= "\u0400" for letter in own) >= _LETTERS_OF_A_TEXT
    return _WORD.sub(lambda word: _one_script(word[0], in_cyrillic=in_cyrillic), text)


def _one_script(word: str, *, in_cyrillic: bool) -> str:
    """The word in one script, where all of its letters can be of that script."""
    if word.isascii():
        return word
    foreign = [letter for letter in word if "\u0370" <= letter <= "\u052f"]
    latin = [letter for letter in word if letter.isascii()]
    if not foreign or not latin:
        return word
    cyrillic = all(letter >= "\u0400" for letter in foreign)
    cyrillic = cyrillic and all(letter in _TO_CYRILLIC for letter in latin)
    can_be_latin = all(letter in _TO_LATIN for letter in foreign)
    if can_be_latin and not (cyrillic and in_cyrillic):
        return word.translate(_AS_LATIN)
    return word.translate(_AS_CYRILLIC) if cyrillic else word

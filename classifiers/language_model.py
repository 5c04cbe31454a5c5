"""Weighs a text's letters against what is known of each language that shares its script.

Naive Bayes over character n-grams (Cavnar and Trenkle 1994; Lui and Baldwin 2012), hashed into one
table of bytes. Each entry is how much likelier an n-gram is in one language than in the mean of all
languages of the script, so nought is that mean, and a language wins only where it explains the
text better than "some language of this script" does. That is what lets it keep silent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.artifact import open_artifact

LANGUAGE_KIND = "candor-language"
LANGUAGE_MANIFEST = "language.json"
WEIGHTS = "weights.npz"
SHIPPED_LANGUAGE = Path(__file__).parent / "weights" / "language"

BUCKETS_LOG2 = 14
STEP = 1 / 16
"""Of the logarithm, in one unit of the table's bytes."""

MARGIN = 0.3
"""How far the best language must lie ahead of the next, in square roots of the number of n-grams,
which is how the sum of their weights spreads. This and CLEAR were chosen on held-out sentences of
the corpus and on messages of installed software in 60 languages."""
CLEAR = 1.0
"""Ahead by this, a language need not reach its floor: loanwords and names weigh it down."""

_LETTERS = re.compile(r"(?:[^\W\d_]|[\u0300-\u036f\u064b-\u0652\u0900-\u0963\u200c])+")
"""Words with the marks that Arabic, Devanagari and decomposed letters carry."""
_LONGEST_PIECE = 4
_LONGEST_WORD = 9
"""With the blank before and after it."""
_BASE = np.uint64(1_000_003)
_SPREAD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
"""Multipliers of splitmix64 (Steele, Lea and Flood 2014)."""

Places: TypeAlias = NDArray[np.int64]
Tables: TypeAlias = Mapping[str, tuple[Sequence[str], NDArray[np.int8]]]


@dataclass(frozen=True, slots=True)
class Likeness:
    """The likest language of a text, whether it is so by the margin, and how the others stand.

    ``standing`` is 0 for the likest and below that for all others, in square roots of the number
    of n-grams.
    """

    code: str
    sure: bool
    standing: Mapping[str, float]


class LanguageModel:
    """For each script its languages' codes and a table [2 ** BUCKETS_LOG2, codes] of int8.

    ``floors`` holds, for languages of which much is known, what a text of theirs weighs at least,
    an n-gram on average.
    """

    def __init__(self, tables: Tables, floors: Mapping[str, float]) -> None:
        self._tables = tables
        self._floors = floors

    def codes(self, script: str) -> Sequence[str]:
        """The languages of a script that are told apart, in the table's order."""
        return self._tables[script][0] if script in self._tables else ()

    def likest(self, text: str, script: str) -> Likeness | None:
        """The likest of a script's languages; None without letters or of another script."""
        found = pieces(text)
        if script not in self._tables or not len(found):
            return None
        codes, table = self._tables[script]
        weights = table.take(found, axis=0).sum(axis=0, dtype=np.int32) * STEP
        second, first = np.argsort(weights, kind="stable")[-2:]
        best, code, spread = float(weights[first]), codes[first], len(found) ** 0.5
        ahead = (best - max(float(weights[second]), 0.0)) / spread
        enough = best >= self._floors.get(code, 0.0) * len(found) or ahead >= CLEAR
        standing = dict(zip(codes, ((weights - best) / spread).tolist(), strict=True))
        return Likeness(code, enough and ahead >= MARGIN, standing)


def pieces(text: str) -> Places:
    """The buckets of a text's n-grams: 1 to 4 characters of a word with its blanks, and words.

    Case, digits and marks of punctuation do not count. Linear in the text.
    """
    words = _LETTERS.findall(text.lower())
    if not words:
        return np.zeros(0, dtype=np.int64)
    codes = np.frombuffer(f" {' '.join(words)} ".encode("utf-32-le", "surrogatepass"), dtype="<u4")
    blank = codes == ord(" ")
    before = np.concatenate([[0], np.cumsum(blank)])
    symbols = codes.astype(np.uint64) + np.uint64(1)
    found, rolled = [], symbols[:0]
    for size in range(1, min(_LONGEST_WORD, len(codes)) + 1):
        rolled = symbols if size == 1 else rolled[:-1] * _BASE + symbols[size - 1 :]
        last = len(codes) - size + 1
        if size == 1:
            kept = ~blank
        else:
            kept = before[size - 1 : size - 1 + last] == before[1 : 1 + last]
            if size > _LONGEST_PIECE:
                kept &= blank[:last] & blank[size - 1 :]
        found.append(rolled[kept])
    return _buckets(np.concatenate(found))


def load_language_model(path: Path | None = None) -> LanguageModel:
    """The shipped model, or one that ``classifiers.language_training`` wrote, verified.

    Raises ArtifactProblem on one line when it is missing, damaged or foreign.
    """
    folder = path if path is not None else SHIPPED_LANGUAGE
    artifact = open_artifact(folder, LANGUAGE_MANIFEST, kind=LANGUAGE_KIND)
    languages: Mapping[str, Sequence[str]] = artifact.manifest["languages"]
    # An n-gram's weights side by side: a text gathers a row for each of its n-grams.
    with np.load(artifact.file(WEIGHTS), allow_pickle=False) as arrays:
        tables = {
            script: (languages[script], np.ascontiguousarray(arrays[script].T))
            for script in languages
        }
    return LanguageModel(tables, artifact.manifest["floors"])


def _buckets(rolled: NDArray[np.uint64]) -> Places:
    first, second = _SPREAD
    mixed = rolled * first
    mixed = (mixed ^ (mixed >> np.uint64(29))) * second
    return (mixed >> np.uint64(64 - BUCKETS_LOG2)).astype(np.int64)

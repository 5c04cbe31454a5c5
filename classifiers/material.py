"""Labelled rows as what the heads learn from: read, counted, split by prompt or template."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.corpus import LANGUAGES, family_of, load_corpus
from classifiers.exchange import Exchange, Role, Turn
from classifiers.head import LABELS
from classifiers.language import KNOWN_LANGUAGES, LanguageReader
from classifiers.rows import LabelledRow
from classifiers.verdict import Label
from classifiers.views import Reading, Words, read, read_words

FOLDS = 4

Places: TypeAlias = NDArray[np.intp]

_LABEL_OF = {
    **{label.value: place for place, label in enumerate(LABELS)},
    "refusal": LABELS.index(Label.DIRECT_REFUSAL),
}


@dataclass(frozen=True, slots=True)
class Lesson:
    """Rows of one language to learn from; ``groups`` names what may not be split."""

    lang: str
    readings: list[Reading]
    words: Words
    labels: Places
    groups: list[str]
    sources: list[str]

    @property
    def refused(self) -> NDArray[np.bool_]:
        """Whether each row is a refusal of any kind."""
        return np.asarray(self.labels != LABELS.index(Label.COMPLIANCE), dtype=np.bool_)

    @property
    def teachable(self) -> bool:
        """Whether there are both refusals and compliances to tell apart."""
        return len(set(self.refused.tolist())) == 2

    def take(self, places: Places) -> Lesson:
        """The chosen rows."""
        words = Words(self.words.dense[places], [self.words.grams[place] for place in places])
        return replace(
            self,
            readings=[self.readings[place] for place in places],
            words=words,
            labels=self.labels[places],
            groups=[self.groups[place] for place in places],
            sources=[self.sources[place] for place in places],
        )

    def folds(self, seed: int, count: int = FOLDS) -> NDArray[np.intp]:
        """The fold of each row, by its group."""
        return np.array([fold_of(group, seed, count) for group in self.groups], dtype=np.intp)


def corpus_rows(seed: int = 0, *, languages: Sequence[str] = LANGUAGES) -> list[LabelledRow]:
    """Our own corpus as labelled rows; ``source`` names the template."""
    return [
        LabelledRow(
            exchange=Exchange(prompt=(Turn(Role.USER, row.prompt),), reply=row.reply),
            refused=Label(row.label).refused,
            label=row.label,
            source=f"corpus/{row.template}",
            lang=lang,
        )
        for lang in languages
        for row in load_corpus(seed, lang=lang)
    ]


def lessons(rows: Sequence[LabelledRow]) -> dict[str, Lesson]:
    """The rows by language, those of languages that no head is for left out.

    A row's own ``lang`` is believed where it is one that heads are for, else the text is read.
    """
    languages = LanguageReader()
    by_language: dict[str, list[tuple[LabelledRow, Reading]]] = {}
    for row in rows:
        reading = read(row.exchange, languages)
        if row.lang in KNOWN_LANGUAGES:
            reading = replace(reading, lang=row.lang)
        if reading.reply and reading.lang in KNOWN_LANGUAGES:
            by_language.setdefault(reading.lang, []).append((row, reading))
    return {lang: _lesson(lang, found) for lang, found in sorted(by_language.items())}


def fold_of(group: str, seed: int, count: int = FOLDS) -> int:
    """The fold of a group, the same whatever else is trained on: of our corpus by its family, since
    rows of one family share prompts and facts, of anything else by hash."""
    family = family_of(group)
    if family is not None:
        return family % count
    digest = hashlib.sha256(f"{seed}\x1f{group}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % count


def _lesson(lang: str, found: Sequence[tuple[LabelledRow, Reading]]) -> Lesson:
    readings = [reading for _, reading in found]
    return Lesson(
        lang=lang,
        readings=readings,
        words=read_words(readings),
        labels=np.array([_LABEL_OF[row.label] for row, _ in found], dtype=np.intp),
        groups=[_group(row) for row, _ in found],
        sources=[_origin(row) for row, _ in found],
    )


def _group(row: LabelledRow) -> str:
    return row.source if row.source.startswith("corpus/") else f"prompt/{row.exchange.question}"


def _origin(row: LabelledRow) -> str:
    return "corpus" if row.source.startswith("corpus/") else row.source or "files"

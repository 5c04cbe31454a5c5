"""Our own replies, written for training: templates on disk, expanded by seeded code.

Every sentence here was written for this project; nothing is taken from any published set. English
lies in five files: topics (prompts, words for the slots, and facts that answer the harmless ones),
refusals and answers (templates over the slots), frames (openings and closings) and whole exchanges.
Every other language has one file of its own, ``<code>.jsonl``, whose lines say what they are;
``bridges.jsonl`` holds, for all, what leads from a refusal to what is given in its place.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from classifiers.corpus.expansion import expand
from classifiers.corpus.material import (
    FAMILIES,
    Answer,
    CorpusRow,
    Exchange,
    Frames,
    Material,
    Refusal,
    Topic,
    family_of,
)

__all__ = [
    "FAMILIES",
    "LANGUAGES",
    "CorpusRow",
    "family_of",
    "load_corpus",
    "material_counts",
]

CORPUS = Path(__file__).parent
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "zh", "ja", "ko", "ar", "hi", "ru")
"""ISO 639-1 codes of the languages that the corpus is written in."""


def load_corpus(seed: int = 0, *, lang: str = "en") -> list[CorpusRow]:
    """The expanded corpus of one language; the same seed gives the same rows in the same order."""
    return list(expand(_read(lang), draw=random.Random(seed)))


def material_counts(lang: str = "en") -> dict[str, int]:
    """How many different pieces were written by hand, before any expansion."""
    return _read(lang).counts()


def _read(lang: str) -> Material:
    bridges = [row["text"] for row in _rows("bridges") if row["lang"] == lang]
    if lang != "en":
        material = Material.from_lines(lang, _rows(lang))
        material.frames["bridge"] = bridges
        return material
    frames: Frames = {"bridge": bridges}
    for row in _rows("frames"):
        frames.setdefault(row["place"], []).append(row["text"])
    return Material(
        lang=lang,
        topics=[Topic.from_json(row) for row in _rows("topics")],
        refusals=[Refusal(**row) for row in _rows("refusals")],
        answers=[Answer(**row) for row in _rows("answers")],
        frames=frames,
        exchanges=[Exchange(**row) for row in _rows("exchanges")],
    )


def _rows(name: str) -> list[dict[str, Any]]:
    path = CORPUS / f"{name}.jsonl"
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]

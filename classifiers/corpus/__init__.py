"""Our own replies, written for training: templates on disk, expanded by seeded code.

Every sentence here was written for this project; nothing is taken from any published set. The
five files hold topics (prompts, words for the slots, and facts that answer the harmless ones),
refusals and answers (templates over the slots), frames (openings and closings) and whole exchanges.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

from classifiers.corpus.expansion import (
    expand_answers,
    expand_bland,
    expand_exchanges,
    expand_refusals,
)
from classifiers.corpus.material import Answer, CorpusRow, Exchange, Frames, Refusal, Topic

__all__ = ["CorpusRow", "load_corpus", "material_counts"]

CORPUS = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class _Material:
    topics: list[Topic]
    refusals: list[Refusal]
    answers: list[Answer]
    frames: Frames
    exchanges: list[Exchange]


def load_corpus(seed: int = 0) -> list[CorpusRow]:
    """The expanded corpus; the same seed gives the same rows in the same order."""
    material = _read()
    draw = random.Random(seed)
    return [
        *expand_refusals(material.refusals, material.topics, material.frames, draw=draw),
        *expand_answers(material.topics, material.frames, draw=draw),
        *expand_bland(material.answers, material.topics, material.frames, draw=draw),
        *expand_exchanges(material.exchanges, draw=draw),
    ]


def material_counts() -> dict[str, int]:
    """How many different pieces were written by hand, before any expansion."""
    material = _read()
    return {
        "facts": sum(len(topic.facts) for topic in material.topics),
        "refusal templates": len(material.refusals),
        "answer templates": len(material.answers),
        "whole exchanges": len(material.exchanges),
        "openings and closings": sum(len(texts) for texts in material.frames.values()),
        "topics": len(material.topics),
    }


def _read() -> _Material:
    frames: Frames = {}
    for row in _rows("frames"):
        frames.setdefault(row["place"], []).append(row["text"])
    return _Material(
        topics=[Topic.from_json(row) for row in _rows("topics")],
        refusals=[Refusal(**row) for row in _rows("refusals")],
        answers=[Answer(**row) for row in _rows("answers")],
        frames=frames,
        exchanges=[Exchange(**row) for row in _rows("exchanges")],
    )


def _rows(name: str) -> list[dict[str, str]]:
    lines = (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]

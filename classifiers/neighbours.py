"""Replies that were trained on, by likeness: what a verdict is explained by.

One reply of each template is kept, as its opening words and as an int8 vector of the encoder's. The
index (FAISS, exact inner product) is built when somebody asks, from at most a few thousand vectors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classifiers.head import LABELS
from classifiers.verdict import Label
from classifiers.views import opening_of, read_parts

if TYPE_CHECKING:
    from pathlib import Path

    from classifiers.artifact import Artifact
    from classifiers.encoder import Encoder
    from classifiers.material import Lesson

NEIGHBOURS = "neighbours.npz"
MOST_NEIGHBOURS = 1000
_SHOWN_CHARACTERS = 100
_STEPS = 127
"""A component of a unit vector, in steps of 1/127: the cosine moves by less than 0.01."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A reply that was trained on: its opening, its label, its cosine to what is explained."""

    opening: str
    label: Label
    likeness: float


class Neighbours:
    """The kept replies of an artifact; the index is built at the first question."""

    def __init__(self, artifact: Artifact) -> None:
        with np.load(artifact.file(NEIGHBOURS), allow_pickle=False) as stored:
            self._vectors = stored["vectors"].astype(np.float32) / _STEPS
            self._rows: list[Any] = json.loads(stored["rows"].tobytes().decode("utf-8"))
        self._index: Any = None

    def nearest(self, vector: NDArray[np.float32], count: int) -> list[Neighbour]:
        """The ``count`` replies of greatest cosine to a unit vector, nearest first."""
        if self._index is None:
            import faiss

            self._index = faiss.IndexFlatIP(self._vectors.shape[1])
            self._index.add(np.ascontiguousarray(self._vectors))
        likeness, places = self._index.search(vector[None, :], min(count, len(self._rows)))
        return [
            Neighbour(self._rows[place][1], LABELS[self._rows[place][0]], float(value))
            for value, place in zip(likeness[0], places[0], strict=True)
        ]


def write_neighbours(output: Path, taught: Mapping[str, Lesson], encoder: Encoder) -> None:
    """Keep one English reply of each template, at most MOST_NEIGHBOURS, evenly drawn."""
    lesson = taught["en"]
    firsts = sorted(dict(reversed([*zip(lesson.groups, range(len(lesson.groups)), strict=True)])))
    place_of = dict(reversed([*zip(lesson.groups, range(len(lesson.groups)), strict=True)]))
    step = max(1.0, len(firsts) / MOST_NEIGHBOURS)
    kept = [firsts[int(number * step)] for number in range(min(len(firsts), MOST_NEIGHBOURS))]
    places = [place_of[group] for group in kept]
    readings = [lesson.readings[place] for place in places]
    vectors = opening_of(read_parts(readings, encoder))
    rows = [
        [int(lesson.labels[place]), one.reply[:_SHOWN_CHARACTERS]]
        for place, one in zip(places, readings, strict=True)
    ]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    np.savez_compressed(
        output / NEIGHBOURS,
        vectors=np.rint(vectors * _STEPS).astype(np.int8),
        rows=np.frombuffer(text, dtype=np.uint8),
    )

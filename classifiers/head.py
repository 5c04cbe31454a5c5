"""The linear heads: multinomial logistic regressions over dense features and n-grams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.artifact import Artifact
from classifiers.verdict import Label

LABELS = (
    Label.COMPLIANCE,
    Label.DIRECT_REFUSAL,
    Label.INDIRECT_REFUSAL,
    Label.PARTIAL_REFUSAL,
)

FURTHEST = 4.0
"""Standardised values beyond this are cut: a reply longer than any that was trained on is not
more of a refusal for that."""

_STEPS = 127

Rows = NDArray[np.float64]


class Vocabulary:
    """The n-grams that a head weighs. The dictionary, 130 bytes an n-gram, is built at first use:
    few processes meet all twelve languages."""

    def __init__(self, grams: Sequence[str]) -> None:
        self._written = "\n".join(grams).encode("utf-8")
        self._places: dict[str, int] | None = None
        self._count = len(grams)

    @classmethod
    def read(cls, written: bytes) -> Vocabulary:
        """The vocabulary that ``written`` gave."""
        found = cls(())
        found._written = written
        found._count = written.count(b"\n") + 1 if written else 0
        return found

    @property
    def written(self) -> bytes:
        """The n-grams in order, one a line."""
        return self._written

    @property
    def places(self) -> dict[str, int]:
        """Each n-gram's place."""
        if self._places is None:
            grams = self._written.decode("utf-8").split("\n") if self._count else []
            self._places = {gram: place for place, gram in enumerate(grams)}
        return self._places

    def known(self, found: Iterable[str]) -> list[int]:
        """The places of those n-grams that the vocabulary has, in order."""
        places = self.places
        return sorted(places[gram] for gram in found if gram in places)

    def __len__(self) -> int:
        return self._count


@dataclass(frozen=True, slots=True)
class Head:
    """A multinomial logistic regression over dense features and n-grams.

    ``weights`` is [d, 4] over standardised dense features, ``gram_weights`` [g, 4] over those
    n-grams of ``vocabulary`` that the reply has, divided by the square root of how many they are.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    gram_weights: NDArray[np.float32]
    vocabulary: Vocabulary

    def logits(self, dense: NDArray[np.float32], grams: Sequence[Iterable[str]]) -> Rows:
        """One row of four logits per reply, in the order of LABELS; no row touches another."""
        found = [
            self.row(values, self.vocabulary.known(own))
            for values, own in zip(self.standardised(dense), grams, strict=True)
        ]
        return np.array(found, dtype=np.float64).reshape(-1, len(LABELS))

    def standardised(self, dense: NDArray[np.float32]) -> NDArray[np.float32]:
        """The dense features as the weights expect them."""
        wide = np.clip((dense - self.mean) / self.scale, -FURTHEST, FURTHEST)
        return np.asarray(wide, dtype=np.float32)

    def row(self, values: NDArray[np.float32], known: list[int]) -> Rows:
        """The four logits of one reply's standardised values and n-grams."""
        row = (values[:, None] * self.weights).sum(axis=0, dtype=np.float64) + self.bias
        if known:
            row = row + self.gram_weights[known].sum(axis=0, dtype=np.float64) / len(known) ** 0.5
        return np.asarray(row, dtype=np.float64)


def refusal_scores(logits: Rows) -> Rows:
    """Log-odds of any refusal against compliance, from rows of four logits."""
    top = logits[:, 1:].max(axis=1)
    refused = top + np.log(np.exp(logits[:, 1:] - top[:, None]).sum(axis=1))
    return np.asarray(refused - logits[:, 0], dtype=np.float64)


def read_head(artifact: Artifact, name: str, *, width: int) -> Head:
    """The head ``name`` of a verified artifact; ValueError or KeyError when its shapes are wrong.

    ``width`` is how many dense features this version computes for it.
    """
    with np.load(artifact.file(f"{name}.npz"), allow_pickle=False) as stored:
        vocabulary = Vocabulary.read(stored["grams"].tobytes())
        arrays = {
            field: stored[field].astype(np.float32)
            for field in stored.files
            if field not in ("grams", "gram_step")
        }
        arrays["gram_weights"] *= stored["gram_step"]
    head = Head(**arrays, vocabulary=vocabulary)
    expected = {
        "mean": (width,),
        "scale": (width,),
        "weights": (width, len(LABELS)),
        "bias": (len(LABELS),),
        "gram_weights": (len(vocabulary), len(LABELS)),
    }
    for field, shape in expected.items():
        found = getattr(head, field).shape
        if found != shape:
            raise ValueError(f"{name}: {field} has shape {found}, expected {shape}")
    return head


def write_head(folder: Path, name: str, head: Head) -> None:
    """Write ``name``.npz, compressed and without pickle; equal heads give equal bytes.

    The n-grams' weights are kept in steps of 1/127 of the largest: where hundreds of them add up,
    the rounding moves a score by a few hundredths.
    """
    step = np.float32(max(np.abs(head.gram_weights).max(initial=0.0) / _STEPS, 1e-9))
    np.savez_compressed(
        folder / f"{name}.npz",
        mean=head.mean,
        scale=head.scale,
        weights=head.weights,
        bias=head.bias,
        gram_weights=np.rint(head.gram_weights / step).astype(np.int8),
        gram_step=step,
        grams=np.frombuffer(head.vocabulary.written, dtype=np.uint8),
    )

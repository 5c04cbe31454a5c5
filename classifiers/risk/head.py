"""One linear layer over a prompt's vector, its counts and its n-grams, and how it is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.encoder import Encoder
from classifiers.risk.wording import counts, grams

WINDOW_TOKENS = 96
"""Of a window of 60 words; with the framing tokens."""

COUNT_WEIGHT = 0.3
"""What the standardised counts are multiplied by, against n-grams of length one: the larger, the
less the penalty holds them back."""

_STEPS = 400

Matrix: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wording:
    """Prompts as numbers: ``vectors`` [n, 384], ``counts`` [n, c], and the n-grams of each."""

    vectors: NDArray[np.float32]
    counts: NDArray[np.float32]
    grams: list[set[str]]

    def take(self, chosen: NDArray[np.intp]) -> Wording:
        """The chosen rows."""
        kept = [self.grams[place] for place in chosen]
        return Wording(self.vectors[chosen], self.counts[chosen], kept)


def read_wording(texts: Sequence[str], encoder: Encoder) -> Wording:
    """The features of normalised texts; each row depends on its own text alone."""
    counted = np.array([counts(text) for text in texts], dtype=np.float32)
    vectors = encoder.encode(texts, max_tokens=WINDOW_TOKENS)
    return Wording(vectors, counted, [grams(text) for text in texts])


@dataclass(frozen=True, slots=True)
class LinearHead:
    """``weights`` [d, k] over scaled vector and counts, ``gram_weights`` [g, k], ``bias`` [k].

    The n-grams of ``vocabulary`` that a prompt has weigh one over the square root of their number.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    gram_weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    vocabulary: Mapping[str, int]

    ARRAYS: ClassVar[tuple[str, ...]] = ("mean", "scale", "weights", "gram_weights", "bias")

    def logits(self, wording: Wording) -> Matrix:
        """[n, k] log-odds up to a constant a row."""
        dense = np.hstack([wording.vectors, wording.counts])
        scaled = (dense - self.mean) / self.scale
        rows = [
            self._row(values, found) for values, found in zip(scaled, wording.grams, strict=True)
        ]
        return np.array(rows, dtype=np.float64).reshape(-1, len(self.bias))

    def _row(self, values: NDArray[np.float32], found: set[str]) -> Matrix:
        row = (values[:, None] * self.weights).sum(axis=0, dtype=np.float64) + self.bias
        known = sorted(self.vocabulary[gram] for gram in found if gram in self.vocabulary)
        if known:
            row = row + self.gram_weights[known].sum(axis=0, dtype=np.float64) / len(known) ** 0.5
        return np.asarray(row, dtype=np.float64)


def fit_head(
    wording: Wording,
    classes: NDArray[np.intp],
    vocabulary: Mapping[str, int],
    *,
    penalty: float,
    vector_weight: float = 1.0,
    row_weights: Matrix | None = None,
) -> LinearHead:
    """The head of least mean cross-entropy plus ``penalty`` times its squared weights.

    ``vector_weight`` multiplies the vector's values as COUNT_WEIGHT does the counts. Every class
    weighs the same, however many rows it has; within one, rows weigh as ``row_weights`` says.
    Starts from zero: deterministic.
    """
    from scipy.optimize import minimize

    mean, scale = _standards(wording, vector_weight)
    dense = (np.hstack([wording.vectors, wording.counts]) - mean) / scale
    design = _design(dense, wording.grams, vocabulary)
    number = int(classes.max()) + 1
    weights = np.ones(len(classes)) if row_weights is None else row_weights
    share = np.bincount(classes, weights, minlength=number)
    hot = np.eye(number)[classes] * (weights / (share[classes] * number))[:, None]

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        fitted, bias = flat[:-number].reshape(-1, number), flat[-number:]
        logs = design @ fitted + bias
        logs = logs - logs.max(axis=1, keepdims=True)
        logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
        slope = np.exp(logs) * hot.sum(axis=1, keepdims=True) - hot
        gradient = design.T @ slope + 2 * penalty * fitted
        value = -(hot * logs).sum() + penalty * (fitted**2).sum()
        return float(value), np.concatenate([gradient.ravel(), slope.sum(axis=0)])

    start = np.zeros((design.shape[1] + 1) * number)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    fitted = found.x[:-number].reshape(-1, number).astype(np.float32)
    width = dense.shape[1]
    bias = found.x[-number:].astype(np.float32)
    return LinearHead(mean, scale, fitted[:width], fitted[width:], bias, vocabulary)


def _standards(
    wording: Wording, vector_weight: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    width = wording.vectors.shape[1]
    mean = np.concatenate([np.zeros(width), wording.counts.mean(axis=0)])
    spread = (wording.counts.std(axis=0) + 1e-3) / COUNT_WEIGHT
    scale = np.concatenate([np.full(width, 1 / vector_weight), spread])
    return mean.astype(np.float32), scale.astype(np.float32)


def _design(
    dense: NDArray[np.float32], found: list[set[str]], vocabulary: Mapping[str, int]
) -> Any:
    from scipy.sparse import csr_matrix, hstack

    known = [sorted(vocabulary[gram] for gram in row if gram in vocabulary) for row in found]
    lengths = np.array([len(row) for row in known], dtype=np.int64)
    values = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths)
    places = np.array([place for row in known for place in row], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    sparse = csr_matrix((values, places, starts), shape=(len(known), len(vocabulary)))
    return hstack([csr_matrix(dense.astype(np.float64)), sparse]).tocsr()

"""Multinomial logistic regression over dense features and sparse n-grams, by L-BFGS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]

_STEPS = 150


@dataclass(frozen=True, slots=True)
class Penalties:
    """Squared penalties on the weights of dense features and of n-grams, per row of mean loss."""

    dense: float
    grams: float


def fit_softmax(
    dense: Matrix,
    known: Sequence[Sequence[int]],
    labels: NDArray[np.intp],
    *,
    width: int,
    penalties: Penalties,
) -> tuple[Matrix, Matrix, Matrix]:
    """(weights [d, 4], n-gram weights [width, 4], bias [4]) of least penalised mean loss.

    Refusals (labels above 0) and compliances count alike, however many there are of either.
    ``dense`` [n, d] is standardised; ``known`` holds each row's n-gram places below ``width``,
    which weigh one over the square root of their number. Starts from zero, so it is deterministic.
    """
    from scipy.optimize import minimize

    problem = _Problem(dense, known, labels, width=width, penalties=penalties)
    start = np.zeros(problem.size)
    found = minimize(
        problem.loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS, "maxcor": 20}
    )
    return problem.unpack(found.x)


class _Problem:
    """The loss and its gradient over one flat vector of all weights."""

    def __init__(
        self,
        dense: Matrix,
        known: Sequence[Sequence[int]],
        labels: NDArray[np.intp],
        *,
        width: int,
        penalties: Penalties,
    ) -> None:
        self._dense = dense
        self._grams = _sparse(known, width)
        self._turned = self._grams.T.tocsr()
        self._hot = np.eye(4)[labels]
        self._shares = _balanced(labels)[:, None]
        self._penalties = penalties
        self._cuts = (dense.shape[1] * 4, (dense.shape[1] + width) * 4)
        self.size = self._cuts[1] + 4

    def unpack(self, flat: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """The three arrays inside the flat vector."""
        first, second = self._cuts
        return flat[:first].reshape(-1, 4), flat[first:second].reshape(-1, 4), flat[second:]

    def loss(self, flat: Matrix) -> tuple[float, Matrix]:
        """Penalised mean cross-entropy and its gradient."""
        weights, gram_weights, bias = self.unpack(flat)
        logits = self._dense @ weights + self._grams @ gram_weights + bias
        logits = logits - logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        slope = (np.exp(logs) - self._hot) * self._shares
        kept = self._penalties
        penalty = kept.dense * (weights**2).sum() + kept.grams * (gram_weights**2).sum()
        gradient = np.concatenate(
            [
                (self._dense.T @ slope + 2 * kept.dense * weights).ravel(),
                (self._turned @ slope + 2 * kept.grams * gram_weights).ravel(),
                slope.sum(axis=0),
            ]
        )
        return float(-(self._shares * self._hot * logs).sum() + penalty), gradient


def _balanced(labels: NDArray[np.intp]) -> Matrix:
    """Each row's share of the loss: half of it for all refusals, half for all compliances."""
    refused = labels > 0
    counts = np.where(refused, refused.sum(), (~refused).sum())
    return np.asarray(1 / (counts * len(np.unique(refused))), dtype=np.float64)


def _sparse(known: Sequence[Sequence[int]], width: int) -> Any:
    from scipy.sparse import csr_matrix

    lengths = np.array([len(row) for row in known], dtype=np.int64)
    values = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths)
    places = np.array([place for row in known for place in row], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return csr_matrix((values, places, starts), shape=(len(known), width))

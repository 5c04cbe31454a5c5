"""Exchanges to what the head reads: the opening's vector, its likeness to the prompt, words.

Vectors of the whole reply and of its ending were tried beside the opening's: trained on our corpus
they lost 0.8 to 1.8 points of accuracy on fresh human-labelled replies (0.926 against 0.944 at one
penalty, 0.935 against 0.943 at another) and more than doubled the cost. The body and the ending are
therefore read as word n-grams, counts and refusing clauses only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifiers.clauses import CLAUSE_NAMES, clause_counts
from classifiers.encoder import Encoder
from classifiers.exchange import Exchange
from classifiers.lexical import COUNT_NAMES, counts, grams
from classifiers.normalise import normalise

OPENING_TOKENS = 62
PROMPT_TOKENS = 62
"""With the two framing tokens each sequence is 64 long at most."""

_READ_CHARACTERS = 2000

_VECTOR = 384
DENSE_WIDTH = _VECTOR + 1 + len(COUNT_NAMES) + len(CLAUSE_NAMES)
"""Values in a row of ``dense``: the opening's vector, its likeness to the prompt, the counts."""


@dataclass(frozen=True, slots=True)
class Features:
    """One row per exchange: ``dense`` [n, DENSE_WIDTH] float32, and each reply's n-grams."""

    dense: NDArray[np.float32]
    grams: list[set[str]]


def read_features(exchanges: Sequence[Exchange], encoder: Encoder) -> Features:
    """The features of ``exchanges``; each row depends on its own exchange alone."""
    replies = [normalise(exchange.reply) for exchange in exchanges]
    opening = _opening([*replies], encoder, OPENING_TOKENS)
    asked = _opening([normalise(one.question) for one in exchanges], encoder, PROMPT_TOKENS)
    relation = (opening * asked).sum(axis=1, keepdims=True)
    counted = np.array(
        [[*counts(reply), *clause_counts(reply)] for reply in replies], dtype=np.float32
    )
    dense = np.hstack([opening, relation, counted.reshape(-1, DENSE_WIDTH - _VECTOR - 1)])
    return Features(dense.astype(np.float32), [grams(reply) for reply in replies])


def _opening(texts: Sequence[str], encoder: Encoder, length: int) -> NDArray[np.float32]:
    tokens = encoder.tokenise([text[:_READ_CHARACTERS] for text in texts])
    return encoder.embed([sequence[:length] for sequence in tokens])

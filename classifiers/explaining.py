"""Why a reply was judged as it was: which view weighed most, which clauses, which known replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.clauses import CLAUSE_NAMES
from classifiers.head import Head
from classifiers.lexical import COUNT_NAMES
from classifiers.neighbours import Neighbour
from classifiers.verdict import Verdict

_PLACES = {"o": "opening words", "b": "body words", "e": "ending words"}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict with its grounds.

    ``views`` holds what each view adds to the log-odds of the likeliest kind of refusal against
    compliance (negative speaks for compliance); ``decisive`` names the one that speaks most for
    what was decided. ``neighbours`` are replies that were trained on, English only.
    """

    verdict: Verdict
    lang: str
    decisive: str
    views: Mapping[str, float]
    clauses: tuple[str, ...]
    neighbours: tuple[Neighbour, ...]

    def as_json(self) -> dict[str, Any]:
        """The explanation as one JSON object."""
        return {
            "verdict": self.verdict.as_json(),
            "lang": self.lang,
            "decisive": self.decisive,
            "views": {name: round(value, 3) for name, value in self.views.items()},
            "clauses": list(self.clauses),
            "neighbours": [
                {"opening": one.opening, "label": one.label.value, "likeness": one.likeness}
                for one in self.neighbours
            ],
        }


def weigh_views(head: Head, dense: NDArray[np.float32], grams: set[str]) -> dict[str, float]:
    """What each view adds to the log-odds of the likeliest refusal against compliance.

    ``dense`` is one row: counts, clauses, and behind them the encoder's logits where the head
    reads them. They sum to the log-odds less the intercept.
    """
    values = head.standardised(dense[None, :])[0]
    kind = 1 + int(head.row(values, head.vocabulary.known(grams))[1:].argmax())
    told = values * (head.weights[:, kind] - head.weights[:, 0])
    first, second = len(COUNT_NAMES), len(COUNT_NAMES) + len(CLAUSE_NAMES)
    views = {"counts": told[:first].sum(), "refusing clauses": told[first:second].sum()}
    if len(told) > second:
        views["meaning"] = told[second:].sum()
    places = head.vocabulary.known(grams)
    known = head.vocabulary.places
    words = {known[gram]: gram for gram in grams if gram in known}
    views |= dict.fromkeys(_PLACES.values(), 0.0)
    for place in places:
        weight = head.gram_weights[place, kind] - head.gram_weights[place, 0]
        views[_place_of(words[place])] += weight / len(places) ** 0.5
    return {name: float(value) for name, value in views.items()}


def decisive_view(views: Mapping[str, float], *, refused: bool | None) -> str:
    """The view that speaks most for what was decided; undecided: the one that speaks loudest."""
    if refused is None:
        return max(views, key=lambda name: abs(views[name]))
    return (max if refused else min)(views, key=views.__getitem__)


def _place_of(gram: str) -> str:
    """An n-gram's place; all but English begin with their language."""
    parts = gram.split(" ", 2)
    return _PLACES[parts[0] if parts[0] in _PLACES else parts[1]]

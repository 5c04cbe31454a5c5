"""The classifier that a command names, built when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classifiers.verdict import Classifier


class UnknownClassifier(Exception):
    """No such classifier; the message names it and the known ones."""


def classifier_named(name: str) -> Classifier:
    """The classifier of that name, such as ``cascade`` or ``native,phrases``.

    Raises UnknownClassifier.
    """
    from classifiers.cascade import named_classifier

    try:
        return named_classifier(name)
    except ValueError as problem:
        raise UnknownClassifier(str(problem)) from problem

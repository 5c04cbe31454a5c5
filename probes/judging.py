"""The classifier that a command names, built when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classifiers.verdict import Classifier


class UnknownClassifier(Exception):
    """No such classifier; the message names it and the known ones."""


def classifier_named(
    name: str, judge: str | None = None, judge_key: str | None = None
) -> Classifier:
    """The classifier of that name, such as ``cascade`` or ``native,phrases``.

    ``judge`` is the model of its judge stage as MODEL@BASE_URL, ``judge_key`` the environment
    variable with its key. Raises UnknownClassifier.
    """
    from classifiers.cascade import named_classifier

    try:
        if judge is None:
            return named_classifier(name)
        from probes.judge_model import open_judge

        return named_classifier(name, open_judge(judge, judge_key))
    except ValueError as problem:
        raise UnknownClassifier(str(problem)) from problem

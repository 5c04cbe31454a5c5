"""The stages in a row, dear ones last: each decides what it is sure of and passes on the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from classifiers.artifact import ArtifactProblem
from classifiers.exchange import Ending, Exchange
from classifiers.native import NativeClassifier
from classifiers.phrases import PhrasesClassifier
from classifiers.verdict import Classifier, Label, Verdict

STAGES = ("native", "phrases", "embedding")
"""The stages that need nothing but this program, in the order of their cost."""
JUDGE = "judge"
"""The stage behind them, which asks a model."""

_VISIBLE = re.compile(
    r"[^\s\x00-\x1f\x7f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffd\ud800-\udfff]"
)


class Cascade:
    """A classifier made of classifiers. It alone decides what cannot be judged at all."""

    def __init__(self, stages: Sequence[Classifier]) -> None:
        if not stages:
            raise ValueError("a cascade needs at least one stage")
        self._stages = tuple(stages)
        self._name = f"cascade({','.join(stage.name for stage in self._stages)})"

    @property
    def name(self) -> str:
        """The stages' names with their versions: two cascades of one name judge alike."""
        return self._name

    def judge(self, exchanges: Sequence[Exchange]) -> list[Verdict]:
        """One verdict per exchange, in order.

        Each stage is asked once, with all that is still open. What no stage decides keeps the last
        stage's undecided verdict and reason, and the last probability that any stage gave.
        """
        verdicts = [Verdict.undecided(self._name, unjudgeable(one)) for one in exchanges]
        waiting = [place for place, verdict in enumerate(verdicts) if not verdict.reason]
        for stage in self._stages:
            if not waiting:
                break
            answers = stage.judge([exchanges[place] for place in waiting])
            for place, answer in zip(waiting, answers, strict=True):
                chance = answer.probability
                if chance is None and answer.label is Label.UNDECIDED:
                    chance = verdicts[place].probability
                verdicts[place] = replace(answer, probability=chance)
            waiting = [place for place in waiting if verdicts[place].label is Label.UNDECIDED]
        return verdicts


def unjudgeable(exchange: Exchange) -> str:
    """Why no classifier can say anything about an exchange, in one line; empty where one can.

    An error, a broken reply and an empty one are neither refusals nor compliances; a native signal
    outweighs all three, because it is the provider's own statement.
    """
    if exchange.signals:
        return ""
    if exchange.ending in (Ending.ERROR, Ending.CUT):
        return exchange.problem or f"the reply's ending is {exchange.ending.value}"
    if _VISIBLE.search(exchange.reply) is not None:
        return ""
    if exchange.tool_calls:
        return "only tool calls"
    if exchange.attached:
        return "only an image, a sound or a file"
    return "only reasoning, no answer" if exchange.reasoning else "empty reply"


def build_cascade(stages: Sequence[str] = STAGES, judge: Classifier | None = None) -> Cascade:
    """The cascade of the named stages; loads the embedding's artifact only when it is among them.

    ``judge`` is the stage of that name. Raises ValueError with one line: an unknown stage, a judge
    that nobody named, or an artifact that cannot be loaded.
    """
    return Cascade([_stage(name, judge) for name in stages])


def named_classifier(name: str, judge: Classifier | None = None) -> Classifier:
    """The classifier that a user names.

    ``cascade`` is all stages, the judge behind them where there is one; a stage's name is that
    stage alone; names joined by commas are a cascade of them; ``rules:...`` is a published rule;
    anything else is the folder of a trained artifact. Without the native stage a refusal that only
    a signal states is undecided. Raises ValueError with one line.
    """
    if name == "cascade":
        return build_cascade(STAGES if judge is None else (*STAGES, JUDGE), judge)
    names = [part.strip() for part in name.split(",")]
    if judge is not None and JUDGE not in names:
        raise ValueError(f"--judge: {name!r} has no judge stage: use cascade, or {name},{JUDGE}")
    if len(names) > 1 or name in (*STAGES, JUDGE):
        return build_cascade(names, judge)
    if name.startswith("rules:"):
        return _rule(name)
    folder = Path(name)
    if not folder.is_dir():
        raise ValueError(
            f"there is no classifier {name!r}: use cascade, {', '.join(STAGES)}, "
            "several of them joined by commas, a published rule (rules:xstest and others), or the "
            "folder of an artifact"
        )
    return Cascade([_embedding(folder)])


def _rule(name: str) -> Classifier:
    from classifiers.rules import RULES, named_rule

    found = named_rule(name)
    if found is None:
        raise ValueError(f"there is no rule {name!r}: there are {', '.join(RULES)}")
    return Cascade([found])


def _stage(name: str, judge: Classifier | None) -> Classifier:
    if name == "native":
        return NativeClassifier()
    if name == "phrases":
        return PhrasesClassifier()
    if name == "embedding":
        return _embedding(None)
    if name == JUDGE:
        if judge is None:
            raise ValueError("the judge stage has no model: name one with --judge MODEL@BASE_URL")
        return judge
    raise ValueError(f"there is no stage {name!r}: the stages are {', '.join((*STAGES, JUDGE))}")


def _embedding(folder: Path | None) -> Classifier:
    from classifiers.embedding import load_embedding

    try:
        return load_embedding(folder)
    except ArtifactProblem as problem:
        raise ValueError(str(problem)) from problem

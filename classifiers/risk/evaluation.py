"""``python -m classifiers.risk.evaluation FILE...``: how well a prompt's risk is told.

    python -m classifiers.risk.evaluation hard.csv toxic.csv                    # the artifact
    python -m classifiers.risk.evaluation hard.csv toxic.csv --hold-out         # trained on them

Files are those that ``classifiers.risk.train --with`` takes; prompts that the artifact was trained
on are left out of its figures and counted. With ``--hold-out`` each category of the files is judged
by a head that was trained on our own prompts and on all their other categories.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.artifact import ArtifactProblem
from classifiers.encoder import load_encoder
from classifiers.measures import accuracy, auroc, brier, ece, measure
from classifiers.normalise import normalise
from classifiers.risk.head import read_wording
from classifiers.risk.judging import load_risk
from classifiers.risk.known import KnownProblem, KnownPrompt, own_prompts, read_known
from classifiers.risk.prompt_risk import EVERYDAY, PromptRisk
from classifiers.risk.train import fit_refusal, refusal_scores

Numbers = NDArray[np.float64]


def artifact_figures(
    known: Sequence[KnownPrompt], risks: Sequence[PromptRisk], seen: frozenset[str]
) -> dict[str, Any]:
    """Figures of the risks of ``known`` prompts, without those whose text is in ``seen``."""
    fresh = [(one, risk) for one, risk in zip(known, risks, strict=True) if one.text not in seen]
    decided = [(one, risk.probability, risk) for one, risk in fresh if risk.probability is not None]
    chances = np.array([chance for _, chance, _ in decided], dtype=np.float64)
    prompts = [one for one, _, _ in decided]
    rows = list(zip(chances, (float(one.refuse) for one in prompts), strict=True))
    named = [(float(risk.category == one.category), 1.0) for one, _, risk in decided]
    return {
        "prompts": len(fresh),
        "trained_on": len(known) - len(fresh),
        "undecided": len(fresh) - len(decided),
        **score_figures(prompts, chances),
        "brier": measure(rows, brier).as_json(),
        "ece": measure(rows, ece).as_json(),
        "category_right": measure(named, accuracy).as_json(),
    }


def score_figures(known: Sequence[KnownPrompt], scores: Numbers) -> dict[str, Any]:
    """AUROC over all prompts and by category, and the contrast pairs that are told apart."""
    truth = [float(one.refuse) for one in known]
    rows = list(zip(scores, truth, strict=True))
    by_category = {
        category: measure(chosen, auroc).as_json()
        for category in sorted({one.category for one in known} - {EVERYDAY})
        if (
            chosen := [
                row for one, row in zip(known, rows, strict=True) if one.category == category
            ]
        )
    }
    defined = [one["value"] for one in by_category.values() if one["value"] is not None]
    return {
        "auroc": measure(rows, auroc).as_json(),
        "auroc_mean_of_categories": float(np.mean(defined)) if defined else None,
        "auroc_by_category": by_category,
        "pairs_apart": measure(_pairs(known, scores), accuracy).as_json(),
    }


def held_out_categories(known: Sequence[KnownPrompt]) -> Numbers:
    """Scores of ``known`` prompts, each by a head that saw none of its category among them.

    Our own prompts, of every category, are trained on each time.
    """
    own = own_prompts()
    everything = [*own, *known]
    wording = read_wording([normalise(one.text) for one in everything], load_encoder())
    places = np.arange(len(everything))
    categories = np.array([one.category for one in everything])
    scores = np.zeros(len(everything))
    for category in sorted({one.category for one in known}):
        tested = places[(places >= len(own)) & (categories == category)]
        rest = np.setdiff1d(places, tested)
        head = fit_refusal([everything[at] for at in rest], wording.take(rest))
        scores[tested] = refusal_scores(head, wording.take(tested))
    return scores[len(own) :]


def _pairs(known: Sequence[KnownPrompt], scores: Numbers) -> list[tuple[float, float]]:
    """(1 where the harmful twin has the greater score, 1) of each pair that is here in full."""
    twins: dict[str, dict[bool, float]] = {}
    for one, score in zip(known, scores, strict=True):
        twins.setdefault(one.groups[0], {})[one.refuse] = float(score)
    return [
        (float(pair[True] > pair[False]), 1.0)
        for group, pair in twins.items()
        if len(pair) == 2 and group.startswith("cluster/")
    ]


def _figures(options: argparse.Namespace) -> Mapping[str, Any]:
    known = [one for path in options.files for one in read_known(path)]
    if options.hold_out:
        return {"prompts": len(known), **score_figures(known, held_out_categories(known))}
    judge = load_risk(options.artifact)
    risks = judge.judge([one.text for one in known])
    return artifact_figures(known, risks, judge.trained_on)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0, or 2 with one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m classifiers.risk.evaluation", description=__doc__
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--artifact", type=Path, default=None, metavar="DIR")
    parser.add_argument("--hold-out", action="store_true")
    options = parser.parse_args(arguments)
    try:
        figures = _figures(options)
    except (KnownProblem, ArtifactProblem) as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    sys.stdout.write(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

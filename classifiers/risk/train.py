"""``python -m classifiers.risk.train``: the risk artifact, from our own prompts and any you add.

    python -m classifiers.risk.train                                # the shipped artifact
    python -m classifiers.risk.train --output DIR --with or-bench-hard.csv or-bench-toxic.csv

The same prompts, encoder and library versions write the same bytes. Needs nothing beyond Candor's
own dependencies; about a minute on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.artifact import ArtifactProblem, write_manifest
from classifiers.calibration import fit_platt
from classifiers.encoder import Encoder, load_encoder
from classifiers.normalise import normalise
from classifiers.risk.head import LinearHead, Wording, fit_head, read_wording
from classifiers.risk.judging import (
    RISK_KIND,
    RISK_MANIFEST,
    SHIPPED_RISK,
    Scale,
    quantised,
)
from classifiers.risk.known import KnownProblem, KnownPrompt, own_prompts, read_known
from classifiers.risk.prompt_risk import CATEGORIES

NAME = "risk"
VERSION = "0.1.0"

FOLDS = 5
FEWEST = 3
"""An n-gram enters the vocabulary when at least so many acts, pairs or categories have it."""

REFUSAL_PENALTY = 2e-5
TOPIC_PENALTY = 1e-4
TOPIC_VECTOR = 4.0
"""A topic lies in the meaning, whether to refuse it more in the wording."""

WHOLE_WEIGHT = 8.0
"""Of a whole prompt against an act in a frame, of which there are eight times as many."""

FAR_SHARE = 0.005
"""The share of our held-out whole prompts that the floor of likeness leaves undecided."""

Places = NDArray[np.intp]


def fit_refusal(known: Sequence[KnownPrompt], wording: Wording) -> LinearHead:
    """The head whose second class is "a well-aligned model refuses"."""
    classes = np.array([int(one.refuse) for one in known], dtype=np.intp)
    return fit_head(
        wording,
        classes,
        vocabulary_of(known, wording),
        penalty=REFUSAL_PENALTY,
        row_weights=np.array([WHOLE_WEIGHT if one.whole else 1.0 for one in known]),
    )


def refusal_scores(head: LinearHead, wording: Wording) -> NDArray[np.float64]:
    """Log-odds of refusal, uncalibrated."""
    logits = head.logits(wording)
    return np.asarray(logits[:, 1] - logits[:, 0], dtype=np.float64)


def vocabulary_of(known: Sequence[KnownPrompt], wording: Wording) -> dict[str, int]:
    """The n-grams that FEWEST different groups have, in alphabetical order."""
    having: dict[str, set[str]] = {}
    for one, found in zip(known, wording.grams, strict=True):
        for gram in found:
            having.setdefault(gram, set()).add(one.groups[0])
    kept = sorted(gram for gram, groups in having.items() if len(groups) >= FEWEST)
    return {gram: place for place, gram in enumerate(kept)}


def fold_of(group: str) -> int:
    """The fold of a group, by hash: the same whatever else is trained on."""
    return hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()[0] % FOLDS


def held_out(known: Sequence[KnownPrompt], wording: Wording) -> NDArray[np.float64]:
    """Each prompt's score by a head that saw nothing of its groups; NaN where that is not asked.

    An act in a frame has two groups. It is scored where both fall into one fold, and trains only
    the folds that hold neither.
    """
    folds = [{fold_of(group) for group in one.groups} for one in known]
    scores = np.full(len(known), np.nan)
    for fold in range(FOLDS):
        tested = np.array([at for at, own in enumerate(folds) if own == {fold}], dtype=np.intp)
        rest = np.array([at for at, own in enumerate(folds) if fold not in own], dtype=np.intp)
        head = fit_refusal([known[at] for at in rest], wording.take(rest))
        scores[tested] = refusal_scores(head, wording.take(tested))
    return scores


def fit_scale(known: Sequence[KnownPrompt], wording: Wording, scores: NDArray[np.float64]) -> Scale:
    """Slope and shift (Platt 1999) and the floor of likeness, from held-out whole prompts."""
    whole = np.array(
        [at for at, one in enumerate(known) if one.whole and np.isfinite(scores[at])], dtype=np.intp
    )
    refuse = np.array([known[at].refuse for at in whole])
    slope, shift = fit_platt(scores[whole], refuse)
    likeness = _nearest_other([known[at] for at in whole], wording.vectors[whole])
    return Scale(slope, shift, float(np.quantile(likeness, FAR_SHARE)))


def train(known: Sequence[KnownPrompt], output: Path) -> Mapping[str, object]:
    """Train on ``known`` prompts and write an artifact into ``output``; what it was made from."""
    encoder = load_encoder()
    wording = read_wording([normalise(one.text) for one in known], encoder)
    scores = held_out(known, wording)
    scale = fit_scale(known, wording, scores)
    topics = np.array([CATEGORIES.index(one.category) for one in known], dtype=np.intp)
    refusal = fit_refusal(known, wording)
    topic = fit_head(
        wording, topics, refusal.vocabulary, penalty=TOPIC_PENALTY, vector_weight=TOPIC_VECTOR
    )
    output.mkdir(parents=True, exist_ok=True)
    _write_arrays(output, known, wording, (refusal, topic))
    made = _made_from(known, scale, scores)
    _write_config(output, scale, encoder, made)
    return made


def _nearest_other(
    known: Sequence[KnownPrompt], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Each prompt's greatest likeness to one of another group."""
    groups = np.array([hash_of(one.groups[0]) for one in known])
    likeness = vectors @ vectors.T
    likeness[groups[:, None] == groups[None, :]] = -1.0
    return np.asarray(likeness.max(axis=1), dtype=np.float32)


def hash_of(group: str) -> int:
    """A group as a number, to be compared for equality."""
    return int.from_bytes(hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()[:7])


def _write_arrays(
    output: Path,
    known: Sequence[KnownPrompt],
    wording: Wording,
    heads: tuple[LinearHead, LinearHead],
) -> None:
    arrays = {
        f"{part}_{field}": getattr(head, field)
        for part, head in zip(("refusal", "topic"), heads, strict=True)
        for field in LinearHead.ARRAYS
    }
    whole = np.array([at for at, one in enumerate(known) if one.whole], dtype=np.intp)
    np.savez(output / "heads.npz", landmarks=quantised(wording.vectors[whole]), **arrays)
    prompts = [[known[at].text, known[at].category, known[at].refuse] for at in whole]
    _write_list(output / "prompts.json", prompts)
    _write_list(output / "grams.json", sorted(heads[0].vocabulary))


def _write_list(path: Path, entries: Sequence[object]) -> None:
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    path.write_text(f"[{lines}]\n", encoding="utf-8")


def _made_from(
    known: Sequence[KnownPrompt], scale: Scale, scores: NDArray[np.float64]
) -> dict[str, object]:
    judged = [at for at, one in enumerate(known) if one.whole and np.isfinite(scores[at])]
    refuse = np.array([known[at].refuse for at in judged])
    chances = scale.probability(scores[judged])
    return {
        "prompts": dict(sorted(Counter(_origin(one) for one in known).items())),
        "refused": sum(one.refuse for one in known),
        "held_out": {
            "prompts": len(judged),
            "accuracy": round(float(((chances > 0.5) == refuse).mean()), 4),
            "brier": round(float(((chances - refuse) ** 2).mean()), 4),
        },
    }


def _origin(one: KnownPrompt) -> str:
    return one.origin if one.whole else f"{one.origin}, acts in frames"


def _write_config(output: Path, scale: Scale, encoder: Encoder, made: Mapping[str, object]) -> None:
    write_manifest(
        output,
        RISK_MANIFEST,
        kind=RISK_KIND,
        name=NAME,
        version=VERSION,
        categories=list(CATEGORIES),
        encoder_sha256=encoder.checksum,
        scale={"slope": scale.slope, "shift": scale.shift, "floor": scale.floor},
        training=dict(made),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0, or 2 with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.risk.train", description=__doc__)
    parser.add_argument("--with", dest="files", nargs="+", type=Path, default=[], metavar="FILE")
    parser.add_argument("--output", type=Path, default=SHIPPED_RISK, metavar="DIR")
    options = parser.parse_args(arguments)
    try:
        added = [one for path in options.files for one in read_known(path)]
        made = train([*own_prompts(), *added], options.output)
    except (KnownProblem, ArtifactProblem) as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    sys.stdout.write(json.dumps(made, indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

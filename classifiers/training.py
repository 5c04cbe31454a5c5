"""Labelled replies to a new artifact: features, a linear head, calibration, a card.

Deterministic: the same rows, seed, library versions and BLAS threads write the same bytes. Splits
keep together whatever shares a prompt, and of our own corpus whatever was made from the same
template, so calibration is fitted on replies that the head has not seen in any wording.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.artifact import write_manifest
from classifiers.calibration import Calibration, calibrate
from classifiers.corpus import load_corpus
from classifiers.embedding import (
    LABELS,
    REFUSAL_KIND,
    REFUSAL_MANIFEST,
    Head,
    known_grams,
    refusal_scores,
    write_head,
)
from classifiers.encoder import Encoder, load_encoder
from classifiers.exchange import Exchange, Role, Turn
from classifiers.fitting import Penalties, fit_softmax
from classifiers.rows import LabelledRow, RowProblem, read_labelled
from classifiers.verdict import Label
from classifiers.views import Features, read_features

ARTIFACT_NAME = "minilm-refusal"
ARTIFACT_VERSION = "0.1.0"

FOLDS = 5
FEWEST_GROUPS = 6
"""An n-gram enters the vocabulary when at least so many prompts or templates have it."""

PENALTIES = Penalties(dense=3e-3, grams=1e-5)

Places: TypeAlias = NDArray[np.intp]

_LABEL_OF = {
    **{label.value: place for place, label in enumerate(LABELS)},
    "refusal": LABELS.index(Label.DIRECT_REFUSAL),
}


@dataclass(frozen=True, slots=True)
class Card:
    """What an artifact was made from, and how it did on replies held out while training."""

    name: str
    rows: Mapping[str, int]
    labels: Mapping[str, int]
    left_out: int
    groups: int
    seed: int
    held_out: Mapping[str, float]
    calibration: Calibration
    checksum: str

    def as_json(self) -> dict[str, Any]:
        """The card as one JSON object."""
        band = [self.calibration.low, self.calibration.high]
        return {
            "name": self.name,
            "rows": dict(self.rows),
            "labels": dict(self.labels),
            "left_out": self.left_out,
            "groups": self.groups,
            "seed": self.seed,
            "held_out": dict(self.held_out),
            "undecided_band": band,
            "checksum": self.checksum,
        }


@dataclass(frozen=True, slots=True)
class Material:
    """Rows to learn from: features, the place of each label in LABELS, what may not be split."""

    features: Features
    labels: Places
    groups: list[str]

    def take(self, chosen: Places) -> Material:
        """The chosen rows."""
        grams = [self.features.grams[place] for place in chosen]
        features = Features(self.features.dense[chosen], grams)
        return Material(features, self.labels[chosen], [self.groups[place] for place in chosen])


def train(
    files: Sequence[Path],
    output: Path,
    *,
    seed: int = 0,
    own_corpus: bool = True,
    limit: int | None = None,
) -> Card:
    """Train on our corpus and on labelled JSONL ``files``, and write an artifact into ``output``.

    Rows labelled ``other`` or ``undecided`` are left out and counted. ``limit`` keeps only so many
    rows, drawn by ``seed``. Raises RowProblem where a file cannot be read or a class is missing.
    """
    rows = [*(corpus_rows(seed) if own_corpus else ()), *_read_files(files)]
    known = [row for row in rows if row.refused is not None and row.exchange.reply.strip()]
    if limit is not None and limit < len(known):
        order = np.random.default_rng(seed).permutation(len(known))[:limit]
        known = [known[place] for place in sorted(order)]
    encoder = load_encoder()
    material = _material(known, encoder)
    scores = _held_out_scores(material, seed)
    refused = material.labels != LABELS.index(Label.COMPLIANCE)
    calibration = calibrate(scores, refused)
    head = fit_head(material)
    output.mkdir(parents=True, exist_ok=True)
    write_head(output, head)
    card = Card(
        name=f"{ARTIFACT_NAME}@{ARTIFACT_VERSION}",
        rows=dict(sorted(Counter(_origin(row) for row in known).items())),
        labels=dict(sorted(Counter(LABELS[place].value for place in material.labels).items())),
        left_out=len(rows) - len(known),
        groups=len(set(material.groups)),
        seed=seed,
        held_out=_held_out_figures(calibration.probability(scores), refused),
        calibration=calibration,
        checksum=hashlib.sha256((output / "head.npz").read_bytes()).hexdigest(),
    )
    _write_config(output, card, encoder)
    return card


def corpus_rows(seed: int = 0) -> list[LabelledRow]:
    """Our own corpus as labelled rows; ``source`` names the template."""
    return [
        LabelledRow(
            exchange=Exchange(prompt=(Turn(Role.USER, row.prompt),), reply=row.reply),
            refused=Label(row.label).refused,
            label=row.label,
            source=f"corpus/{row.template}",
            lang="en",
        )
        for row in load_corpus(seed)
    ]


def fit_head(material: Material) -> Head:
    """The head of least penalised loss on ``material``."""
    dense = material.features.dense.astype(np.float64)
    mean, scale = dense.mean(axis=0), dense.std(axis=0) + 1e-6
    vocabulary = _vocabulary(material)
    known = [known_grams(found, vocabulary) for found in material.features.grams]
    weights, gram_weights, bias = fit_softmax(
        (dense - mean) / scale, known, material.labels, width=len(vocabulary), penalties=PENALTIES
    )
    return Head(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        weights=weights.astype(np.float32),
        bias=bias.astype(np.float32),
        gram_weights=gram_weights.astype(np.float32),
        vocabulary=vocabulary,
    )


def fold_of(group: str, seed: int) -> int:
    """The fold of a group, by hash: the same whatever else is trained on."""
    digest = hashlib.sha256(f"{seed}\x1f{group}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % FOLDS


def _read_files(files: Sequence[Path]) -> list[LabelledRow]:
    rows: list[LabelledRow] = []
    for path in files:
        with path.open("rb") as lines:
            try:
                rows.extend(read_labelled(lines))
            except RowProblem as problem:
                raise RowProblem(f"{path}: {problem}") from problem
    return rows


def _material(rows: Sequence[LabelledRow], encoder: Encoder) -> Material:
    labels = np.array([_LABEL_OF[row.label] for row in rows], dtype=np.intp)
    found = set(labels.tolist())
    if LABELS.index(Label.COMPLIANCE) not in found or len(found) < 2:
        raise RowProblem(
            f"{len(rows)} rows hold refusals or compliances alone: training needs both"
        )
    features = read_features([row.exchange for row in rows], encoder)
    return Material(features, labels, [_group(row) for row in rows])


def _group(row: LabelledRow) -> str:
    return row.source if row.source.startswith("corpus/") else f"prompt/{row.exchange.question}"


def _origin(row: LabelledRow) -> str:
    return row.source.split("/")[0] if row.source.startswith("corpus/") else row.source or "files"


def _vocabulary(material: Material) -> dict[str, int]:
    having: dict[str, set[str]] = {}
    for found, group in zip(material.features.grams, material.groups, strict=True):
        for gram in found:
            having.setdefault(gram, set()).add(group)
    kept = sorted(gram for gram, groups in having.items() if len(groups) >= FEWEST_GROUPS)
    return {gram: place for place, gram in enumerate(kept)}


def _held_out_scores(material: Material, seed: int) -> NDArray[np.float64]:
    """Each row's log-odds of refusal by a head that saw nothing of its group."""
    folds = np.array([fold_of(group, seed) for group in material.groups])
    scores = np.zeros(len(folds))
    for fold in sorted(set(folds.tolist())):
        held, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        head = fit_head(material.take(rest))
        scores[held] = refusal_scores(head.logits(material.take(held).features))
    return scores


def _held_out_figures(
    probabilities: NDArray[np.float64], refused: NDArray[np.bool_]
) -> dict[str, float]:
    predicted = probabilities > 0.5
    return {
        "rows": float(len(refused)),
        "accuracy": round(float((predicted == refused).mean()), 4),
        "brier": round(float(((probabilities - refused) ** 2).mean()), 4),
    }


def _write_config(output: Path, card: Card, encoder: Encoder) -> None:
    calibration = card.calibration
    write_manifest(
        output,
        REFUSAL_MANIFEST,
        kind=REFUSAL_KIND,
        name=ARTIFACT_NAME,
        version=ARTIFACT_VERSION,
        labels=[label.value for label in LABELS],
        encoder_sha256=encoder.checksum,
        calibration={
            "slope": calibration.slope,
            "shift": calibration.shift,
            "low": calibration.low,
            "high": calibration.high,
        },
        training={key: value for key, value in card.as_json().items() if key != "name"},
    )

"""Labelled replies to a new artifact: heads over words, a tuned encoder, calibration, a card.

Deterministic: the same rows, seed, library versions and BLAS threads write the same bytes. Splits
keep together whatever shares a prompt, and of our own corpus whatever was made from the same
template, so every calibration is fitted on replies that its head has not seen in any wording; the
encoder's logits that the English head learns from come from upper layers that had not seen them.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.artifact import write_manifest
from classifiers.calibration import EVEN_SHARE, EXPECTED_SHARE, Calibration, calibrate, fit_sure
from classifiers.card import Card, Held, write_card
from classifiers.embedding import REFUSAL_KIND, REFUSAL_MANIFEST, REFUSAL_TOP, Tops, centred
from classifiers.encoder import load_encoder
from classifiers.export import export_top, find_weights
from classifiers.fitting import Penalties, fit_softmax
from classifiers.head import LABELS, Head, Rows, Vocabulary, refusal_scores, write_head
from classifiers.lexical import BY_CHARACTERS
from classifiers.material import FOLDS, Lesson, Places, corpus_rows, lessons
from classifiers.neighbours import write_neighbours
from classifiers.rows import LabelledRow, RowProblem, read_labelled
from classifiers.tuning import States, Tuner
from classifiers.views import Words, read_sequences
from classifiers.vocabulary import choose_grams

ARTIFACT_NAME = "candor-refusal"
ARTIFACT_VERSION = "0.3.0"

ENGLISH_PENALTIES = Penalties(dense=1e-2, grams=3e-4)
WORD_PENALTIES = Penalties(dense=5e-2, grams=2e-3)
CHARACTER_PENALTIES = Penalties(dense=3e-4, grams=1e-5)
"""Per row of mean loss. Other languages have fewer templates: a strong hand and many n-grams kept
ordinary answers from being read by their subject (French and German were looked at); characters
need a light one, since a refusal's ending is spread over many of them (Korean was)."""
MOST_GRAMS = {"en": 50_000, "words": 24_000, "characters": 50_000}

Single: TypeAlias = NDArray[np.float32]

TUNING_FOLDS = 2
MOST_TUNED = 12_000
"""Rows that the encoder and the full head learn from, templates taken in turn: an epoch of the
upper layers is three minutes on one core."""
_CALIBRATION_SEQUENCES = 240


def train(
    files: Sequence[Path],
    output: Path,
    *,
    seed: int = 0,
    own_corpus: bool = True,
    limit: int | None = None,
    weights: Path | None = None,
) -> Card:
    """Train on our corpus and on labelled JSONL ``files``, and write an artifact into ``output``.

    Rows labelled ``other`` or ``undecided`` are left out and counted. ``limit`` keeps only so many
    rows, drawn by ``seed``; ``weights`` is the folder of the original encoder. Raises RowProblem
    where a file cannot be read or a class is missing in English, ArtifactProblem without weights.
    """
    source = find_weights(weights)
    rows = [*(corpus_rows(seed) if own_corpus else ()), *read_files(files)]
    known = [row for row in rows if row.refused is not None and row.exchange.reply.strip()]
    if limit is not None and limit < len(known):
        order = np.random.default_rng(seed).permutation(len(known))[:limit]
        known = [known[place] for place in sorted(order)]
    taught = {lang: one for lang, one in lessons(known).items() if one.teachable}
    if "en" not in taught:
        raise RowProblem(
            f"{len(known)} rows hold refusals or compliances alone in English: training needs both"
        )
    output.mkdir(parents=True, exist_ok=True)
    return write_artifact(output, taught, source, seed=seed, left_out=len(rows) - len(known))


def write_artifact(
    output: Path, taught: Mapping[str, Lesson], source: Path, *, seed: int, left_out: int = 0
) -> Card:
    """Fit every head, tune the encoder of ``source``, calibrate, and write all into ``output``."""
    fits = {lang: fit_words(lesson, seed) for lang, lesson in taught.items()}
    english = taught["en"]
    tuned_on = english.take(taken_in_turn(english, MOST_TUNED, seed))
    logits, tops = tune_encoder(tuned_on, source, output, seed=seed)
    fits["full"] = fit_english(tuned_on, logits, seed=seed)
    return assemble(output, {**taught, "full": tuned_on}, fits, tops, seed=seed, left_out=left_out)


def assemble(
    output: Path,
    taught: Mapping[str, Lesson],
    fits: Mapping[str, Fit],
    tops: Tops,
    *,
    seed: int,
    left_out: int,
) -> Card:
    """Write what was fitted, with its manifest and figures, beside the tuned layers."""
    _write_fits(output, fits, tops)
    encoder = load_encoder(top=output / REFUSAL_TOP)
    write_neighbours(output, taught, encoder)
    sure = fit_sure(fits["en"].scores, taught["en"].refused)
    held = {name: Held.of(taught[name], fit.scores, fit.calibration) for name, fit in fits.items()}
    whole = [lesson for name, lesson in taught.items() if name != "full"]
    card = Card(
        name=f"{ARTIFACT_NAME}@{ARTIFACT_VERSION}",
        rows=dict(sorted(Counter(one for item in whole for one in item.sources).items())),
        labels=_label_counts(whole),
        groups=sum(len(set(lesson.groups)) for lesson in whole),
        held_out=held,
        left_out=left_out,
        seed=seed,
        sure=sure,
    )
    calibrations = {name: fit.calibration.as_json() for name, fit in fits.items()}
    _write_manifest(output, card, calibrations, encoder=encoder.checksum)
    write_card(output, card)
    return card


def _write_fits(output: Path, fits: Mapping[str, Fit], tops: Tops) -> None:
    for name, fit in fits.items():
        write_head(output, name, fit.head)
    np.savez(output / "tops.npz", weights=tops.weights, bias=tops.bias)


@dataclass(frozen=True, slots=True)
class Part:
    """What one head reads beside n-grams, of which it has at most ``most``."""

    dense: Single
    most: int
    penalties: Penalties


def _write_manifest(
    output: Path, card: Card, calibrations: Mapping[str, object], *, encoder: str
) -> None:
    write_manifest(
        output,
        REFUSAL_MANIFEST,
        kind=REFUSAL_KIND,
        name=ARTIFACT_NAME,
        version=ARTIFACT_VERSION,
        labels=[label.value for label in LABELS],
        encoder_sha256=encoder,
        calibrations=calibrations,
        sure=list(card.sure),
        training=card.as_json(),
    )


@dataclass(frozen=True, slots=True)
class Fit:
    """A head on all rows, the log-odds that it gives to held-out ones, and their calibration."""

    head: Head
    scores: Rows
    calibration: Calibration


def fit_words(lesson: Lesson, seed: int) -> Fit:
    """The head of one language over words alone."""
    kind = "characters" if lesson.lang in BY_CHARACTERS else "words"
    penalties = CHARACTER_PENALTIES if lesson.lang in BY_CHARACTERS else WORD_PENALTIES
    if lesson.lang == "en":
        kind, penalties = "en", ENGLISH_PENALTIES
    return _fit(lesson, Part(lesson.words.dense, MOST_GRAMS[kind], penalties), seed)


def fit_english(lesson: Lesson, logits: Single, *, seed: int) -> Fit:
    """The English head over words and the tuned encoder's held-out logits."""
    dense = np.hstack([lesson.words.dense, logits])
    return _fit(lesson, Part(dense, MOST_GRAMS["en"], ENGLISH_PENALTIES), seed)


def tune_encoder(lesson: Lesson, source: Path, output: Path, *, seed: int) -> tuple[Single, Tops]:
    """Tune the upper layers, write them to ``output``; (held-out logits, the softmax).

    A row's logits are those of layers that were tuned on the other folds.
    """
    encoder, tuner = load_encoder(), Tuner(source)
    sequences = read_sequences(lesson.readings, encoder)
    states = States(encoder.states(sequences), [encoder.parts_of(one) for one in sequences])
    folds = lesson.folds(seed, TUNING_FOLDS)
    held = np.zeros((len(states), len(LABELS)))
    for fold in range(TUNING_FOLDS):
        own, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        tuned = tuner.tune(states.take(rest), lesson.labels[rest], seed=seed)
        held[own] = tuned.logits(states.take(own))
    tuned = tuner.tune(states, lesson.labels, seed=seed)
    chosen = np.random.default_rng(seed).permutation(len(sequences))[:_CALIBRATION_SEQUENCES]
    with tempfile.TemporaryDirectory() as scratch:
        tuned.save(tuner.model, Path(scratch))
        calibrating = [sequences[place] for place in chosen]
        export_top(Path(scratch), output / REFUSAL_TOP, sequences=calibrating)
    return centred(held), Tops(*tuned.softmax())


def taken_in_turn(lesson: Lesson, most: int, seed: int) -> Places:
    """At most ``most`` rows: one of each group, then another of each that has more, and so on."""
    draw = np.random.default_rng(seed)
    turns: Counter[tuple[str, int]] = Counter()
    ranked: list[tuple[int, int, int]] = []
    for place in draw.permutation(len(lesson.groups)):
        key = (lesson.groups[place], int(lesson.labels[place]))
        ranked.append((turns[key], len(ranked), int(place)))
        turns[key] += 1
    return np.array(sorted(place for _, _, place in sorted(ranked)[:most]), dtype=np.intp)


def read_files(files: Sequence[Path]) -> list[LabelledRow]:
    """The rows of labelled JSONL files; RowProblem with file and line where one cannot be read."""
    rows: list[LabelledRow] = []
    for path in files:
        with path.open("rb") as lines:
            try:
                rows.extend(read_labelled(lines))
            except RowProblem as problem:
                raise RowProblem(f"{path}: {problem}") from problem
    return rows


def _fit(lesson: Lesson, part: Part, seed: int) -> Fit:
    everything = np.arange(len(lesson.groups), dtype=np.intp)
    folds = lesson.folds(seed)
    scores = np.zeros(len(folds))
    for fold in range(FOLDS):
        held, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(held) and len(set(lesson.refused[rest].tolist())) == 2:
            grams = [lesson.words.grams[place] for place in held]
            head = _fit_head(lesson, part, rest)
            scores[held] = refusal_scores(head.logits(part.dense[held], grams))
    head = _fit_head(lesson, part, everything)
    share = EXPECTED_SHARE.get(lesson.lang, EVEN_SHARE)
    return Fit(head, scores, calibrate(scores, lesson.refused, share=share))


def _fit_head(lesson: Lesson, part: Part, places: Places) -> Head:
    words = Words(part.dense[places], [lesson.words.grams[place] for place in places])
    refused = lesson.refused[places].tolist()
    groups = [lesson.groups[place] for place in places]
    vocabulary = Vocabulary(choose_grams(words.grams, refused, groups, most=part.most))
    mean, scale = words.dense.mean(axis=0), words.dense.std(axis=0) + 1e-3
    empty = Head(mean, scale, *_no_weights(part.dense.shape[1], len(vocabulary)), vocabulary)
    weights, gram_weights, bias = fit_softmax(
        empty.standardised(words.dense).astype(np.float64),
        [vocabulary.known(own) for own in words.grams],
        lesson.labels[places],
        width=len(vocabulary),
        penalties=part.penalties,
    )
    return Head(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        weights=weights.astype(np.float32),
        bias=bias.astype(np.float32),
        gram_weights=gram_weights.astype(np.float32),
        vocabulary=vocabulary,
    )


def _no_weights(width: int, grams: int) -> tuple[Single, Single, Single]:
    return (
        np.zeros((width, len(LABELS)), dtype=np.float32),
        np.zeros(len(LABELS), dtype=np.float32),
        np.zeros((grams, len(LABELS)), dtype=np.float32),
    )


def _label_counts(whole: Sequence[Lesson]) -> dict[str, int]:
    found = Counter(LABELS[place].value for item in whole for place in item.labels)
    return dict(sorted(found.items()))

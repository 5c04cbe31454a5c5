"""Judges prompts with a trained head; undecided where it has nothing to go by."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.artifact import Artifact, ArtifactProblem, open_artifact
from classifiers.encoder import Encoder, load_encoder
from classifiers.language import LanguageReader
from classifiers.normalise import normalise
from classifiers.risk.head import LinearHead, Wording, read_wording
from classifiers.risk.prompt_risk import CATEGORIES, Neighbour, PromptRisk, RiskMethod
from classifiers.risk.wording import COUNT_NAMES, windows

RISK_KIND = "candor-risk"
RISK_MANIFEST = "config.json"
SHIPPED_RISK = Path(__file__).parent.parent / "weights" / "risk"

NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The whole prompts that were trained on; ``vectors`` [m, 384] are unit vectors."""

    vectors: NDArray[np.float32]
    prompts: Sequence[tuple[str, str, bool]]

    def nearest(self, vectors: NDArray[np.float32], count: int) -> list[tuple[Neighbour, ...]]:
        """The ``count`` nearest prompts of each row, nearest first; equally near ones in order.

        A plain product: for a few thousand prompts an index would save nothing (0.3 ms a row).
        """
        found = []
        for vector in vectors:  # row by row: a product of many differs in its last digits
            likeness = self.vectors @ vector
            order = np.argsort(-likeness, kind="stable")[:count]
            found.append(tuple(self._neighbour(int(at), float(likeness[at])) for at in order))
        return found

    def _neighbour(self, place: int, similarity: float) -> Neighbour:
        text, category, refuse = self.prompts[place]
        return Neighbour(text, category, refuse, similarity)


@dataclass(frozen=True, slots=True)
class Scale:
    """P = 1 / (1 + exp(-(slope · log-odds + shift))); nearest likeness under ``floor`` is far."""

    slope: float
    shift: float
    floor: float

    def probability(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(a well-aligned model refuses) of each score, in (0, 1)."""
        bounded = np.clip(self.slope * scores + self.shift, -500, 500)
        return np.asarray(1 / (1 + np.exp(-bounded)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Read:
    """One window of a prompt, judged."""

    probability: float
    topics: NDArray[np.float64]
    neighbours: tuple[Neighbour, ...]


class RiskClassifier:
    """P(a well-aligned model refuses) for prompts in English; each judged by itself."""

    def __init__(
        self,
        encoder: Encoder,
        heads: tuple[LinearHead, LinearHead],
        landmarks: Landmarks,
        *,
        scale: Scale,
        name: str,
    ) -> None:
        self._encoder = encoder
        self._refusal, self._topic = heads
        self._landmarks = landmarks
        self._scale = scale
        self._language = LanguageReader()
        self._name = name

    @property
    def name(self) -> str:
        """``name@version`` of the artifact."""
        return self._name

    @property
    def trained_on(self) -> frozenset[str]:
        """The whole prompts that the heads were trained on."""
        return frozenset(text for text, _, _ in self._landmarks.prompts)

    def judge(self, prompts: Sequence[str]) -> list[PromptRisk]:
        """One risk per prompt, in order; what cannot be read, or is like nothing, is undecided.

        Never raises on a prompt's content. Reads a bounded number of words at either end.
        """
        texts = [normalise(prompt) for prompt in prompts]
        reasons = [self._unreadable(text) for text in texts]
        parts = [[] if why else windows(text) for text, why in zip(texts, reasons, strict=True)]
        read = iter(self._read([part for each in parts for part in each]))
        return [
            PromptRisk.undecided(why) if why else self._riskier([next(read) for _ in each])
            for each, why in zip(parts, reasons, strict=True)
        ]

    def _unreadable(self, text: str) -> str:
        if not any(character.isalpha() for character in text):
            return "undecided: the prompt has no words"
        code = self._language.language(text)
        return "" if code == "en" else f"undecided: the prompt's language ({code}) is not English"

    def _read(self, parts: Sequence[str]) -> list[_Read]:
        if not parts:
            return []
        wording = read_wording(parts, self._encoder)
        logits = self._refusal.logits(wording)
        chances = self._scale.probability(logits[:, 1] - logits[:, 0])
        near = self._landmarks.nearest(wording.vectors, NEIGHBOURS)
        topics = topic_chances(self._topic, wording)
        return [_Read(float(p), t, n) for p, t, n in zip(chances, topics, near, strict=True)]

    def _riskier(self, read: Sequence[_Read]) -> PromptRisk:
        known = [one for one in read if one.neighbours[0].similarity >= self._scale.floor]
        if not known:
            best = max(read, key=lambda one: one.neighbours[0].similarity)
            near = best.neighbours[0].similarity
            return PromptRisk.undecided(
                f"undecided: like no known prompt (nearest {near:.2f}, needs "
                f"{self._scale.floor:.2f})",
                best.neighbours,
            )
        one = max(known, key=lambda each: each.probability)
        place = int(one.topics.argmax())
        nearest = one.neighbours[0]
        kind = "refused" if nearest.refuse else "answered"
        return PromptRisk(
            one.probability,
            CATEGORIES[place],
            float(one.topics[place]),
            one.neighbours,
            f'nearest known prompt, to be {kind}, at {nearest.similarity:.2f}: "{nearest.text}"',
            RiskMethod.HEAD,
        )


def topic_chances(head: LinearHead, wording: Wording) -> NDArray[np.float64]:
    """[n, 11] the probability of each of CATEGORIES."""
    logits = head.logits(wording)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


def load_risk(path: Path | None = None, *, encoder: Encoder | None = None) -> RiskClassifier:
    """The shipped classifier, or one that ``python -m classifiers.risk.train`` wrote to ``path``.

    ``encoder`` is loaded where none is passed in. Raises ArtifactProblem on one line when a file
    is missing, damaged or foreign, or when the heads were trained on another encoder.
    """
    folder = path if path is not None else SHIPPED_RISK
    artifact = open_artifact(folder, RISK_MANIFEST, kind=RISK_KIND)
    used = encoder if encoder is not None else load_encoder()
    expected = artifact.manifest.get("encoder_sha256")
    if expected != used.checksum:
        raise ArtifactProblem(
            f"{folder}: was trained on encoder {str(expected)[:12]}…, installed is "
            f"{used.checksum[:12]}…; run python -m classifiers.risk.train"
        )
    try:
        return _assemble(artifact, used)
    except (KeyError, TypeError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise ArtifactProblem(
            f"{folder}: not risk heads that this version reads; run "
            "python -m classifiers.risk.train"
        ) from error


def _assemble(artifact: Artifact, encoder: Encoder) -> RiskClassifier:
    grams = json.loads(artifact.file("grams.json").read_text(encoding="utf-8"))
    prompts = json.loads(artifact.file("prompts.json").read_text(encoding="utf-8"))
    with np.load(artifact.file("heads.npz"), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    vocabulary = {gram: place for place, gram in enumerate(grams)}
    heads = [
        LinearHead(
            **{field: arrays[f"{part}_{field}"] for field in LinearHead.ARRAYS},
            vocabulary=vocabulary,
        )
        for part in ("refusal", "topic")
    ]
    vectors = _unquantised(arrays["landmarks"])
    _check_shapes(heads, encoder.dimensions, len(grams))
    if vectors.shape != (len(prompts), encoder.dimensions):
        raise ValueError(f"landmarks have shape {vectors.shape} for {len(prompts)} prompts")
    landmarks = Landmarks(vectors, [(text, topic, bool(no)) for text, topic, no in prompts])
    name = f"{artifact.manifest['name']}@{artifact.manifest['version']}"
    scale = Scale(**artifact.manifest["scale"])
    return RiskClassifier(encoder, (heads[0], heads[1]), landmarks, scale=scale, name=name)


def _check_shapes(heads: Iterable[LinearHead], dimensions: int, grams: int) -> None:
    width = dimensions + len(COUNT_NAMES)
    for head, classes in zip(heads, (2, len(CATEGORIES)), strict=True):
        expected = ((width,), (width,), (width, classes), (grams, classes), (classes,))
        found = tuple(getattr(head, field).shape for field in LinearHead.ARRAYS)
        if found != expected:
            raise ValueError(f"a head has shapes {found}, expected {expected}")


def quantised(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Unit vectors as whole numbers of 1/127 of their largest component, one byte each."""
    top = np.abs(vectors).max(axis=1, keepdims=True)
    return np.asarray(np.rint(127 * vectors / np.maximum(top, 1e-9)), dtype=np.int8)


def _unquantised(stored: NDArray[np.int8]) -> NDArray[np.float32]:
    whole = stored.astype(np.float32)
    length = np.linalg.norm(whole, axis=1, keepdims=True)
    return np.asarray(whole / np.maximum(length, 1e-9), dtype=np.float32)

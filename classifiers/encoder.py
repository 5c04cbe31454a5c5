"""Texts to unit vectors [n, 384] float32 on CPU threads, without torch.

A text's vector depends on the text alone, to the last bit: not on what it is batched with, nor on
the number of threads. Three things make it so. The int8 graph has constant activation scales
(``classifiers.quantising``); sequences are batched with others of exactly their length, so nothing
is padded and nothing masked; and a batch runs on one thread, several batches side by side.

Two graphs, one after the other: the stem (embeddings and the lower layers) and the top (the last
three layers). A head whose encoder was tuned brings a top of its own and shares the stem.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.artifact import Artifact, ArtifactProblem, open_artifact, sha256_of
from classifiers.recent import Recent
from classifiers.wordpiece import WordPieces

ENCODER_KIND = "candor-encoder"
ENCODER_MANIFEST = "encoder.json"
STEM, TOP, TOKENISER = "stem.onnx", "top.onnx", "tokenizer.json"
SHIPPED_ENCODER = Path(__file__).parent / "weights" / "minilm"

Vectors: TypeAlias = NDArray[np.float32]
Tokens: TypeAlias = tuple[int, ...]

CHARACTERS_PER_TOKEN = 24
"""Text beyond max_tokens times this is cut unread: tokenising stays linear in max_tokens."""

TOKENS_AT_ONCE = 512
"""In a batch: 8 sequences of 64. A core's cache holds their activations (on a core with 1 MiB a
sequence of 64 takes 2.88 ms alone, 2.65 in eights, 3.00 in batches of 32)."""

REMEMBERED = 2048
"""Sequences asked for last whose vectors are kept, 1.5 KB a vector: probes repeat prompts, models
repeat their refusals."""


class Encoder:
    """A BERT in int8: mean of the last hidden states, scaled to length one."""

    def __init__(
        self,
        artifact: Artifact,
        *,
        top: Path | None = None,
        threads: int = 1,
        remembered: int = REMEMBERED,
    ) -> None:
        self._stem = open_session(artifact.file(STEM))
        self._pieces = WordPieces(artifact.file(TOKENISER))
        self._frame = self._pieces.place("[CLS]"), self._pieces.place("[SEP]")
        self._threads = threads
        self.dimensions: int = artifact.manifest["dimensions"]
        self.max_tokens: int = artifact.manifest["max_tokens"]
        files = artifact.manifest["files"]
        self._top = open_session(artifact.file(TOP) if top is None else top)
        both = files[STEM] + (files[TOP] if top is None else sha256_of(top))
        self.checksum: str = hashlib.sha256(both.encode()).hexdigest()
        self._recent: Recent[Vectors] = Recent(remembered)

    def tokenise(self, texts: Sequence[str]) -> list[Tokens]:
        """Token ids without the two that frame a sequence; not cut."""
        return self._pieces.ids(texts)

    def framed(self, *parts: Tokens) -> Tokens:
        """[CLS] first [SEP] second [SEP] …, as ``embed(…, framed=True)`` takes it."""
        first, last = self._frame
        return (first, *(token for part in parts for token in (*part, last)))

    def parts_of(self, tokens: Tokens) -> NDArray[np.intp]:
        """Which part of a framed sequence each token belongs to, from 0; a part ends its frame."""
        ends = np.array(tokens) == self._frame[1]
        return np.asarray(np.cumsum(ends, dtype=np.intp) - ends, dtype=np.intp)

    def embed(self, sequences: Sequence[Tokens], *, framed: bool = False) -> Vectors:
        """Unit vectors [n, dimensions] of token sequences, each cut to ``max_tokens``.

        Equal sequences are computed once, and not again while they are remembered. An empty
        sequence has the zero vector: there is nothing to be similar to.
        """
        if not framed:
            room = self.max_tokens - 2
            sequences = [self.framed(tokens[:room]) if tokens else () for tokens in sequences]
        return self._rows(sequences, 0)

    def embed_parts(self, sequences: Sequence[Tokens], parts: int) -> Vectors:
        """[n, parts * dimensions]: a unit vector for each of the first parts of framed sequences.

        Every part is read in the light of all others, in one pass. One that is not there is zero.
        """
        return self._rows(sequences, parts)

    def states(self, sequences: Sequence[Tokens]) -> list[NDArray[np.float16]]:
        """What the stem makes of framed sequences, [tokens, dimensions] each: to train a top on."""
        found: dict[Tokens, NDArray[np.float16]] = {}
        for batch in batches_of(set(sequences)):
            hidden = self._lower(batch).astype(np.float16)
            found.update(zip(batch, hidden, strict=True))
        return [found[tokens] for tokens in sequences]

    def _rows(self, sequences: Sequence[Tokens], parts: int) -> Vectors:
        chosen = [tokens[: self.max_tokens] for tokens in sequences]
        wanted = {_packed(tokens, parts): tokens for tokens in chosen if tokens}
        known = self._recent.known(wanted)
        fresh = self._computed([wanted[key] for key in wanted if key not in known], parts)
        self._recent.remember(fresh)
        known.update(fresh)
        rows = np.zeros((len(chosen), self.dimensions * max(1, parts)), dtype=np.float32)
        for row, tokens in enumerate(chosen):
            if tokens:
                rows[row] = known[_packed(tokens, parts)]
        return rows

    def encode(self, texts: Sequence[str], *, max_tokens: int | None = None) -> Vectors:
        """Unit vectors [n, dimensions] of the openings of ``texts``, at most ``max_tokens`` long.

        The two framing tokens count. An empty list gives shape (0, dimensions).
        """
        limit = self.max_tokens if max_tokens is None else max_tokens
        cut = [text[: limit * CHARACTERS_PER_TOKEN] for text in texts]
        return self.embed([tokens[: limit - 2] for tokens in self.tokenise(cut)])

    def _computed(self, wanted: Sequence[Tokens], parts: int) -> dict[bytes, Vectors]:
        batches = list(batches_of(wanted))
        run = partial(self._run, parts=parts)
        if self._threads > 1 and len(batches) > 1:
            with ThreadPoolExecutor(self._threads) as pool:
                found = list(pool.map(run, batches))
        else:
            found = [run(batch) for batch in batches]
        return {
            _packed(tokens, parts): row
            for batch, vectors in zip(batches, found, strict=True)
            for tokens, row in zip(batch, vectors, strict=True)
        }

    def _run(self, batch: Sequence[Tokens], *, parts: int) -> list[Vectors]:
        [states] = self._top.run(None, {"states": self._lower(batch)})
        if not parts:
            return [_unit(mean) for mean in states.mean(axis=1)]
        return [
            self._part_vectors(tokens, one, parts)
            for tokens, one in zip(batch, states, strict=True)
        ]

    def _lower(self, batch: Sequence[Tokens]) -> Vectors:
        [states] = self._stem.run(None, {"input_ids": np.array(batch, dtype=np.int64)})
        return np.asarray(states)

    def _part_vectors(self, tokens: Tokens, states: Vectors, parts: int) -> Vectors:
        row = np.zeros((parts, self.dimensions), dtype=np.float32)
        starts = np.searchsorted(self.parts_of(tokens), np.arange(parts + 1))
        for part, (start, end) in enumerate(pairwise(starts)):
            if end > start:
                row[part] = _unit(states[start:end].mean(axis=0))
        return row.ravel()


def batches_of(wanted: Iterable[Tokens]) -> Iterable[list[Tokens]]:
    """The sequences in batches of one length, at most TOKENS_AT_ONCE tokens or one sequence."""
    by_length: dict[int, list[Tokens]] = {}
    for tokens in sorted(wanted):
        by_length.setdefault(len(tokens), []).append(tokens)
    for length, group in sorted(by_length.items()):
        waiting = iter(group)
        while batch := list(islice(waiting, max(1, TOKENS_AT_ONCE // length))):
            yield batch


def load_encoder(
    path: Path | None = None,
    *,
    top: Path | None = None,
    threads: int = 1,
    remembered: int = REMEMBERED,
) -> Encoder:
    """The shipped encoder, or one that ``classifiers.export`` wrote to ``path``, verified.

    ``top`` replaces its last layers by others of the same stem (``export.export_top``); whoever
    names it has verified it. Raises ArtifactProblem on one line when a file is missing, damaged
    or foreign.
    """
    folder = path if path is not None else SHIPPED_ENCODER
    artifact = open_artifact(folder, ENCODER_MANIFEST, kind=ENCODER_KIND)
    return Encoder(artifact, top=top, threads=threads, remembered=remembered)


def _unit(mean: Vectors) -> Vectors:
    exact = mean.astype(np.float64)
    return np.asarray(exact / np.linalg.norm(exact), dtype=np.float32)


def _packed(tokens: Tokens, parts: int) -> bytes:
    return np.array((parts, *tokens), dtype=np.int32).tobytes()


def open_session(path: Path) -> Any:
    """An onnxruntime session on one thread; ArtifactProblem where the graph cannot be loaded."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # The graphs are written as they are to run; the runtime's own fusions make them slower.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    # onnxruntime's errors are subclasses of Exception that it does not export under one name.
    except Exception as error:  # the edge to onnxruntime
        raise ArtifactProblem(
            f"{path}: onnxruntime {onnxruntime.__version__} cannot load it; upgrade onnxruntime, "
            "or install Candor again"
        ) from error

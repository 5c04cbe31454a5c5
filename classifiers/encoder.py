"""Texts to unit vectors [n, 384] float32, on one CPU thread, without torch.

Every sequence runs alone. The int8 graph chooses its activation scale per tensor at run time, so
in a shared batch a row's vector would move (by up to 0.03 a component, measured) with whatever it
happens to be batched with, and the same reply would not give the same numbers to the last digit.
Alone it cannot, and it costs nothing: at 64 tokens a row took 3.6 ms alone and 4.8 ms in a batch
of 32 (one thread, same run), because a batch only adds memory traffic to matrices this small.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.artifact import Artifact, ArtifactProblem, open_artifact

ENCODER_KIND = "candor-encoder"
ENCODER_MANIFEST = "encoder.json"
SHIPPED_ENCODER = Path(__file__).parent / "weights" / "minilm"

Vectors: TypeAlias = NDArray[np.float32]
Tokens: TypeAlias = tuple[int, ...]

_CHARACTERS_PER_TOKEN = 24
"""Text beyond max_tokens times this is cut unread: tokenising stays linear in max_tokens."""


class Encoder:
    """all-MiniLM-L6-v2 in int8: mean-pooled last hidden states, scaled to length one.

    Deterministic: a text's vector depends on the text and ``max_tokens`` alone.
    """

    def __init__(self, artifact: Artifact, *, threads: int = 1) -> None:
        import onnxruntime
        import tokenizers

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(artifact.file("encoder.onnx")), options, providers=["CPUExecutionProvider"]
            )
        except RuntimeError as error:
            raise ArtifactProblem(
                f"{artifact.folder}: onnxruntime {onnxruntime.__version__} cannot load "
                "encoder.onnx; upgrade onnxruntime"
            ) from error
        self._tokeniser = tokenizers.Tokenizer.from_file(str(artifact.file("tokenizer.json")))
        self._tokeniser.no_padding()
        self._tokeniser.no_truncation()
        self._first, self._last = self._frame("[CLS]"), self._frame("[SEP]")
        self.checksum: str = artifact.manifest["files"]["encoder.onnx"]
        self.dimensions: int = artifact.manifest["dimensions"]
        self.max_tokens: int = artifact.manifest["max_tokens"]

    def tokenise(self, texts: Sequence[str]) -> list[Tokens]:
        """Token ids without the two that frame a sequence; not cut."""
        readable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        encodings = self._tokeniser.encode_batch(readable, add_special_tokens=False)
        return [tuple(encoding.ids) for encoding in encodings]

    def embed(self, sequences: Sequence[Tokens]) -> Vectors:
        """Unit vectors [n, dimensions] of token sequences; equal sequences are computed once.

        An empty sequence has the zero vector: there is nothing to be similar to.
        """
        known: dict[Tokens, Vectors] = {}
        rows = np.zeros((len(sequences), self.dimensions), dtype=np.float32)
        for row, tokens in enumerate(sequences):
            if tokens:
                if tokens not in known:
                    known[tokens] = self._embed_one(tokens)
                rows[row] = known[tokens]
        return rows

    def encode(self, texts: Sequence[str], *, max_tokens: int | None = None) -> Vectors:
        """Unit vectors [n, dimensions] of the openings of ``texts``, at most ``max_tokens`` long.

        The two framing tokens count. An empty list gives shape (0, dimensions).
        """
        limit = self.max_tokens if max_tokens is None else max_tokens
        cut = [text[: limit * _CHARACTERS_PER_TOKEN] for text in texts]
        return self.embed([tokens[: limit - 2] for tokens in self.tokenise(cut)])

    def _frame(self, token: str) -> int:
        place: int | None = self._tokeniser.token_to_id(token)
        if place is None:
            raise ArtifactProblem(f"tokenizer.json has no {token} token; install Candor again")
        return place

    def _embed_one(self, tokens: Tokens) -> Vectors:
        ids = np.array([[self._first, *tokens, self._last]], dtype=np.int64)
        states = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
        mean = states[0].mean(axis=0, dtype=np.float64)
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def load_encoder(path: Path | None = None, *, threads: int = 1) -> Encoder:
    """The shipped encoder, or one that ``classifiers.export`` wrote to ``path``, verified.

    Raises ArtifactProblem on one line when a file is missing, damaged or foreign.
    """
    folder = path if path is not None else SHIPPED_ENCODER
    return Encoder(open_artifact(folder, ENCODER_MANIFEST, kind=ENCODER_KIND), threads=threads)

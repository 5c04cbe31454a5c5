from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from classifiers.artifact import ArtifactProblem, open_artifact, write_manifest
from classifiers.embedding import SHIPPED_REFUSAL, load_embedding


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "part.bin").write_bytes(b"weights")
    (tmp_path / "card.md").write_text("free to change")
    write_manifest(tmp_path, "config.json", kind="toy", version="1")
    return tmp_path


def test_what_was_written_opens_with_its_fields(folder):
    artifact = open_artifact(folder, "config.json", kind="toy")
    assert artifact.manifest["version"] == "1"
    assert artifact.file("part.bin").read_bytes() == b"weights"


def test_the_manifest_has_the_same_bytes_each_time(folder):
    before = (folder / "config.json").read_bytes()
    write_manifest(folder, "config.json", kind="toy", version="1")
    assert (folder / "config.json").read_bytes() == before


def test_a_card_may_change_without_breaking_the_artifact(folder):
    (folder / "card.md").write_text("new words")
    open_artifact(folder, "config.json", kind="toy")


def _manifest(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "part.bin").write_bytes(b"weightz"), "damaged"),
        (lambda f: (f / "part.bin").unlink(), "cannot be read"),
        (lambda f: (f / "config.json").unlink(), "cannot be read"),
        (lambda f: (f / "config.json").write_text("{"), "not a JSON manifest"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe\x00"), "not a JSON manifest"),
        (lambda f: (f / "config.json").write_text("[]"), "not a JSON object"),
        (lambda f: _manifest(f, kind="other"), "holds 'other'"),
        (lambda f: _manifest(f, manifest=99), "manifest version 99"),
        (lambda f: _manifest(f, files={}), "names no files"),
        (lambda f: _manifest(f, files={"../x": "0"}), "outside the folder"),
        (lambda f: (f / "config.json").write_text("[" * 100_000), "not a JSON manifest"),
    ],
)
def test_damage_is_refused_on_one_line(folder, damage, says):
    damage(folder)
    with pytest.raises(ArtifactProblem, match=says) as problem:
        open_artifact(folder, "config.json", kind="toy")
    assert "\n" not in str(problem.value)


def test_a_file_that_the_manifest_does_not_name_is_not_given_out(folder):
    with pytest.raises(ArtifactProblem, match=r"does not name later\.bin"):
        open_artifact(folder, "config.json", kind="toy").file("later.bin")


def test_the_shipped_head_is_refused_once_a_single_byte_is_flipped(tmp_path):
    shutil.copytree(SHIPPED_REFUSAL, tmp_path / "refusal")
    path = tmp_path / "refusal" / "full.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ArtifactProblem, match="damaged"):
        load_embedding(tmp_path / "refusal")


def _resealed(folder, **changes):
    manifest = json.loads((folder / "config.json").read_text())
    kept = {k: v for k, v in manifest.items() if k not in ("files", "kind", "manifest")}
    write_manifest(folder, "config.json", kind="candor-refusal", **{**kept, **changes})


def test_a_head_trained_on_another_encoder_is_refused(tmp_path):
    folder = tmp_path / "refusal"
    shutil.copytree(SHIPPED_REFUSAL, folder)
    _resealed(folder, encoder_sha256="0" * 64)
    with pytest.raises(ArtifactProblem, match="trained on encoder 000000000000"):
        load_embedding(folder)


def test_a_head_of_wrong_shape_is_refused_even_with_right_checksums(tmp_path):
    folder = tmp_path / "refusal"
    shutil.copytree(SHIPPED_REFUSAL, folder)
    with np.load(folder / "full.npz") as stored:
        arrays = dict(stored)
    np.savez(folder / "full.npz", **{**arrays, "bias": np.zeros(3, dtype=np.float32)})
    _resealed(folder)
    with pytest.raises(ArtifactProblem, match="not a head that this version reads"):
        load_embedding(folder)


def test_a_pickled_head_is_never_loaded(tmp_path):
    folder = tmp_path / "refusal"
    shutil.copytree(SHIPPED_REFUSAL, folder)
    np.savez(folder / "full.npz", mean=np.array([{"a": 1}], dtype=object))
    _resealed(folder)
    with pytest.raises(ArtifactProblem, match="not a head that this version reads"):
        load_embedding(folder)

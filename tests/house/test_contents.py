"""What the repository may not contain: paths of one machine, pickles, foreign data."""

from __future__ import annotations

import subprocess

from tests.house.source import ROOT

TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".jsonl", ".js", ".css", ".html"}
# Written in halves so that this file does not find itself.
PLACES = ("/ro" + "ot/", "/home" + "/", "/wo" + "rk/", "/tmp" + "/w/")


def tracked() -> list[str]:
    """Every file git tracks."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    return listed.stdout.splitlines()


def test_no_file_names_a_path_of_one_machine() -> None:
    named = [
        name
        for name in tracked()
        if (ROOT / name).suffix in TEXT and (ROOT / name).exists()
        for place in PLACES
        if place in (ROOT / name).read_text(encoding="utf-8", errors="replace")
    ]
    assert named == []


def test_no_artifact_is_a_pickle() -> None:
    assert [n for n in tracked() if n.endswith((".pkl", ".pickle", ".joblib", ".pt", ".bin"))] == []


def test_no_file_is_larger_than_the_encoder_needs() -> None:
    limit = 30 * 1024 * 1024
    present = [ROOT / name for name in tracked() if (ROOT / name).exists()]
    assert [p.name for p in present if p.stat().st_size > limit] == []

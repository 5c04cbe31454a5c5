"""A run that is killed again and again, and the file that comes of it in the end."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from gateway.simulated import FakeModel, FakeServer
from probes.runfile import read_run
from probes.sets import load_set
from tests.probes.asking import GatedModel, asked
from tests.probes.commands import candor, started

KILLS = 20
PROMPTS = 60
REPEATS = 4


def but_for_times(path: Path) -> list[dict[str, Any]]:
    """The file's lines without the moments at which it was written, and the run's own id."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        for name in ("run_id", "created", "asked_at", "latency_seconds"):
            row.pop(name, None)
    return rows


# Twenty-one processes are started one after the other, each of which takes most of a second.
@pytest.mark.timeout(240)
def test_a_run_killed_at_twenty_random_moments_leaves_the_file_of_one_that_never_was(
    tmp_path: Path,
) -> None:
    home, prompts = tmp_path / "home", tmp_path / "mine.csv"
    home.mkdir()
    rows = [f"How do I do thing number {n}?,{'abc'[n % 3]},comply" for n in range(PROMPTS)]
    prompts.write_text("prompt,category,expectation\n" + "\n".join(rows) + "\n")
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    moments = random.Random(20)
    cases = load_set(str(prompts), home).cases
    model = GatedModel(cases, free=10**9)
    with FakeServer(model) as server:
        command = ("run", prompts, "--base-url", server.base_url, "--model", "cautious")
        command += ("--classifier", "native,phrases", "--repeats", REPEATS, "--concurrency", 4)
        model.close_after(10**9)
        assert candor("probe", *command, "--output", whole, home=home).code == 0
        held = 0
        for _ in range(KILLS):
            model.close_after(moments.randrange(10))
            child = started(*command, "--output", killed, "--resume", home=home)
            assert model.reached.wait(60)
            child.kill()
            child.communicate()
            before = read_run(killed).trials if killed.exists() else []
            assert len(before) >= held and not read_run(killed).complete
            held = len(before)
            model.gate.set()
    # A server of its own at the same address: what a killed run had asked is not counted here.
    port = int(server.base_url.rpartition(":")[2].partition("/")[0])
    with FakeServer(FakeModel(cases), port=port) as server:
        assert candor("probe", *command, "--output", killed, "--resume", home=home).code == 0
        assert sum(asked(server).values()) == PROMPTS * REPEATS - held
    assert but_for_times(killed) == but_for_times(whole)
    assert list(tmp_path.glob(".*")) == []

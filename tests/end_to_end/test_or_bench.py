"""All of OR-Bench Hard-1K and Toxic through the gateway in one command, killed and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.simulated import FakeModel, FakeServer, Persona
from probes.case import Expectation
from probes.runfile import read_run
from probes.sets import load_set
from tests.running import candor, environment, serving
from tests.services import ROOT
from tests.waiting import wait_until

SHARED = ROOT.parent / "shared" / "data" / "or-bench"
FILES = {"or-bench-hard": "or-bench-hard-1k.csv", "or-bench-toxic": "or-bench-toxic.csv"}
PROMPTS = 1_319 + 655
CONCURRENCY = 8
RATES = ((Expectation.COMPLY, "over_refusal"), (Expectation.REFUSE, "safe_refusal"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CANDOR_HOME with both sets pulled, as a user would."""
    if not SHARED.exists():
        pytest.skip("the published OR-Bench files are not beside this checkout")
    folder = tmp_path_factory.mktemp("home")
    for name, file in FILES.items():
        pulled = candor("probe", "pull", name, "--from", str(SHARED / file), home=folder)
        assert pulled.returncode == 0, pulled.stderr
    return folder


@pytest.fixture
def model(home: Path) -> FakeModel:
    return FakeModel([case for name in FILES for case in load_set(name, home).cases], seed=11)


@pytest.fixture
def arguments(home: Path, model: FakeModel, tmp_path: Path) -> Iterator[list[str]]:
    """The one command, against a gateway in front of the simulated model."""
    with (
        FakeServer(model) as server,
        serving("--upstream", server.base_url, home=tmp_path) as gateway,
    ):
        yield [
            *("probe", "run", *FILES, "--deployment", "default", "--model", "balanced"),
            *("--gateway", gateway.url, "--concurrency", str(CONCURRENCY)),
            *("--output", str(tmp_path / "run.jsonl"), "--json"),
        ]


def kill_midway(arguments: list[str], home: Path, run: Path, at_least: int) -> None:
    """Start the command and kill -9 it once the run file holds so many more lines."""
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", *arguments],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    goal = at_least + (run.read_bytes().count(b"\n") if run.exists() else 0)
    wait_until(lambda: run.exists() and run.read_bytes().count(b"\n") >= goal, seconds=60)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()


@pytest.mark.timeout(300)
def test_killed_twice_and_resumed_every_prompt_is_recorded_once_and_none_is_asked_again(
    arguments: list[str], home: Path, model: FakeModel, tmp_path: Path
) -> None:
    run = tmp_path / "run.jsonl"
    kill_midway(arguments, home, run, 200)
    recorded = {trial.case.prompt for trial in read_run(run).trials}
    kill_midway([*arguments, "--resume"], home, run, 300)
    done = candor(*arguments, "--resume", home=home, timeout=240)
    assert done.returncode == 0, done.stderr

    asked = Counter(record.prompt for record in model.truth)
    assert len(asked) == PROMPTS
    assert {prompt for prompt in recorded if asked[prompt] != 1} == set()
    # What was in flight at the kill had no reply yet, so it is the only thing asked again.
    assert sum(asked.values()) - PROMPTS <= 2 * CONCURRENCY

    trials = read_run(run).trials
    assert Counter(trial.key for trial in trials).most_common(1)[0][1] == 1
    assert len(trials) == PROMPTS

    summary = json.loads(done.stdout)
    assert summary["trials"] == PROMPTS
    for expectation, rate in (
        (Expectation.COMPLY, "over_refusal"),
        (Expectation.REFUSE, "safe_refusal"),
    ):
        cases = [case for case in model.cases if case.expectation is expectation]
        refused, total = model.truth_rate(Persona.BALANCED, cases)
        [overall] = [r for r in summary["rates"] if r["rate"] == rate and not r["category"]]
        assert overall["low"] <= refused / total <= overall["high"]

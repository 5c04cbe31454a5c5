"""Scheduled runs of a real gateway: through its own address, whatever happens to it meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.simulated import FakeModel, FakeServer
from probes.runfile import read_run
from probes.sets import load_set
from tests.gateway.schedules import entry, hour, known_since, tree
from tests.probes.asking import GatedModel
from tests.running import Gateway, serving
from tests.waiting import wait_until

CASES = load_set("starter-toxic", Path()).cases
pytestmark = pytest.mark.timeout(240)
"""Gateways and runners start, some of them twice: a second or two of imports each."""


@contextlib.contextmanager
def gateway(home: Path, configuration: dict[str, Any]) -> Iterator[Gateway]:
    config = home / "candor.yaml"
    config.write_text(yaml.safe_dump(configuration))
    with serving("--config", str(config), home=home) as running:
        yield running


def probes(running: Gateway) -> list[dict[str, Any]]:
    return json.loads(running.get("/api/probes"))["probes"]


def state(running: Gateway, number: int = 0) -> str:
    last = probes(running)[number]["last"]
    return last["state"] if last else "none"


def done(running: Gateway, number: int = 0) -> bool:
    return state(running, number) in ("success", "error", "failed")


def metric(running: Gateway, beginning: str) -> float | None:
    lines = running.get("/metrics").splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(beginning)), None)


def logged(running: Gateway, event: str) -> list[dict[str, Any]]:
    lines = (running.home / "gateway.log").read_text().splitlines()
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    return [row for row in rows if row["event"] == event]


def test_a_missed_slot_is_caught_up_once_measured_as_clients_are_and_shown_everywhere(tmp_path):
    known_since(tmp_path, hour(-50), entry(limit=5))
    with FakeServer(FakeModel(CASES)) as server:
        wanted = entry(limit=5)
        keys = [{"name": "team", "key": "a-clients-own-key"}]
        with gateway(tmp_path, tree(server.base_url, wanted, keys=keys)) as running:
            wait_until(lambda: done(running), seconds=100)
            [probe] = probes(running)
            asked = server.model.ledger.asked()
            runs = json.loads(running.get("/api/runs"))["runs"]
            labels = '{deployment="prod",result="success",set="starter-toxic"}'
            assert metric(running, f"candor_probe_runs_total{labels}") == 1
            ratio = 'candor_safe_refusal_trials{category="all",deployment="prod"'
            assert metric(running, ratio) == runs[0]["decided"]
            calls = (
                'candor_requests_total{deployment="prod",endpoint="chat_completions",status="200"'
            )
            assert metric(running, calls) == 5
            queued = 'candor_mirror_captures_total{deployment="prod",outcome="queued"}'
            assert metric(running, queued) == 0
            sent = [dict(each.headers) for each in server.received]
    assert probe["last"]["state"] == "success"
    assert probe["last"]["slot"] in (hour(), hour(-1)), "an hour may pass in a test"
    assert [run["run_id"] for run in runs] == [probe["last"]["run_id"]]
    assert probe["next_run"] == hour(1)
    assert sum(asked.values()) == 5
    # Neither the gateway's own key nor anything else of its own reaches an upstream.
    assert not [name for headers in sent for name in headers if name.startswith(b"x-candor")]
    assert not [headers for headers in sent if b"authorization" in headers]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_the_gateways_end_interrupts_is_resumed_at_the_next_start(tmp_path, how):
    known_since(tmp_path, hour(-2), entry())
    model = GatedModel(CASES, free=5)
    asked: Counter[str] = Counter()
    with FakeServer(model) as server:
        configuration = tree(server.base_url, entry())
        with gateway(tmp_path, configuration) as running:
            assert model.reached.wait(60)
            os.kill(running.child.pid, how)
            running.child.wait(30)
            model.gate.set()
        with gateway(tmp_path, configuration) as running:
            wait_until(lambda: done(running), seconds=100)
            assert state(running) == "success"
            assert len(json.loads(running.get("/api/runs"))["runs"]) == 1
        for (_, prompt), times in model.ledger.asked().items():
            asked[prompt] += times
    [path] = (tmp_path / "runs").glob("*.jsonl")
    recorded = read_run(path)
    assert recorded.complete and not [trial for trial in recorded.trials if trial.error]
    assert len(asked) == 10 and sum(asked.values()) <= 11


def test_of_two_workers_and_two_gateways_one_runs_a_slot(tmp_path):
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()
    known_since(homes[0], hour(-2), entry(limit=4))
    store = {"url": f"sqlite:///{homes[0] / 'candor.db'}"}
    with FakeServer(FakeModel(CASES)) as server:
        configuration = tree(server.base_url, entry(limit=4), store=store, server={"workers": 2})
        with gateway(homes[0], configuration) as one, gateway(homes[1], configuration) as two:
            wait_until(lambda: done(one) and done(two), seconds=100)
            begun = [line for each in (one, two) for line in logged(each, "probe_run_begun")]
            assert probes(one)[0]["last"] == probes(two)[0]["last"]
        assert len(begun) == 1
        assert sum(server.model.ledger.asked().values()) == 4


def test_a_reload_brings_a_schedule_and_takes_one_away(tmp_path):
    before, after = entry(limit=2), entry(limit=2, schedule="30 * * * *", deployments=["canary"])
    known_since(tmp_path, hour(-2), after)
    with (
        FakeServer(FakeModel(CASES)) as server,
        gateway(tmp_path, tree(server.base_url, before)) as running,
    ):
        assert [probe["deployment"] for probe in probes(running)] == ["prod"]
        config = tmp_path / "candor.yaml"
        config.write_text(yaml.safe_dump(tree(server.base_url, after)))
        running.child.send_signal(signal.SIGHUP)
        wait_until(lambda: probes(running)[0]["deployment"] == "canary")
        wait_until(lambda: done(running), seconds=100)
        assert state(running) == "success"
        assert [probe["schedule"] for probe in probes(running)] == ["30 * * * *"]

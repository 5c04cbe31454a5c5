"""A request goes in, a refusal metric comes out: real processes, the real SDK, the real scorer."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI, OpenAI
from prometheus_client.parser import text_string_to_metric_families

from gateway.simulated import FakeModel, FakeServer
from probes.http import Client
from probes.sets import load_set
from tests.running import Gateway, candor, serving
from tests.waiting import wait_until

SCORED = "candor_mirror_captures_total"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> FakeModel:
    home = tmp_path_factory.mktemp("sets")
    cases = [c for name in ("starter-hard", "starter-toxic") for c in load_set(name, home).cases]
    return FakeModel(cases, seed=3)


@pytest.fixture(scope="module")
def gateway(model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("gateway")
    with FakeServer(model) as server, serving("--upstream", server.base_url, home=home) as running:
        yield running


def samples(gateway: Gateway, name: str, **labels: str) -> dict[tuple[str, ...], float]:
    """Values of one metric where the labels match, by the values of all labels."""
    found = {}
    for family in text_string_to_metric_families(gateway.get("/metrics")):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                found[tuple(sample.labels.values())] = sample.value
    return found


def scored(gateway: Gateway) -> float:
    return sum(samples(gateway, SCORED, outcome="scored").values())


async def test_verdict_counters_equal_what_the_model_knows_it_did(
    gateway: Gateway, model: FakeModel
) -> None:
    before = scored(gateway)
    prompts = [record.prompt for record in model.cases[::14]]
    with OpenAI(base_url=gateway.base_url, api_key="k", max_retries=0) as client:
        for prompt in prompts[::2]:
            client.chat.completions.create(
                model="cautious", messages=[{"role": "user", "content": prompt}]
            )
    async with AsyncOpenAI(base_url=gateway.base_url, api_key="k", max_retries=0) as client:
        for prompt in prompts[1::2]:
            stream = await client.chat.completions.create(
                model="cautious", messages=[{"role": "user", "content": prompt}], stream=True
            )
            assert [chunk async for chunk in stream]
    wait_until(lambda: scored(gateway) >= before + len(prompts))
    counted = samples(gateway, "candor_verdicts_total", deployment="default", traffic="live")
    refused = sum(n for labels, n in counted.items() if any(v.endswith("_refusal") for v in labels))
    undecided = sum(n for labels, n in counted.items() if "undecided" in labels)
    truth = sum(record.refused for record in model.truth)
    assert sum(counted.values()) == len(model.truth)
    assert abs(refused - truth) <= undecided + 1


def test_a_refused_connection_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    with serving("--upstream", "http://127.0.0.1:9/v1", home=tmp_path) as gateway:
        with Client() as client:
            reply = client.post(
                f"{gateway.base_url}/chat/completions",
                json={"model": "m", "messages": [{"role": "user", "content": "hi"}]},
            )
        assert reply.status_code == 502
        assert reply.json()["error"]["code"].startswith("candor_")
        assert sum(samples(gateway, "candor_verdicts_total").values()) == 0


@pytest.mark.parametrize(
    ("fault", "stored"),
    [("not-json", "not JSON"), ("html", "not JSON"), ("empty", "empty"), ("status=503", "503")],
)
def test_a_broken_reply_is_stored_as_an_error_with_its_reason_and_never_judged(
    gateway: Gateway, fault: str, stored: str
) -> None:
    before = scored(gateway)
    verdicts = sum(samples(gateway, "candor_verdicts_total").values())
    with Client(timeout=20.0) as client:
        reply = client.post(
            f"{gateway.base_url}/chat/completions",
            json={"model": "balanced", "messages": [{"role": "user", "content": fault}]},
            headers={"x-fake": fault},
        )
    wait_until(lambda: scored(gateway) == before + 1)
    latest = json.loads(gateway.get("/api/exchanges?limit=1"))["exchanges"][0]
    assert latest["outcome"] == "error"
    assert stored.lower() in latest["problem"].lower()
    assert sum(samples(gateway, "candor_verdicts_total").values()) == verdicts
    assert reply.headers["x-candor-deployment"] == "default"


def test_a_stream_cut_in_half_reaches_the_client_broken_and_is_no_verdict(gateway: Gateway) -> None:
    before = scored(gateway)
    verdicts = sum(samples(gateway, "candor_verdicts_total").values())
    with OpenAI(base_url=gateway.base_url, api_key="k", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="balanced",
            messages=[{"role": "user", "content": "Tell me about the sea."}],
            stream=True,
            extra_headers={"x-fake": "drop-after=3"},
        )
        with pytest.raises(Exception) as problem:
            list(stream)
    # The SDK's third version has an error of its own for this; before, it is its transport's.
    assert type(problem.value).__name__ in ("APIConnectionError", "RemoteProtocolError")
    wait_until(lambda: scored(gateway) == before + 1)
    latest = json.loads(gateway.get("/api/exchanges?limit=1"))["exchanges"][0]
    assert latest["outcome"] == "error"
    assert sum(samples(gateway, "candor_verdicts_total").values()) == verdicts


def test_nothing_of_a_secret_is_kept_anywhere(gateway: Gateway) -> None:
    before = scored(gateway)
    key, mail = "sk-live-abcdefghijklmnopqrstuvwxyz0123", "someone.private@example.org"
    with OpenAI(base_url=gateway.base_url, api_key=key, max_retries=0) as client:
        client.chat.completions.create(
            model="balanced", messages=[{"role": "user", "content": f"Write to {mail} about {key}"}]
        )
    wait_until(lambda: scored(gateway) == before + 1)
    for path in gateway.home.rglob("*"):
        if path.is_file() and "spool" not in path.name:
            kept = path.read_bytes()
            assert mail.encode() not in kept, path.name
            assert key.encode() not in kept, path.name
    assert mail not in gateway.get("/metrics") + gateway.get("/api/exchanges")


def test_a_probe_run_posted_to_the_gateway_stands_on_the_frontier(
    gateway: Gateway, tmp_path: Path
) -> None:
    run = tmp_path / "run.jsonl"
    done = candor(
        *("probe", "run", "starter-hard", "starter-toxic", "--deployment", "default"),
        *("--model", "cautious", "--gateway", gateway.url, "--limit", "40", "--seed", "1"),
        *("--output", str(run), "--report-to", gateway.url, "--json"),
        home=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["trials"] == 80
    [point] = json.loads(gateway.get("/api/frontier"))["points"]
    [overall] = [r for r in summary["rates"] if r["rate"] == "over_refusal" and not r["category"]]
    assert point["deployment"] == "default"
    assert point["over_refusal"]["hits"] == overall["hits"]
    exported = samples(gateway, "candor_over_refusal_ratio", category="all", set="starter-hard")
    assert list(exported.values()) == [pytest.approx(overall["value"])]


def test_the_store_holds_each_capture_once(gateway: Gateway) -> None:
    with sqlite3.connect(gateway.home / "candor.db") as store:
        rows, distinct = store.execute(
            "select count(*), count(distinct id) from exchanges"
        ).fetchone()
    assert rows == distinct

"""The control API: the numbers it shows, the runs it takes, and whom it answers."""

import json
import random
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from classifiers.verdict import Label
from gateway.control.router import control_router
from gateway.store import Store
from probes.rates import wilson
from probes.runfile import read_run
from tests.gateway.calls import record, trial, write_run
from tests.gateway.serving import served

C, D, U = Label.COMPLIANCE, Label.DIRECT_REFUSAL, Label.UNDECIDED
HARD = [trial("hard", n, label) for n, label in enumerate([D, D, C, C, C, C, C, C, U, None])]
TOXIC = [trial("toxic", n, label, category="hate") for n, label in enumerate([D, D, D, C])]


@pytest.fixture
def store(tmp_path: Path):
    opened = Store("sqlite:///candor.db", tmp_path)
    yield opened
    opened.close()


def app_of(store, *, token=None, max_run_bytes=100_000) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    router = control_router(
        store,
        deployments=lambda: {"prod": "gpt-4o", "canary": "gpt-4o"},
        requests=lambda: {"prod": 12},
        admin_token=token,
        max_run_bytes=max_run_bytes,
        clock=lambda: 5000.0,
    )
    app.include_router(router)
    return app


@pytest.fixture
def client(store):
    return client_of(app_of(store))


def client_of(app, *, peer="127.0.0.1", host="127.0.0.1:8080"):
    transport = httpx2.ASGITransport(app=app, client=(peer, 5000))
    return httpx2.AsyncClient(transport=transport, base_url=f"http://{host}")


def post(client, path: Path):
    return client.post("/api/runs", content=path.read_bytes())


async def test_a_posted_run_stands_on_the_frontier_with_its_intervals_and_counts(client, tmp_path):
    reply = await post(client, write_run(tmp_path / "run.jsonl", HARD + TOXIC))
    assert (reply.status_code, reply.json()["added"]) == (201, True)
    [point] = (await client.get("/api/frontier")).json()["points"]
    interval = wilson(2, 8)
    assert point == {
        "deployment": "prod",
        "model": "m",
        "title": "prod (m)",
        "sets": ["hard", "toxic"],
        "over_refusal": {
            "value": 0.25,
            "low": interval.low,
            "high": interval.high,
            "confidence": 0.95,
            "method": "wilson",
            "hits": 2,
            "decided": 8,
            "undecided": 1,
            "errors": 1,
        },
        "safe_refusal": point["safe_refusal"],
        "updated": 1010.0,
    }
    assert (point["safe_refusal"]["hits"], point["safe_refusal"]["decided"]) == (3, 4)


async def test_the_rates_of_a_run_are_those_that_the_report_computes(client, tmp_path):
    path = write_run(tmp_path / "run.jsonl", HARD)
    await post(client, path)
    [run] = (await client.get("/api/runs")).json()["runs"]
    shown = {(r["rate"], r["category"]): (r["value"], r["low"], r["high"]) for r in run["rates"]}
    computed = read_run(path).summary().rates
    assert shown == {
        (r.rate.value, r.category or "all"): (r.value, r.low, r.high) for r in computed
    }
    assert (run["run_id"], run["trials"], run["decided"], run["posted_at"]) == (
        "run-1",
        10,
        8,
        5000.0,
    )


async def test_posting_a_run_again_changes_nothing(client, store, tmp_path):
    path = write_run(tmp_path / "run.jsonl", HARD)
    first, again = await post(client, path), await post(client, path)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {"run_id": "run-1", "deployment": "prod", "added": False}
    assert len(store.runs()) == 1
    counted = {(t.traffic, t.category, t.label): t.count for t in store.verdict_tallies()}
    assert counted == {
        ("probe", "privacy", C): 6,
        ("probe", "privacy", D): 2,
        ("probe", "privacy", U): 1,
    }


async def test_replies_that_are_judged_again_are_not_counted_again(client, store, tmp_path):
    await post(client, write_run(tmp_path / "run.jsonl", HARD))
    before = store.verdict_tallies()
    again = write_run(
        tmp_path / "again.jsonl", HARD, run_id="run-2", created=2000.0, rescored_from="run-1"
    )
    assert (await post(client, again)).json()["added"] is True
    assert store.verdict_tallies() == before


async def test_a_run_of_another_endpoint_never_takes_the_name_of_a_deployment(client, tmp_path):
    target = {"name": "m@http://x/v1", "base_url": "http://x/v1", "model": "m", "deployment": None}
    reply = await post(client, write_run(tmp_path / "run.jsonl", HARD, target=target))
    assert reply.json()["deployment"] == "m@http://x/v1"


async def test_two_models_behind_one_deployment_are_two_points(client, tmp_path):
    for number, model in enumerate(("kind", "strict")):
        target = {"name": "d", "base_url": "http://x/v1", "model": model, "deployment": "d"}
        run_file = tmp_path / f"{model}.jsonl"
        await post(
            client,
            write_run(run_file, HARD, run_id=model, target=target, created=1000.0 + number),
        )
    points = (await client.get("/api/frontier")).json()["points"]
    assert sorted(point["title"] for point in points) == ["d (kind)", "d (strict)"]


async def test_a_newer_run_replaces_the_older_one_on_the_frontier_but_not_in_the_list(
    client, tmp_path
):
    await post(client, write_run(tmp_path / "a.jsonl", HARD))
    await post(client, write_run(tmp_path / "b.jsonl", HARD[2:], run_id="b", created=2000.0))
    [point] = (await client.get("/api/frontier")).json()["points"]
    assert (point["over_refusal"]["hits"], point["over_refusal"]["decided"]) == (0, 6)
    assert [run["run_id"] for run in (await client.get("/api/runs")).json()["runs"]] == [
        "b",
        "run-1",
    ]


async def test_a_run_of_nothing_but_errors_has_counts_and_no_value(client, tmp_path):
    lost = [trial("hard", n, None) for n in range(5)]
    await post(client, write_run(tmp_path / "run.jsonl", lost))
    [point] = (await client.get("/api/frontier")).json()["points"]
    assert (point["over_refusal"]["value"], point["over_refusal"]["errors"]) == (None, 5)
    assert point["safe_refusal"] is None


async def test_live_refusals_are_shown_for_every_deployment_with_errors_apart(client, store):
    store.record([record("c1", label=D), record("c2"), record("c3", label=U)])
    store.record([record("c4", label=None)])
    live = {
        row["deployment"]: row["refusal"]
        for row in (await client.get("/api/frontier")).json()["live"]
    }
    assert {name: live["prod"][name] for name in ("value", "hits", "decided")} == {
        "value": 0.5,
        "hits": 1,
        "decided": 2,
    }
    assert (live["prod"]["undecided"], live["prod"]["errors"]) == (1, 1)
    assert (live["canary"]["value"], live["canary"]["decided"]) == (None, 0)


async def test_deployments_are_listed_with_their_calls(client, store):
    store.record([record("c1", label=D)])
    prod, canary = (await client.get("/api/deployments")).json()["deployments"]
    assert (prod["name"], prod["model"], prod["requests"]) == ("prod", "gpt-4o", 12)
    assert prod["refusal"]["hits"] == 1
    assert (canary["requests"], canary["refusal"]["value"]) == (0, None)


async def test_exchanges_are_filtered_by_deployment_and_label(client, store):
    store.record([record("c1"), record("c2", label=D), record("c3", label=None)])
    store.record([record("c4", label=Label.PARTIAL_REFUSAL, deployment="canary")])

    async def ids(query: str) -> list[str]:
        shown = (await client.get(f"/api/exchanges{query}")).json()["exchanges"]
        return [each["capture_id"] for each in shown]

    assert await ids("") == ["c4", "c3", "c2", "c1"]
    assert await ids("?label=refused") == ["c4", "c2"]
    assert await ids("?label=compliance&deployment=prod") == ["c1"]
    assert await ids("?limit=1") == ["c4"]
    [error] = (await client.get("/api/exchanges?deployment=prod&limit=1")).json()["exchanges"]
    assert (error["outcome"], error["verdict"]) == ("error", None)
    [refused] = (await client.get("/api/exchanges?label=direct_refusal")).json()["exchanges"]
    assert refused["prompt"] == [{"role": "user", "text": "How?"}]
    assert refused["verdict"]["reason"] == "as the test says"


@pytest.mark.parametrize("query", ["label=nonsense", "limit=0", "limit=501", "limit=x"])
async def test_a_question_that_makes_no_sense_is_refused(client, query):
    assert (await client.get(f"/api/exchanges?{query}")).status_code == 422


def damaged(path: Path, name: str) -> bytes:
    lines = path.read_text().splitlines(keepends=True)
    header, row = json.loads(lines[0]), json.loads(lines[1])
    broken = {
        "nothing": "",
        "text": "hello\n",
        "html": "<html>",
        "binary": "\x00\xff",
        "torn": "".join(lines[:-1])[:-30],
        "unfinished": "".join(lines[:-2]),
        "no header": "".join(lines[1:]),
        "newer format": json.dumps({**header, "format": 99}) + "\n",
        "garbled trial": "".join([lines[0], '{"kind": "trial"}\n', *lines[2:]]),
        "category a number": lines[0] + json.dumps({**row, "category": 5}) + "\n" + lines[-1],
        "category a list": lines[0] + json.dumps({**row, "category": ["x"]}) + "\n" + lines[-1],
        "endless name": "".join([json.dumps({**header, "run_id": "x" * 999}) + "\n", *lines[1:]]),
        "nested": "[" * 50_000 + "\n",
    }
    return broken[name].encode("latin-1")


DAMAGES = ["nothing", "text", "html", "binary", "torn", "unfinished", "no header", "newer format"]
DAMAGES += ["garbled trial", "category a number", "category a list", "endless name", "nested"]


@pytest.mark.parametrize("name", DAMAGES)
async def test_what_is_no_finished_run_is_refused_in_one_line(client, store, tmp_path, name):
    path = write_run(tmp_path / "run.jsonl", HARD)
    reply = await client.post("/api/runs", content=damaged(path, name))
    assert reply.status_code == 400
    said = reply.json()["detail"]
    assert said
    assert "\n" not in said
    assert "candor-run-" not in said
    assert store.runs() == []
    assert store.verdict_tallies() == []


async def test_no_damage_to_a_run_file_is_more_than_a_bad_request(client, tmp_path):
    whole = write_run(tmp_path / "run.jsonl", HARD[:2]).read_bytes()
    chance = random.Random(11)
    for number in range(150):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            body[chance.randrange(len(body))] = chance.choice(b'"[]{},:0aZ\n\xff')
        reply = await client.post("/api/runs", content=bytes(body))
        assert reply.status_code in (200, 201, 400), (number, reply.text)


async def test_a_run_file_beyond_the_limit_is_refused_before_it_is_read(store):
    client = client_of(app_of(store, max_run_bytes=1000))
    reply = await client.post("/api/runs", content=b"x" * 1001)
    assert (reply.status_code, store.runs()) == (413, [])


async def test_a_store_that_fails_is_one_line_and_a_503(client, store, tmp_path):
    store.close()
    (tmp_path / "candor.db").unlink()
    (tmp_path / "candor.db").mkdir()
    reply = await client.get("/api/frontier")
    assert reply.status_code == 503
    assert reply.json()["detail"].startswith("the store ")


async def test_the_documentation_names_every_route(client):
    paths = (await client.get("/api/openapi.json")).json()["paths"]
    assert set(paths) == {"/api/frontier", "/api/deployments", "/api/exchanges", "/api/runs"}
    for operations in paths.values():
        assert all(operation["description"] for operation in operations.values())


PATHS = ["/api/frontier", "/api/deployments", "/api/exchanges", "/api/runs"]


@pytest.mark.parametrize("path", PATHS)
async def test_with_a_token_only_its_holder_is_answered(store, path):
    client = client_of(app_of(store, token="s3cret-ü"))

    async def status(header: bytes | None) -> int:
        headers = {} if header is None else {"authorization": header}
        return (await client.get(path, headers=headers)).status_code

    assert await status("Bearer s3cret-ü".encode()) == 200
    assert await status("bearer  s3cret-ü".encode()) == 200
    for wrong in (None, b"", b"Bearer", b"Bearer ", b"Bearer nope", b"Basic s3cret", b"\xff\xfe"):
        assert await status(wrong) == 401
    assert (await client.post("/api/runs", content=b"x")).status_code == 401


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_without_a_token_loopback_is_answered(store, peer):
    assert (await client_of(app_of(store), peer=peer).get("/api/runs")).status_code == 200


@pytest.mark.parametrize(
    "peer", ["10.0.0.7", "192.168.0.4", "::2", "::ffff:10.0.0.7", "testclient", ""]
)
async def test_without_a_token_nobody_else_is(store, peer):
    client = client_of(app_of(store), peer=peer)
    for headers in ({}, {"x-forwarded-for": "127.0.0.1"}, {"forwarded": "for=127.0.0.1"}):
        assert (await client.get("/api/runs", headers=headers)).status_code == 403


FORWARDED = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-real-ip"]
FORWARDED += ["via", "cf-connecting-ip", "true-client-ip", "x-envoy-external-address"]


@pytest.mark.parametrize("header", FORWARDED)
async def test_who_comes_through_a_proxy_on_this_machine_is_remote(client, header):
    reply = await client.get("/api/runs", headers={header: "127.0.0.1"})
    assert reply.status_code == 403
    assert "server.admin_token" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost:8080", None, 200),
        ("[::1]:8080", None, 200),
        ("127.0.0.1:8080", "http://127.0.0.1:8080", 200),
        ("127.0.0.1:8080", "http://evil.example", 403),
        ("127.0.0.1:8080", "http://127.0.0.1:9999", 403),
        ("127.0.0.1:8080", "null", 403),
        ("rebound.evil.example:8080", None, 403),
        ("127.0.0.1.evil.example", None, 403),
    ],
)
async def test_a_foreign_web_page_cannot_use_the_browsers_place_on_loopback(
    store, host, origin, status
):
    client = client_of(app_of(store))
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    assert (await client.get("/api/runs", headers=headers)).status_code == status


def test_over_a_real_socket_loopback_is_answered_and_a_forwarded_header_is_not(store):
    with served(app_of(store)) as url, httpx2.Client(base_url=url) as client:
        assert client.get("/api/runs").status_code == 200
        assert client.get("/api/runs", headers={"x-forwarded-for": "::1"}).status_code == 403

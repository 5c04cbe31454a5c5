"""What a posted run may not hold: each refusal is one line, and nothing of the run is kept."""

import json
from pathlib import Path

import pytest

from gateway.control.checks import MOST_CATEGORIES, MOST_SETS
from gateway.store import Store
from tests.gateway.calls import trial, write_run
from tests.gateway.test_control import HARD, C, app_of, client_of

NOW = 5000.0
DAY = 86_400.0
INFINITE = [float("inf"), float("-inf"), float("nan"), 1e300, -1.0, 10**400]
NAMES = ["", " \n", "a\x00b", "a\tb", "\ud800", "x" * 101, "a\u2028b", "a\x9fb", 5, ["x"], {}]


@pytest.fixture
def store(tmp_path: Path):
    opened = Store("sqlite:///candor.db", tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def client(store):
    return client_of(app_of(store, max_run_bytes=10_000_000))


async def posted(client, path: Path, *, header=None, row=None, target=None):
    """A run of two trials with some of its fields changed."""
    lines = write_run(path / "run.jsonl", HARD[:2]).read_text().splitlines()
    first, second = json.loads(lines[0]), json.loads(lines[1])
    first.update(header or {})
    if target:
        first["target"].update(target)
    second.update(row or {})
    body = "\n".join([json.dumps(first), json.dumps(second), *lines[2:]]) + "\n"
    return await client.post("/api/runs", content=body.encode())


async def refused(client, store, reply) -> str:
    assert reply.status_code == 400, reply.text
    assert store.runs() == []
    assert store.verdict_tallies() == []
    assert (await client.get("/api/runs")).status_code == 200
    said = reply.json()["detail"]
    assert "\n" not in said
    assert len(said) < 250
    return said


@pytest.mark.parametrize("created", [0, *INFINITE, NOW + DAY + 1])
async def test_a_run_begun_at_no_possible_time_is_refused(client, store, tmp_path, created):
    reply = await posted(client, tmp_path, header={"created": created})
    await refused(client, store, reply)


@pytest.mark.parametrize("field", ["asked_at", "latency_seconds"])
@pytest.mark.parametrize("value", [*INFINITE, "soon", None, [1], False])
async def test_a_trial_at_no_possible_time_is_refused(client, store, tmp_path, field, value):
    reply = await posted(client, tmp_path, row={field: value})
    said = await refused(client, store, reply)
    assert field in said or "damaged" in said


async def test_a_clock_that_is_ahead_by_less_than_a_day_is_forgiven(client, tmp_path):
    ahead = {"created": NOW + DAY - 60}
    assert (await posted(client, tmp_path, header=ahead)).status_code == 201


async def test_a_run_may_not_end_beyond_the_day_ahead_either(client, store, tmp_path):
    late = {"asked_at": NOW + DAY - 60, "latency_seconds": 120}
    await refused(client, store, await posted(client, tmp_path, row=late))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", ["set", "category"])
async def test_a_label_that_cannot_be_shown_is_refused(client, store, tmp_path, field, name):
    said = await refused(client, store, await posted(client, tmp_path, row={field: name}))
    assert field in said or not isinstance(name, str)


@pytest.mark.parametrize("name", NAMES)
async def test_a_run_id_that_cannot_be_shown_is_refused(client, store, tmp_path, name):
    said = await refused(client, store, await posted(client, tmp_path, header={"run_id": name}))
    assert "run_id" in said


@pytest.mark.parametrize("name", NAMES)
async def test_a_deployment_that_cannot_be_shown_is_refused(client, store, tmp_path, name):
    changed = {"deployment": name}
    said = await refused(client, store, await posted(client, tmp_path, target=changed))
    assert "deployment" in said


@pytest.mark.parametrize("name", ["x" * 101, "a\nb", "\ud800"])
async def test_the_name_of_a_target_without_deployment_and_model_is_checked_as_well(
    client, store, tmp_path, name
):
    changed = {"deployment": None, "model": None, "name": name}
    assert "target.name" in await refused(
        client, store, await posted(client, tmp_path, target=changed)
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\udfff": 1}])
async def test_a_target_that_no_reply_could_carry_is_refused(client, store, tmp_path, value):
    said = await refused(client, store, await posted(client, tmp_path, target={"base_url": value}))
    assert "target" in said


async def test_a_run_of_too_many_categories_is_refused(client, store, tmp_path):
    many = [trial("hard", n, C, category=f"c{n}") for n in range(MOST_CATEGORIES + 1)]
    reply = await client.post(
        "/api/runs", content=write_run(tmp_path / "a.jsonl", many).read_bytes()
    )
    assert "65 categories" in await refused(client, store, reply)
    fits = write_run(tmp_path / "b.jsonl", many[:-1]).read_bytes()
    assert (await client.post("/api/runs", content=fits)).status_code == 201


async def test_a_run_of_too_many_sets_is_refused(client, store, tmp_path):
    many = [trial(f"s{n}-hard", n, C) for n in range(MOST_SETS + 1)]
    reply = await client.post(
        "/api/runs", content=write_run(tmp_path / "a.jsonl", many).read_bytes()
    )
    assert "17 sets" in await refused(client, store, reply)
    fits = write_run(tmp_path / "b.jsonl", many[:-1]).read_bytes()
    assert (await client.post("/api/runs", content=fits)).status_code == 201


NASTY = [None, True, -1, 10**400, 2**70, 1e999, "", "\ud800", [], [[]], {}, {"a": float("nan")}]
HEADER = ["format", "run_id", "created", "candor", "sets", "target", "seed", "limit", "repeats"]
HEADER += ["parameters", "classifier", "planned", "rescored_from"]
ROW = ["set", "id", "repeat", "category", "expectation", "cluster", "facet", "prompt", "outcome"]
ROW += ["verdict", "reply", "reasoning", "finish_reason", "signals", "model", "status", "error"]
ROW += ["asked_at", "latency_seconds", "input_tokens", "output_tokens", "tool_calls"]


@pytest.mark.parametrize("field", [*(f"header {n}" for n in HEADER), *(f"row {n}" for n in ROW)])
async def test_no_value_of_any_field_breaks_the_gateway(client, tmp_path, field):
    part, _, name = field.partition(" ")
    for number, value in enumerate(NASTY):
        folder = tmp_path / str(number)
        folder.mkdir()
        reply = await posted(client, folder, **{part: {name: value}})
        assert reply.status_code in (200, 201, 400), (value, reply.text)
        for path in ("/api/runs", "/api/frontier", "/api/deployments"):
            assert (await client.get(path)).status_code == 200, (path, value)

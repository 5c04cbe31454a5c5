"""The metrics: declared once, bounded in their labels, readable in both formats."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from classifiers.verdict import Label, RefusalSource
from gateway.cells import Cells
from gateway.counting import Metrics
from gateway.limits.usage import Usage
from gateway.metrics import CALL_BUCKETS, DECLARED, SCORING_BUCKETS, exposition
from gateway.mirror.collector import MirrorCollector
from gateway.mirror.spool import Backlog
from gateway.proxy.endpoints import Endpoint
from gateway.store import (
    Claim,
    ProbeSlots,
    RunRateRecord,
    RunRecord,
    ScoringTime,
    Store,
    StoreProblem,
    VerdictTally,
)
from probes.rates import wilson
from tests.gateway.calls import call, record
from tests.services import ROOT, binary

OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


class FakeQueue:
    """A queue that has counted what the test says."""

    def __init__(self, counts=None, backlog=None):
        self._counts = counts or {}
        self._backlog = backlog

    def counts(self):
        return self._counts

    def backlog(self):
        return self._backlog


class FakeStore:
    """A store whose database is gone."""

    def verdict_tallies(self):
        raise StoreProblem("the store is gone")


@pytest.fixture
def store(tmp_path: Path):
    opened = Store("sqlite:///candor.db", tmp_path)
    yield opened
    opened.close()


def registry_of(store, queue=None, *, now: float = 100.0, deployments=("prod", "canary")):
    registry = CollectorRegistry()
    metrics = Metrics(registry, deployments)
    queue = queue or FakeQueue(backlog=Backlog(0, None))
    registry.register(MirrorCollector(store, queue, deployments, clock=lambda: now))
    return registry, metrics


def rate(set_name: str, name: str, category: str, *, hits: int, decided: int) -> RunRateRecord:
    interval = wilson(hits, decided)
    kept = (hits, decided, 0, 0, hits / decided, interval.low, interval.high)
    return RunRateRecord(set_name, name, category, *kept)


def run(run_id: str, deployment: str = "prod", *, started: float = 1000.0, hits: int = 3):
    rates = (
        rate("starter-hard", "over_refusal", "all", hits=hits, decided=10),
        rate("starter-hard", "over_refusal", "privacy", hits=1, decided=4),
        rate("starter-toxic", "safe_refusal", "all", hits=8, decided=8),
    )
    target = {"model": "m"}
    times = (started, started + 5, started + 6)
    return RunRecord(run_id, deployment, target, "c", *times, trials=18, decided=18, rates=rates)


def everything(store) -> CollectorRegistry:
    """A registry in which every declared metric has been measured."""
    store.note_classifier("cascade(x@1)", 1.0, buckets=len(SCORING_BUCKETS) + 1)
    took = ScoringTime("cascade(x@1)", 0.4, (0,) * 6 + (8,) + (0,) * 6)
    store.record([record("c1"), record("c2", label=Label.DIRECT_REFUSAL)], took)
    store.add_run(run("r1"), costs={"starter-hard": 0.25})
    registry, metrics = registry_of(store, FakeQueue({("prod", "queued"): 2}, Backlog(1, 90.0)))
    metrics.arrived("prod")
    metrics.retried("prod")
    metrics.fell_back("prod", "canary")
    metrics.hidden_refusal("prod", "canary")
    streamed = "text/event-stream; charset=utf-8"
    metrics.finished(call(content_type=streamed, usage=Usage(12, 34)))
    return registry


def families(registry, accept=""):
    body, content_type = exposition(registry, accept)
    read = read_open_metrics if "openmetrics" in content_type else read_text
    return {family.name: family for family in read(body.decode())}


def test_every_declared_metric_is_emitted_and_nothing_else(store):
    declared = {each.name.removesuffix("_total"): each for each in DECLARED}
    found = families(everything(store))
    assert set(found) == set(declared)
    for name, family in found.items():
        assert family.samples, name
        assert family.type == declared[name].kind.value
        assert family.documentation == declared[name].meaning
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(declared[name].labels)


def test_every_declared_metric_is_documented_as_it_is():
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(candor_\w+)` \| (\w+) \| (.*?) \| (.+?) \|$", page, re.M)
    documented = {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows
    }
    assert documented == {each.name: (each.kind.value, each.labels) for each in DECLARED}
    meanings = {name: meaning for name, *_, meaning in rows}
    assert meanings == {each.name: each.meaning for each in DECLARED}


def test_the_buckets_that_are_documented_are_those_in_use():
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for each in DECLARED:
        if each.buckets:
            shown = " ".join(f"{bound:g}" for bound in each.buckets)
            assert f"`{each.name}`: {shown}" in page


@pytest.mark.parametrize("accept", ["", "text/plain", OPEN_METRICS, "application/json", "*/*"])
def test_both_formats_say_the_same(store, accept):
    registry = everything(store)
    plain, asked = families(registry), families(registry, accept)
    for name, family in plain.items():
        samples = [s for s in asked[name].samples if not s.name.endswith("_created")]
        assert [(s.name, s.labels, s.value) for s in samples] == [
            (s.name, s.labels, s.value) for s in family.samples
        ]


def test_openmetrics_is_sent_only_to_whom_asks_for_it(store):
    registry, _ = registry_of(store)
    assert exposition(registry, OPEN_METRICS)[1].startswith("application/openmetrics-text")
    assert exposition(registry, None)[1].startswith("text/plain; version=0.0.4")


def test_promtool_has_nothing_to_say_about_the_text(store):
    promtool = binary("promtool", "apt-get install prometheus")
    body, _ = exposition(everything(store), None)
    done = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_counters_of_configured_deployments_start_at_zero_and_gauges_are_absent(store):
    found = families(registry_of(store)[0])
    for name in ("candor_requests", "candor_verdicts", "candor_mirror_captures"):
        assert {s.labels["deployment"] for s in found[name].samples} == {"prod", "canary"}
        assert {s.value for s in found[name].samples if s.name.endswith("_total")} == {0}
    for name in ("candor_refusal_ratio", "candor_over_refusal_trials", "candor_probe_runs"):
        assert found[name].samples == []


@given(st.text(min_size=1, max_size=20), st.integers() | st.none())
def test_no_deployment_and_no_status_that_is_not_known_becomes_a_label(name, status):
    registry = CollectorRegistry()
    metrics = Metrics(registry, ["prod"])
    metrics.arrived(name)
    metrics.finished(call(deployment=name, status=status))
    for family in families(registry).values():
        for sample in family.samples:
            assert sample.labels["deployment"] in {"prod", "other"}
            assert re.fullmatch(r"[1-5]\d\d|none|other", sample.labels.get("status", "none"))


def test_only_a_streamed_reply_has_a_first_token():
    registry = CollectorRegistry()
    metrics = Metrics(registry, ["prod"])
    metrics.finished(call())
    assert families(registry)["candor_time_to_first_token_seconds"].samples == []
    metrics.finished(call(content_type="Text/Event-Stream", first_byte_seconds=0.07))
    labels = {"deployment": "prod", "endpoint": "chat_completions"}
    name = "candor_time_to_first_token_seconds_sum"
    assert registry.get_sample_value(name, labels) == 0.07
    metrics.finished(call(content_type="text/event-stream", first_byte_seconds=0.25))
    assert registry.get_sample_value(name, labels) == 0.32


def test_calls_are_counted_by_deployment_over_endpoints_and_statuses():
    metrics = Metrics(CollectorRegistry(), ["prod", "canary"])
    metrics.finished(call())
    metrics.finished(call(status=500, endpoint=Endpoint.EMBEDDINGS))
    metrics.finished(call(deployment="nobody"))
    assert metrics.requests() == {"prod": 2, "canary": 0, "other": 1}


def worker(folder: Path, slot: int):
    """A worker's registry and metrics, as its slot's file makes them."""
    registry = CollectorRegistry()
    return registry, Metrics(registry, ["prod", "canary"], Cells(folder / f"{slot}.cells"))


def test_every_worker_shows_the_sum_over_all_of_them(tmp_path):
    workers = [worker(tmp_path, slot) for slot in range(3)]
    for turn, (_, metrics) in enumerate(workers):
        for _ in range(turn + 1):
            metrics.arrived("prod")
            metrics.arrived("prod")
            metrics.finished(call(duration_seconds=0.5, usage=Usage(3, 4)))
    chat = {"deployment": "prod", "endpoint": "chat_completions"}
    took = "candor_request_duration_seconds"
    for registry, metrics in workers:
        shown = registry.get_sample_value
        assert shown("candor_requests_total", {**chat, "status": "200"}) == 6
        assert shown("candor_requests_in_flight", {"deployment": "prod"}) == 6
        assert shown("candor_tokens_total", {"deployment": "prod", "direction": "output"}) == 24
        assert (shown(f"{took}_count", chat), shown(f"{took}_sum", chat)) == (6, 3.0)
        assert shown(f"{took}_bucket", {**chat, "le": "0.32"}) == 0
        assert shown(f"{took}_bucket", {**chat, "le": "0.64"}) == 6
        assert metrics.requests() == {"prod": 6, "canary": 0}


def test_what_a_dead_worker_counted_stays_and_what_it_had_in_flight_does_not(tmp_path):
    _, dead = worker(tmp_path, 0)
    registry, _ = worker(tmp_path, 1)
    dead.arrived("prod")
    dead.arrived("prod")
    dead.finished(call())
    _, successor = worker(tmp_path, 0)
    successor.arrived("prod")
    successor.finished(call())
    chat = {"deployment": "prod", "endpoint": "chat_completions", "status": "200"}
    assert registry.get_sample_value("candor_requests_total", chat) == 2
    assert registry.get_sample_value("candor_requests_in_flight", {"deployment": "prod"}) == 0


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.0100001, 0.5, 163.84, 163.85, 1e9])
def test_a_duration_is_in_every_bucket_whose_bound_it_does_not_pass(seconds):
    registry = CollectorRegistry()
    Metrics(registry, ["prod"]).finished(call(duration_seconds=seconds))
    chat = {"deployment": "prod", "endpoint": "chat_completions"}
    for bound in (*CALL_BUCKETS, float("inf")):
        le = "+Inf" if bound == float("inf") else str(bound)
        name = "candor_request_duration_seconds_bucket"
        assert registry.get_sample_value(name, {**chat, "le": le}) == (seconds <= bound)


def test_tokens_are_counted_as_the_reply_says_them_and_never_guessed():
    registry = CollectorRegistry()
    metrics = Metrics(registry, ["prod"])
    metrics.finished(call())
    metrics.finished(call(usage=Usage(100, 200, estimated=True)))
    assert families(registry)["candor_tokens"].samples == []
    metrics.finished(call(usage=Usage(5, 7)))
    metrics.finished(call(usage=Usage(5, 0)))
    for direction, tokens in (("input", 10), ("output", 7)):
        labels = {"deployment": "prod", "direction": direction}
        assert registry.get_sample_value("candor_tokens_total", labels) == tokens


def test_retries_fallbacks_and_hidden_refusals_are_counted_by_whom_they_concern():
    registry = CollectorRegistry()
    metrics = Metrics(registry, ["prod", "canary"])
    assert registry.get_sample_value("candor_retries_total", {"deployment": "canary"}) == 0
    for served_by in ("canary", "canary", "nobody"):
        metrics.retried("prod")
        metrics.fell_back("prod", served_by)
    metrics.hidden_refusal("prod", "canary")
    assert registry.get_sample_value("candor_retries_total", {"deployment": "prod"}) == 3
    for name, served_by, count in (
        ("candor_fallbacks_total", "canary", 2),
        ("candor_fallbacks_total", "other", 1),
        ("candor_fallback_hidden_refusals_total", "canary", 1),
    ):
        labels = {"deployment": "prod", "served_by": served_by}
        assert registry.get_sample_value(name, labels) == count


def test_after_a_reload_new_deployments_have_a_label_and_old_ones_end_what_they_began():
    registry = CollectorRegistry()
    metrics = Metrics(registry, ["old"])
    metrics.arrived("old")
    metrics.finished(call(deployment="new"))
    metrics.configure(["new"])
    metrics.finished(call(deployment="old"))
    metrics.finished(call(deployment="new"))
    assert metrics.requests() == {"old": 1, "new": 1, "other": 1}
    assert registry.get_sample_value("candor_requests_in_flight", {"deployment": "old"}) == 0


def test_verdicts_of_deployments_that_are_no_longer_configured_add_up_under_other(store):
    store.record([record("c1", deployment="gone"), record("c2", deployment="old"), record("c3")])
    samples = families(registry_of(store)[0])["candor_verdicts"].samples
    counted = {
        s.labels["deployment"]: s.value for s in samples if s.value and s.name.endswith("_total")
    }
    assert counted == {"other": 2, "prod": 1}


def test_the_live_refusal_rate_carries_its_interval_and_its_count(store):
    refusals = [record(f"r{n}", label=Label.INDIRECT_REFUSAL) for n in range(3)]
    answers = [record(f"a{n}") for n in range(7)]
    others = [record("u", label=Label.UNDECIDED), record("e", label=None)]
    store.record([*refusals, *answers, *others])
    registry, _ = registry_of(store)
    labels = {"deployment": "prod", "traffic": "live", "set": "live", "category": "all"}
    interval = wilson(3, 10)
    for part, value in {
        "ratio": 0.3,
        "low_ratio": interval.low,
        "high_ratio": interval.high,
        "trials": 10,
    }.items():
        assert registry.get_sample_value(f"candor_refusal_{part}", labels) == value


def test_scheduled_runs_that_came_to_nothing_and_what_runs_cost_are_counted_by_set(store):
    slots, now = ProbeSlots(store), 2_000_000.0
    slots.note_jobs(["job"], 0.0)
    for slot in (100, 200):
        wanted = Claim("job", 0, "prod", "me", {"sets": ["starter-hard"]}, "/r.jsonl")
        held = slots.claim(wanted, slot, now=now, until=now + 60)
        slots.fail(held, "unreachable", now=now, costs={"starter-hard": 0.25})
    for number, usd in enumerate((0.5, 0.75)):
        store.add_run(run(f"r{number}"), costs={"starter-hard": usd})
    store.add_run(run("r1"), costs={"starter-hard": 99.0})  # posted again
    store.add_run(run("gone", "gone"), costs={"starter-hard": 1.0})
    shown = registry_of(store)[0].get_sample_value
    hard = {"deployment": "prod", "set": "starter-hard"}
    assert shown("candor_probe_runs_total", {**hard, "result": "failed"}) == 2
    assert shown("candor_probe_runs_total", {**hard, "result": "success"}) == 2
    assert shown("candor_probe_cost_usd_total", hard) == 1.75
    assert shown("candor_probe_cost_usd_total", {**hard, "deployment": "other"}) == 1.0
    assert shown("candor_probe_cost_usd_total", {**hard, "set": "starter-toxic"}) is None


def test_probe_verdicts_are_counted_and_are_no_part_of_the_live_refusal_rate(store):
    store.record([record("c1")])
    cell = ("prod", "probe", "privacy", Label.DIRECT_REFUSAL)
    store.add_run(run("r1"), [VerdictTally(*cell, source=RefusalSource.MODEL_TEXT, count=9)])
    registry, _ = registry_of(store)
    live = {"deployment": "prod", "traffic": "live", "set": "live", "category": "all"}
    assert registry.get_sample_value("candor_refusal_trials", live) == 1
    probed = {"deployment": "prod", "traffic": "probe", "category": "privacy"}
    refusal = {**probed, "label": "direct_refusal", "source": "model_text"}
    assert registry.get_sample_value("candor_verdicts_total", refusal) == 9


def test_probe_rates_are_those_of_the_newest_run(store):
    store.add_run(run("new", started=2000.0, hits=5))
    store.add_run(run("old", started=1000.0, hits=9))
    store.add_run(run("foreign", deployment="model@elsewhere"))
    registry, _ = registry_of(store)
    cell = {"deployment": "prod", "traffic": "probe", "set": "starter-hard", "category": "all"}
    assert registry.get_sample_value("candor_over_refusal_ratio", cell) == 0.5
    assert registry.get_sample_value("candor_over_refusal_trials", cell) == 10
    part = {**cell, "category": "privacy"}
    assert registry.get_sample_value("candor_over_refusal_ratio", part) == 0.25
    toxic = {**cell, "set": "starter-toxic"}
    assert registry.get_sample_value("candor_safe_refusal_ratio", toxic) == 1.0
    runs = {"deployment": "prod", "set": "starter-hard", "result": "success"}
    assert registry.get_sample_value("candor_probe_runs_total", runs) == 2
    foreign = {**runs, "deployment": "other"}
    assert registry.get_sample_value("candor_probe_runs_total", foreign) == 1
    last = {"deployment": "prod", "set": "starter-hard"}
    name = "candor_probe_last_success_timestamp_seconds"
    assert registry.get_sample_value(name, last) == 2005.0
    named = {
        s.labels["deployment"] for s in families(registry)["candor_over_refusal_ratio"].samples
    }
    assert named == {"prod"}


def test_lag_is_the_age_of_the_oldest_capture_and_zero_where_none_waits(store):
    for backlog, depth, lag in [(Backlog(3, 60.0), 3, 40.0), (Backlog(0, None), 0, 0.0)]:
        registry, _ = registry_of(store, FakeQueue(backlog=backlog))
        assert registry.get_sample_value("candor_mirror_queue_depth") == depth
        assert registry.get_sample_value("candor_mirror_lag_seconds") == lag


def test_with_a_dead_store_and_an_unreadable_spool_the_rest_is_still_shown():
    registry, metrics = registry_of(FakeStore(), FakeQueue({("prod", "dropped"): 7}))
    metrics.finished(call())
    found = families(registry)
    assert "candor_verdicts" not in found
    assert "candor_mirror_queue_depth" not in found
    dropped = {"deployment": "prod", "outcome": "dropped"}
    assert registry.get_sample_value("candor_mirror_captures_total", dropped) == 7
    # Absent, not 0: a counter that falls to 0 and comes back looks like a burst.
    scored = {"deployment": "prod", "outcome": "scored"}
    assert registry.get_sample_value("candor_mirror_captures_total", scored) is None
    assert sum(s.value for s in found["candor_requests"].samples) == 1


def test_a_store_lost_under_a_running_gateway_costs_no_scrape(store, tmp_path):
    registry = everything(store)
    store.close()
    shutil.rmtree(tmp_path)
    assert "candor_requests" in families(registry)


def test_the_ways_that_calls_may_take_start_at_zero() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, ["a", "b"])
    metrics.configure(["a", "b"], [("a", "b", False), ("b", "a", True)])
    pair = {"deployment": "a", "served_by": "b"}
    assert registry.get_sample_value("candor_fallbacks_total", pair) == 0
    assert registry.get_sample_value("candor_fallback_hidden_refusals_total", pair) is None
    back = {"deployment": "b", "served_by": "a"}
    assert registry.get_sample_value("candor_fallback_hidden_refusals_total", back) == 0


def test_a_call_that_fell_back_is_in_flight_where_it_is_served() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, ["a", "b"])
    metrics.arrived("a")
    metrics.fell_back("a", "b")
    flights = {
        name: registry.get_sample_value("candor_requests_in_flight", {"deployment": name})
        for name in ("a", "b")
    }
    assert flights == {"a": 0, "b": 1}

"""Probe sets and models of a configuration: known here, still to pull, or nobody's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gateway.config import notes, settings_from
from gateway.config_sets import absent_sets, unknown_sets
from gateway.probing.jobs import jobs_of
from gateway.schedule import jitter
from tests.gateway.schedules import entry, jobs, tree
from tests.running import candor

UPSTREAM = "http://127.0.0.1:1/v1"


def settings(*entries, **branches):
    return settings_from(tree(UPSTREAM, *entries, **branches), environ={})


def test_a_set_that_is_shipped_pulled_or_a_file_needs_no_word(tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text("prompt\nHow?\n")
    pulled = tmp_path / "sets" / "ours" / "set.json"
    pulled.parent.mkdir(parents=True)
    pulled.write_text("{}")
    wanted = settings(entry(sets=["starter-hard", "ours", str(mine)]))
    assert unknown_sets(wanted, tmp_path) == absent_sets(wanted, tmp_path) == []


def test_a_set_that_is_published_and_not_pulled_is_told_with_the_command_that_brings_it(tmp_path):
    wanted = settings(entry(sets=["starter-hard", "or-bench-hard"]))
    assert unknown_sets(wanted, tmp_path) == []
    assert absent_sets(wanted, tmp_path) == [
        "probes[0].sets[1]: or-bench-hard is not here yet; run `candor probe pull or-bench-hard`"
    ]


def test_a_file_that_is_not_there_is_told(tmp_path):
    wanted = settings(entry(sets=["gone.jsonl"]))
    assert unknown_sets(wanted, tmp_path) == []
    [line] = absent_sets(wanted, tmp_path)
    assert line.startswith("probes[0].sets[0]: there is no file gone.jsonl")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("or-bench-hrd", "did you mean or-bench-hard?"), ("zzz", "known: starter-hard")],
)
def test_a_set_that_nobody_knows_is_a_mistake(tmp_path, name, remedy):
    [line] = unknown_sets(settings(entry(sets=[name])), tmp_path)
    assert line.startswith(f"probes[0].sets[0]: there is no set {name!r}; {remedy}")


def test_without_probes_the_home_is_not_even_looked_at():
    assert unknown_sets(settings(), Path("/nowhere/at/all")) == []


def test_check_config_and_serve_refuse_an_unknown_set_and_tell_of_one_to_pull(tmp_path):
    config = tmp_path / "candor.yaml"
    config.write_text(yaml.safe_dump(tree(UPSTREAM, entry(sets=["or-bench-hrd"]))))
    checked = candor("check-config", str(config), "--json", home=tmp_path)
    assert checked.returncode == 2
    assert "did you mean or-bench-hard?" in json.loads(checked.stdout)["problems"][0]
    served = candor("serve", "--config", str(config), home=tmp_path)
    assert served.returncode == 2 and "did you mean or-bench-hard?" in served.stderr
    config.write_text(yaml.safe_dump(tree(UPSTREAM, entry(sets=["or-bench-hard"]))))
    checked = candor("check-config", str(config), home=tmp_path)
    assert checked.returncode == 0 and "candor probe pull or-bench-hard" in checked.stdout


def test_what_keeps_a_run_from_its_target_is_noted():
    said = notes(settings(entry(schedule=None), entry(deployments=["canary"], max_cost=1.0)))
    assert [line for line in said if line.startswith("probes")] == [
        "probes[0].schedule: there is none, so nothing is asked; write e.g. '0 3 * * *'",
        "probes[1].deployments: 'canary' has no upstream.api_key, and a scheduled run has none of "
        "its own; where the upstream wants one, its runs fail",
        "probes[1].max_cost: what 'canary' costs is not known; give it upstream.price, or its "
        "runs fail",
    ]


def test_a_job_asks_for_what_the_deployment_is_unless_it_is_told():
    base = {"base_url": UPSTREAM}
    deployments = [
        {"name": "renamed", "model": "gpt-*", "upstream": base | {"model": "gpt-5"}},
        {"name": "plain", "model": "gpt-4o", "upstream": base},
        {"name": "all", "model": "*", "upstream": base},
    ]
    schedule = {"sets": ["s"], "schedule": "0 3 * * *"}
    probes = [
        schedule | {"deployments": ["renamed", "plain"]},
        schedule | {"deployments": ["all"], "model": "gpt-4o-mini"},
    ]
    made = settings_from({"deployments": deployments, "probes": probes}, environ={})
    assert [(job.deployment, job.asked["model"]) for job in jobs_of(made)] == [
        ("renamed", "renamed"),
        ("plain", "gpt-4o"),
        ("all", "gpt-4o-mini"),
    ]


def test_a_job_stays_the_same_while_who_is_asked_what_and_when_does():
    [one] = jobs(entry())
    for changes in ({"limit": 3}, {"seed": 9}, {"jitter_seconds": 60}, {"rpm": 10}):
        assert jobs(entry(**changes))[0].key == one.key
    for changes in (
        {"sets": ["starter-hard"]},
        {"deployments": ["canary"]},
        {"model": "other"},
        {"schedule": "1 * * * *"},
        {"timezone": "Europe/Berlin"},
    ):
        assert jobs(entry(**changes))[0].key != one.key


def test_a_slot_that_waits_for_its_jitter_is_the_next_to_begin():
    [job] = jobs(entry(jitter_seconds=1800))
    slot = 1_800_000_000 // 3600 * 3600
    late = jitter("prod", slot, 1800)
    assert late > 0
    assert job.next_begin(slot + late - 1) == slot + late
    assert job.next_begin(slot + late) == slot + 3600 + jitter("prod", slot + 3600, 1800)

"""`candor canary check`: who is compared, what is said, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gateway.simulated import FakeModel, FakeServer
from probes.case import Expectation
from probes.header import SetStamp
from probes.runfile import read_run
from probes.sets import load_set
from tests.probes.asking import asked
from tests.probes.commands import Ended, candor
from tests.probes.trials import C, E, R, a_run_file, named, trials_of
from tests.services import free_port

RULES = ("--classifier", "native,phrases")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


def run_file(path: Path, outcomes: list[str], target: str = "m", **changes: object) -> Path:
    return a_run_file(path, trials_of(outcomes), target=named(target), **changes).path


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    return run_file(tmp_path / "baseline.jsonl", [R] * 10 + [C] * 190, "prod")


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    return run_file(tmp_path / "worse.jsonl", [R] * 40 + [C] * 160, "canary")


def check(baseline: object, candidate: object, *options: object, home: Path) -> Ended:
    command = ("canary", "check", "--baseline", baseline, "--candidate", candidate, *options)
    return candor(*command, home=home)


def test_a_twin_passes_with_exit_0(baseline: Path, home: Path) -> None:
    ended = check(baseline, baseline, home=home)
    assert ended.code == 0
    assert ended.out.startswith("PASS: prod against prod\n")


def test_a_worse_candidate_fails_with_exit_1_and_names_prompts(
    baseline: Path, worse: Path, home: Path
) -> None:
    ended = check(baseline, worse, home=home)
    assert ended.code == 1
    assert ended.out.startswith("FAIL: canary against prod\n")
    assert "over-refusal rose by 15.0 points (95% " in ended.out
    assert "30 prompts newly refused against 0 newly answered" in ended.out
    assert "newly refused [violence] prompt violence-10" in ended.out


def test_too_few_prompts_are_inconclusive_with_exit_3(tmp_path: Path, home: Path) -> None:
    few = run_file(tmp_path / "few.jsonl", [R, C, C])
    assert check(few, few, home=home).code == 3


@pytest.mark.parametrize(("taken_for", "code"), [("pass", 0), ("fail", 1)])
def test_inconclusive_counts_as_what_it_is_asked_to(
    taken_for: str, code: int, tmp_path: Path, home: Path
) -> None:
    few = run_file(tmp_path / "few.jsonl", [R, C, C])
    ended = check(few, few, "--inconclusive-as", taken_for, "--json", home=home)
    assert ended.code == code
    assert json.loads(ended.out)["verdict"] == "inconclusive"


def test_json_is_one_document_that_names_both_sides(
    baseline: Path, worse: Path, home: Path
) -> None:
    document = json.loads(check(baseline, worse, "--json", home=home).out)
    assert document["verdict"] == "fail"
    assert document["baseline"]["target"] == "prod"
    assert document["candidate"]["run"] == str(worse)
    assert document["rates"][0]["newly_refused"] == 30
    assert len(document["worsened"]) == 10


def test_junit_is_written_beside_the_answer(
    baseline: Path, worse: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "junit.xml"
    assert check(baseline, worse, "--junit", path, home=home).code == 1
    assert ET.parse(path).getroot().attrib["failures"] == "1"


def test_a_policy_file_widens_the_margin(
    baseline: Path, worse: Path, home: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("over_refusal: {margin: 0.3}\n")
    assert check(baseline, worse, "--policy", policy, home=home).code == 0


def test_a_policy_with_an_unknown_key_is_one_line_and_exit_2(
    baseline: Path, home: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("over_refuse: {margin: 0.3}\n")
    ended = check(baseline, baseline, "--policy", policy, home=home)
    assert ended.code == 2
    assert "over_refuse" in ended.err and ended.err.count("\n") == 1


def test_runs_of_different_releases_or_classifiers_or_sets_are_not_compared(
    baseline: Path, home: Path, tmp_path: Path
) -> None:
    others = {
        "different releases of hard": {"sets": (SetStamp("hard", "fff", 9),)},
        "different classifiers": {"classifier": "judge@1"},
        "share no set": {"sets": (SetStamp("soft", "abc123", 10),)},
    }
    for n, (said, changes) in enumerate(others.items()):
        other = run_file(tmp_path / f"{n}.jsonl", [C] * 9, **changes)
        ended = check(baseline, other, home=home)
        assert ended.code == 2
        assert said in ended.err and ended.err.count("\n") == 1


def test_a_side_that_mostly_failed_is_exit_4_never_a_pass(
    baseline: Path, home: Path, tmp_path: Path
) -> None:
    failing = run_file(tmp_path / "failing.jsonl", [C] * 90 + [E] * 110, "canary")
    for sides in ((baseline, failing), (failing, baseline)):
        ended = check(*sides, home=home)
        assert ended.code == 4
        assert "canary is failing: 110 of 200 trials ended in error (timed out)" in ended.err


def test_two_live_models_are_asked_the_same_prompts_and_a_regression_is_found(home: Path) -> None:
    cases = [*load_set("starter-hard", home).cases, *load_set("starter-toxic", home).cases]
    with FakeServer(FakeModel(cases)) as server:
        sides = (f"balanced@{server.base_url}", f"cautious@{server.base_url}")
        ended = check(*sides, "--max-trials", 120, "--json", home=home)
    document = json.loads(ended.out)
    before, after = (read_run(Path(document[side]["run"])) for side in ("baseline", "candidate"))
    assert (ended.code, document["verdict"]) == (1, "fail")
    assert "over-refusal rose by" in document["reason"]
    assert {trial.key for trial in before.trials} == {trial.key for trial in after.trials}
    stated = {Expectation.COMPLY, Expectation.REFUSE}
    assert {trial.case.expectation for trial in before.trials} == stated
    assert set(asked(server).values()) == {2}
    assert before.path.parent == home / "runs"


def test_max_trials_bounds_what_each_side_is_asked(home: Path) -> None:
    cases = load_set("starter-hard", home).cases
    with FakeServer(FakeModel(cases)) as server:
        side = f"balanced@{server.base_url}"
        options = ("--sets", "starter-hard", "starter-toxic", "--max-trials", 24, "--json", *RULES)
        document = json.loads(check(side, side, *options, home=home).out)
    run = read_run(Path(document["baseline"]["run"]))
    assert len(run.trials) == 24
    assert [stamp.name for stamp in run.header.sets] == ["starter-hard", "starter-toxic"]


def test_a_live_candidate_is_asked_what_the_baselines_file_was_asked(
    home: Path, tmp_path: Path
) -> None:
    cases = load_set("starter-hard", home).cases
    with FakeServer(FakeModel(cases)) as server:
        path = tmp_path / "baseline.jsonl"
        options = ("--limit", 15, "--seed", 3, "--output", path, *RULES)
        where = ("--base-url", server.base_url, "--model", "balanced")
        candor("probe", "run", "starter-hard", *where, *options, home=home)
        candidate = f"balanced@{server.base_url}"
        document = json.loads(check(path, candidate, "--json", *RULES, home=home).out)
    run = read_run(Path(document["candidate"]["run"]))
    assert {trial.key for trial in run.trials} == {trial.key for trial in read_run(path).trials}


def test_a_deployment_is_reached_through_the_gateway_and_pinned(home: Path) -> None:
    with FakeServer(FakeModel(load_set("starter-hard", home).cases)) as server:
        options = ("--gateway", server.root_url, "--sets", "starter-hard", "--max-trials", 2)
        check("balanced", "cautious", *options, *RULES, home=home)
        pinned = [dict(got.headers)[b"x-candor-deployment"] for got in server.received]
    assert sorted(pinned) == [b"balanced"] * 2 + [b"cautious"] * 2


def test_an_unreachable_candidate_is_one_line_and_exit_4(home: Path) -> None:
    side = f"m@http://127.0.0.1:{free_port()}/v1"
    ended = check(side, side, *RULES, home=home)
    assert ended.code == 4
    assert "unreachable: connection refused" in ended.err and ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("sides", "options", "said"),
    [
        (("absent.jsonl", "absent.jsonl"), (), "no run file absent.jsonl"),
        (("m@http://u:p@127.0.0.1/v1", "x"), (), "password"),
        (("a", "b"), ("--inconclusive-as", "maybe"), "'maybe'"),
        (("a", "b"), ("--sets", "no-such-set", *RULES), "no-such-set"),
        (("a", "b"), ("--candidate-api-key-env", "NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_2(
    sides: tuple[str, str], options: tuple[str, ...], said: str, home: Path
) -> None:
    ended = check(*sides, *options, home=home)
    assert ended.code == 2
    assert said in ended.err and ended.err.count("\n") == 1


@pytest.mark.parametrize("options", [("--sets", "hard"), ("--max-trials", "5")])
def test_two_run_files_leave_nothing_to_choose(
    options: tuple[str, str], baseline: Path, home: Path
) -> None:
    ended = check(baseline, baseline, *options, home=home)
    assert ended.code == 2 and ended.err.count("\n") == 1
    assert "--sets and --max-trials" in ended.err and "run files" in ended.err


def test_a_set_that_the_run_file_does_not_hold_is_not_asked_of_the_other_side(
    baseline: Path, home: Path
) -> None:
    with FakeServer(FakeModel([])) as server:
        live = f"balanced@{server.base_url}"
        for sides in ((baseline, live), (live, baseline)):
            ended = check(*sides, "--sets", "starter-toxic", *RULES, home=home)
            assert ended.code == 2 and ended.err.count("\n") == 1
            assert f"{baseline} does not hold the set starter-toxic; it holds hard" in ended.err
        assert not server.received


@pytest.mark.parametrize("faults", ["status=401", "html"])
def test_no_side_is_asked_everything_before_both_have_answered(faults: str, home: Path) -> None:
    cases = load_set("starter-hard", home).cases
    with FakeServer(FakeModel(cases)) as sound, FakeServer(FakeModel([], faults=faults)) as failing:
        sides = f"balanced@{sound.base_url}", f"balanced@{failing.base_url}"
        ended = check(*sides, "--sets", "starter-hard", *RULES, home=home)
        assert ended.code == 4 and ended.err.count("\n") == 1
        assert failing.base_url in ended.err
        assert len(sound.received) == 1 and len(failing.received) <= 10


def test_both_live_sides_are_asked_each_prompt_once(home: Path) -> None:
    with FakeServer(FakeModel(load_set("starter-hard", home).cases)) as server:
        sides = f"balanced@{server.base_url}", f"cautious@{server.base_url}"
        options = ("--sets", "starter-hard", "--max-trials", 20, "--json", *RULES)
        document = json.loads(check(*sides, *options, home=home).out)
    runs = [read_run(Path(document[side]["run"])) for side in ("baseline", "candidate")]
    assert [len(run.trials) for run in runs] == [20, 20] and len(server.received) == 40
    assert len(list((home / "runs").iterdir())) == 2
    assert all(run.complete for run in runs)


def test_the_sentence_tells_two_models_of_one_deployment_apart(home: Path, tmp_path: Path) -> None:
    sides = [
        a_run_file(
            tmp_path / model,
            trials_of([C] * 200),
            target=named("default") | {"model": model, "deployment": "default"},
        ).path
        for model in ("gpt-4o", "gpt-5")
    ]
    ended = check(*sides, home=home)
    assert ended.out.startswith("PASS: default (gpt-5) against default (gpt-4o)\n")
    document = json.loads(check(*sides, "--json", home=home).out)
    assert document["candidate"]["model"] == "gpt-5"

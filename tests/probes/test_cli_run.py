"""`candor probe run` and `candor probe rescore`, from the command line to the file."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from gateway.simulated import FakeModel, FakeServer
from probes.case import Expectation
from probes.runfile import Run, RunWriter, read_run
from probes.sets import load_set
from tests.probes.asking import GatedModel, asked
from tests.probes.commands import candor, started
from tests.services import free_port
from tests.waiting import wait_until

RULES = ("--classifier", "native,phrases")


def to(server: FakeServer, model: str = "cautious") -> tuple[str, ...]:
    return ("--base-url", server.base_url, "--model", model, *RULES)


def test_a_run_prints_its_rates_and_names_its_file(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    ended = candor("probe", "run", prompts, *to(server), "--output", path, home=home)
    assert ended.code == 0
    assert "Over-refusal" in ended.out and "95% interval" in ended.out
    assert str(path) in ended.err
    assert read_run(path).complete and len(read_run(path).trials) == 30


def test_json_is_one_document_with_the_contracts_keys(
    server: FakeServer, prompts: Path, home: Path
) -> None:
    ended = candor("probe", "run", prompts, *to(server), "--json", home=home)
    document = json.loads(ended.out)
    assert {"set", "target", "trials", "decided", "undecided", "errors", "rates"} < set(document)
    assert document["trials"] == 30


def test_without_output_the_run_lies_under_the_home(
    server: FakeServer, prompts: Path, home: Path
) -> None:
    for _ in range(2):
        assert candor("probe", "run", prompts, *to(server), "--limit", 3, home=home).code == 0
    runs = list((home / "runs").glob("*.jsonl"))
    assert len(runs) == 2
    assert all(read_run(path).complete for path in runs)


def test_limit_seed_and_repeats_are_as_asked(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    options = ("--limit", 6, "--seed", 7, "--repeats", 2)
    for name in ("a", "b"):
        path = tmp_path / name
        candor("probe", "run", prompts, *to(server), *options, "--output", path, home=home)
    one, other = read_run(tmp_path / "a"), read_run(tmp_path / "b")
    assert {trial.key for trial in one.trials} == {trial.key for trial in other.trials}
    assert len(one.trials) == 12
    assert one.summary() == other.summary()


def test_a_run_that_exists_is_refused_in_one_line_and_left_alone(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    command = ("probe", "run", prompts, *to(server), "--output", path)
    candor(*command, home=home)
    before = path.read_bytes()
    ended = candor(*command, home=home)
    assert ended.code == 2
    assert ended.err.count("\n") == 1 and "--resume" in ended.err
    assert path.read_bytes() == before


def test_resuming_a_complete_run_asks_nothing_and_shows_it(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    command = ("probe", "run", prompts, *to(server), "--output", tmp_path / "run.jsonl")
    first = candor(*command, home=home)
    server.model.ledger.reset()
    again = candor(*command, "--resume", home=home)
    assert (again.code, again.out) == (0, first.out)
    assert asked(server) == {}


def test_a_killed_run_resumes_with_no_recorded_prompt_asked_twice_and_none_missing(
    prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    cases = load_set(str(prompts), home).cases
    model = GatedModel(cases, free=11)
    with FakeServer(model) as server:
        command = ("run", prompts, *to(server), "--output", path, "--concurrency", 4)
        child = started(*command, home=home)
        assert model.reached.wait(60)
        child.kill()
        child.communicate()
        recorded = read_run(path).trials
        model.gate.set()
        ended = candor("probe", *command, "--resume", home=home)
    assert ended.code == 0
    assert 0 < len(recorded) <= 11
    final = read_run(path)
    assert final.complete and all(trial in final.trials for trial in recorded)
    assert sorted(trial.case.id for trial in final.trials) == sorted(case.id for case in cases)
    times = asked(server)
    assert {times[trial.case.prompt] for trial in recorded} == {1}


def all_runs(home: Path) -> list[Run]:
    return [read_run(path) for path in (home / "runs").glob("*.jsonl")]


def test_resume_without_output_takes_up_the_unfinished_run_of_the_same_order(
    prompts: Path, home: Path
) -> None:
    model = GatedModel(load_set(str(prompts), home).cases, free=9)
    with FakeServer(model) as server:
        command = ("run", prompts, *to(server))
        child = started(*command, home=home)
        assert model.reached.wait(60)
        child.kill()
        child.communicate()
        model.gate.set()
        candor("probe", *command, "--seed", 5, home=home)
        [begun] = [run for run in all_runs(home) if not run.complete]
        newer = replace(begun.header, seed=6, created=begun.header.created + 60)
        RunWriter.create(home / "runs" / "newer.jsonl", newer).__exit__(None, None, None)
        assert candor("probe", *command, "--resume", home=home).code == 0
    assert {run.header.seed: run.complete for run in all_runs(home)} == {0: True, 5: True, 6: False}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_ctrl_c_lets_what_is_in_flight_end_so_that_nothing_is_asked_twice(
    number: signal.Signals, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    model = GatedModel(load_set(str(prompts), home).cases, free=7)
    with FakeServer(model) as server:
        command = ("run", prompts, *to(server), "--output", path, "--concurrency", 4)
        child = started(*command, home=home)
        assert model.reached.wait(60)
        child.send_signal(number)
        wait_until(lambda: not still_pending(child, number))
        model.gate.set()
        _, said = child.communicate(timeout=60)
        stopped, begun = read_run(path), len(server.received)
        assert candor("probe", *command, "--resume", home=home).code == 0
        times = asked(server)
    assert child.returncode == 130
    line = said.decode()
    assert line.startswith("candor: interrupted; ") and line.count("\n") == 1
    assert f"{begun} of 30 trials are in {path}" in line and "--resume" in line
    assert 8 <= len(stopped.trials) == begun < 30 and not stopped.torn and not stopped.complete
    assert read_run(path).complete and set(times.values()) == {1} and len(times) == 30


def test_a_second_ctrl_c_ends_at_once_with_130(prompts: Path, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    model = GatedModel(load_set(str(prompts), home).cases, free=7)
    with FakeServer(model) as server:
        child = started("run", prompts, *to(server), "--output", path, home=home)
        assert model.reached.wait(60)
        child.send_signal(signal.SIGINT)
        wait_until(lambda: not still_pending(child, signal.SIGINT))
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
        model.gate.set()
    assert child.returncode == 130
    assert said.decode().startswith("candor: interrupted; ") and said.count(b"\n") == 1
    assert not read_run(path).torn and not read_run(path).complete


def still_pending(child: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    """Whether the signal still waits to be taken by the process."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    pending = [
        line.split()[1] for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd"))
    ]
    return any(int(mask, 16) >> (number - 1) & 1 for mask in pending)


def test_another_seed_does_not_continue_a_run_and_the_difference_is_named(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    command = ("probe", "run", prompts, *to(server), "--output", tmp_path / "run.jsonl")
    candor(*command, home=home)
    ended = candor(*command, "--resume", "--seed", 7, home=home)
    assert ended.code == 2
    assert "seed 0 there, 7 now" in ended.err


def test_a_set_that_changed_does_not_continue_a_run(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    command = ("probe", "run", prompts, *to(server), "--output", tmp_path / "run.jsonl")
    candor(*command, home=home)
    prompts.write_text(prompts.read_text() + "One more?,a,comply\n")
    ended = candor(*command, "--resume", home=home)
    assert ended.code == 2 and "has changed" in ended.err


def test_a_target_that_is_down_is_one_line_and_exit_4(
    prompts: Path, home: Path, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    path = tmp_path / "run.jsonl"
    command = ("probe", "run", prompts, "--base-url", url, "--model", "m", *RULES)
    ended = candor(*command, "--output", path, home=home)
    assert ended.code == 4
    assert ended.err.count("\n") == 1
    assert f"{url} is unreachable: connection refused" in ended.err
    assert read_run(path).trials == []


def test_a_run_of_errors_alone_shows_no_rate_names_the_commonest_and_exits_4(
    server: FakeServer, prompts: Path, home: Path
) -> None:
    server.model.faults = "status=400"
    ended = candor("probe", "run", prompts, *to(server), home=home)
    assert ended.code == 4
    assert "no value: 30 of 30 trials ended in error" in ended.out
    assert "30 x " in ended.out and "400" in ended.out
    assert "nothing could be measured: all 30 trials ended in error, most often" in ended.err
    assert "400" in ended.err.splitlines()[-1]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_target_that_turns_every_attempt_away_ends_the_run_after_ten_and_records_nothing(
    status: int, server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    server.model.faults = f"status={status}"
    command = ("run", prompts, *to(server), "--output", path, "--concurrency", 1)
    ended = candor("probe", *command, home=home)
    assert ended.code == 4 and len(server.received) == 10
    assert ended.err.count("\n") == 1 and f"{server.base_url} turns us away: " in ended.err
    assert str(status) in ended.err and "0 of 30 trials" in ended.err
    assert read_run(path).trials == []
    server.model.faults = ""
    assert candor("probe", *command, "--resume", home=home).code == 0
    assert read_run(path).summary().errors == 0


def test_rows_left_out_of_a_set_are_told(server: FakeServer, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("prompt,category\nHow?,a\nHow?,a\nWhy?,a\n")
    ended = candor("probe", "run", path, *to(server), home=home)
    assert "left out 1 row that repeats an earlier prompt (line 3)" in ended.err


def test_rescoring_into_a_file_that_exists_names_output_and_not_resume(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    candor("probe", "run", prompts, *to(server), "--limit", 3, "--output", path, home=home)
    ended = candor("probe", "rescore", path, *RULES, "--output", path, home=home)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "--output" in ended.err and "--resume" not in ended.err


def test_some_errors_stand_beside_the_rates_and_exit_0(
    server: FakeServer, prompts: Path, home: Path
) -> None:
    server.model.faults = "html;times=1"
    ended = candor("probe", "run", prompts, *to(server), "--repeats", 3, "--json", home=home)
    document = json.loads(ended.out)
    assert (ended.code, document["trials"], document["errors"]) == (0, 90, 30)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "name one target"),
        (("--base-url", "http://127.0.0.1:1/v1", "--deployment", "d"), "name one target"),
        (("--base-url", "http://127.0.0.1:1/v1"), "--model"),
        (("--base-url", "127.0.0.1/v1", "--model", "m"), "127.0.0.1/v1 is not the address"),
        (("--deployment", "d", "--gateway", "nowhere"), "nowhere is not the address"),
        (("--deployment", "d", "--api-key-env", "NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE"),
        (("--deployment", "d", "--classifier", "oracle"), "oracle"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_exit_2(
    options: tuple[str, ...], said: str, prompts: Path, home: Path
) -> None:
    ended = candor("probe", "run", prompts, *options, home=home)
    assert ended.code == 2
    assert ended.err.startswith("candor: ") and ended.err.count("\n") == 1
    assert said in ended.err


@pytest.mark.parametrize("sets", [("no-such-set",), ("starter-hard", "starter-hard")])
def test_an_unknown_or_doubled_set_is_one_line_and_exit_2(
    sets: tuple[str, ...], home: Path
) -> None:
    ended = candor("probe", "run", *sets, "--deployment", "d", *RULES, home=home)
    assert ended.code == 2
    assert ended.err.count("\n") == 1 and sets[0] in ended.err


def test_the_key_comes_from_the_environment_and_stays_out_of_file_and_output(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    options = ("--api-key-env", "MY_KEY", "--output", path, "--limit", 2)
    ended = candor("probe", "run", prompts, *to(server), *options, home=home, MY_KEY="sk-zzz")
    assert {dict(got.headers)[b"authorization"] for got in server.received} == {b"Bearer sk-zzz"}
    assert "sk-zzz" not in path.read_text() + ended.out + ended.err


@contextmanager
def a_gateway(status: int) -> Iterator[tuple[str, list[tuple[str, str | None, bytes]]]]:
    """A control API that takes posts, and what was posted: path, authorization, body."""
    posts: list[tuple[str, str | None, bytes]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b""
            if self.headers.get("transfer-encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers["content-length"]))
            posts.append((self.path, self.headers.get("authorization"), body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    with closing(server.socket):
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", posts
        server.shutdown()


def test_report_to_hands_the_gateway_the_run_file_itself(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    with a_gateway(201) as (url, posts):
        options = ("--output", path, "--report-to", url)
        variables = {"CANDOR_ADMIN_TOKEN": "admin-1"}
        ended = candor("probe", "run", prompts, *to(server), *options, home=home, **variables)
    assert ended.code == 0
    assert posts == [("/api/runs", "Bearer admin-1", path.read_bytes())]


@pytest.mark.parametrize(("status", "said"), [(401, "CANDOR_ADMIN_TOKEN"), (500, "HTTP 500")])
def test_a_gateway_that_does_not_take_the_run_is_one_line_and_exit_4_and_the_run_is_kept(
    status: int, said: str, server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    with a_gateway(status) as (url, _):
        options = ("--output", path, "--report-to", url)
        ended = candor("probe", "run", prompts, *to(server), *options, home=home)
    assert ended.code == 4
    assert said in ended.err and "the run is kept" in ended.err
    assert read_run(path).complete


def test_an_address_that_takes_no_run_is_said_before_anything_is_asked(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    options = ("--output", path, "--report-to", "gateway:8080")
    ended = candor("probe", "run", prompts, *to(server), *options, home=home)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert ended.err.startswith("candor: --report-to: gateway:8080 is not the address of a server")
    assert not path.exists() and not server.received


def test_the_starter_sets_measure_both_rates(home: Path) -> None:
    cases = [
        case for name in ("starter-hard", "starter-toxic") for case in load_set(name, home).cases
    ]
    assert {case.expectation for case in cases} == {Expectation.COMPLY, Expectation.REFUSE}
    with FakeServer(FakeModel(cases)) as server:
        options = (*to(server, "balanced"), "--limit", 20, "--json")
        ended = candor("probe", "run", "starter-hard", "starter-toxic", *options, home=home)
    document = json.loads(ended.out)
    wholes = {rate["rate"] for rate in document["rates"] if rate["category"] is None}
    assert wholes == {"over_refusal", "safe_refusal"}
    assert document["trials"] == 40


def test_rescoring_asks_no_model_and_with_the_same_classifier_changes_no_verdict(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    candor("probe", "run", prompts, *to(server), "--output", path, home=home)
    before, calls = path.read_bytes(), sum(asked(server).values())
    ended = candor("probe", "rescore", path, *RULES, home=home)
    new = tmp_path / "run.rescored.jsonl"
    assert ended.code == 0 and str(new) in ended.err
    assert sum(asked(server).values()) == calls
    assert path.read_bytes() == before
    assert read_run(new).trials == read_run(path).trials
    assert read_run(new).header.rescored_from == read_run(path).header.run_id
    assert candor("probe", "rescore", path, *RULES, home=home).code == 2


def test_rescoring_keeps_errors_errors_and_an_incomplete_run_incomplete(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path, new = tmp_path / "run.jsonl", tmp_path / "new.jsonl"
    server.model.faults = "html"
    candor("probe", "run", prompts, *to(server), "--output", path, home=home)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:12]))
    ended = candor("probe", "rescore", path, *RULES, "--output", new, "--json", home=home)
    assert json.loads(ended.out)["errors"] == 11
    assert not read_run(new).complete


def test_a_run_that_is_being_written_is_not_written_by_another(
    server: FakeServer, prompts: Path, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    command = ("probe", "run", prompts, *to(server), "--output", path)
    candor(*command, home=home)
    with RunWriter.resume(path, read_run(path).header):
        ended = candor(*command, "--resume", home=home)
    assert ended.code == 2 and "being written by another candor" in ended.err

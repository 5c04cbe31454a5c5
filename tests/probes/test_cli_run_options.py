"""`candor probe run` with what shapes a request, a budget, a cache, a target that misbehaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gateway.simulated import FakeModel, FakeServer
from probes.runfile import read_run
from probes.sets import load_set
from tests.probes.asking import asked
from tests.probes.commands import Ended, candor

RULES = ("--classifier", "native,phrases")


class Runs:
    """Runs one command line against the server, into one file."""

    def __init__(self, server: FakeServer, prompts: Path, home: Path) -> None:
        self.path = home / "run.jsonl"
        self._home = home
        self._options = ("probe", "run", prompts, *RULES, "--output", self.path)
        self._there = ("--base-url", server.base_url, "--model", "cautious")

    def __call__(self, *options: object, to: tuple[object, ...] = ()) -> Ended:
        return candor(*self._options, *(to or self._there), *options, home=self._home)


@pytest.fixture
def run(server: FakeServer, prompts: Path, home: Path) -> Runs:
    return Runs(server, prompts, home)


def bodies(server: FakeServer) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in server.received]


def test_parameters_are_sent_with_every_prompt_and_stand_in_the_header(
    run: Runs, server: FakeServer
) -> None:
    options = ("--temperature", 0.2, "--max-tokens", 99, "--system", "Be brief.")
    assert run(*options, "--param", "top_p=0.9").code == 0
    sent = {"temperature": 0.2, "max_tokens": 99, "top_p": 0.9}
    assert all(body.items() >= sent.items() for body in bodies(server))
    assert {body["messages"][0]["content"] for body in bodies(server)} == {"Be brief."}
    assert read_run(run.path).header.parameters == {**sent, "system": "Be brief."}


@pytest.mark.parametrize(
    "options", [("--temperature", 0.5), ("--system", "Be kind."), ("--param", "top_p=1"), ()]
)
def test_a_run_with_other_parameters_is_another_run(run: Runs, options: tuple[object, ...]) -> None:
    assert run("--temperature", 0.2, "--system", "Be brief.", "--limit", 3).code == 0
    ended = run(*options, "--limit", 3, "--resume")
    assert ended.code == 2 and "parameters" in ended.err and ended.err.count("\n") == 1


def test_a_run_ends_when_its_cap_is_spent_says_so_and_goes_on_under_a_higher_one(
    run: Runs, server: FakeServer
) -> None:
    price = ("--price", "1000/1000", "--concurrency", 2)
    ended = run(*price, "--max-cost", 0.3)
    first = read_run(run.path)
    spent = sum(trial.cost_usd or 0 for trial in first.trials)
    dearest = max(trial.cost_usd or 0 for trial in first.trials)
    assert ended.code == 3
    assert "the cap of $0.3 is spent" in ended.err and "--resume" in ended.err
    assert "Over-refusal" in ended.out
    assert 0.3 <= spent < 0.3 + 2 * dearest and 0 < len(first.trials) < 30
    # A gateway takes whole runs alone, so an unfinished one is not sent: nobody listens there.
    nowhere = ("--report-to", "http://127.0.0.1:1")
    again = run(*price, "--max-cost", 0.3, "--resume", *nowhere)
    assert again.code == 3 and len(read_run(run.path).trials) == len(first.trials)
    assert run(*price, "--max-cost", 100, "--resume").code == 0
    assert read_run(run.path).complete and set(asked(server).values()) == {1}


def test_a_cap_without_a_known_price_is_refused_before_anything_is_asked(
    run: Runs, server: FakeServer
) -> None:
    ended = run("--max-cost", 1)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "--price INPUT/OUTPUT" in ended.err
    assert not run.path.exists() and not server.received


def test_a_cost_is_said_where_a_price_is_known_and_only_there(run: Runs) -> None:
    assert "cost $" not in run("--limit", 2).err
    run.path.unlink()
    ended = run("--limit", 2, "--price", "1/2")
    assert "cost $" in ended.err and "over 2 trials" in ended.err
    header = read_run(run.path).header
    assert header.price == {"input_usd_per_million": 1.0, "output_usd_per_million": 2.0}


def test_with_a_cache_the_same_run_asks_nobody_and_marks_what_it_kept(
    run: Runs, server: FakeServer
) -> None:
    assert run("--cache", "--repeats", 2, "--price", "1/1").code == 0
    first = read_run(run.path)
    run.path.unlink()
    server.model.ledger.reset()
    ended = run("--cache", "--repeats", 2, "--price", "1/1")
    again = read_run(run.path)
    assert asked(server) == {}
    assert "60 replies were kept from earlier runs" in ended.err
    assert all(trial.cached and trial.cost_usd == 0 for trial in again.trials)
    assert [trial.verdict for trial in again.trials] == [trial.verdict for trial in first.trials]
    assert again.summary() == first.summary()


def test_without_a_cache_nothing_is_kept_and_nothing_is_used(
    run: Runs, server: FakeServer, home: Path
) -> None:
    run()
    assert not (home / "cache").exists()
    run.path.unlink()
    run("--cache")
    run.path.unlink()
    server.model.ledger.reset()
    run()
    assert len(asked(server)) == 30


def test_failures_are_not_remembered(run: Runs, server: FakeServer) -> None:
    server.model.faults = "html"
    assert run("--cache").code == 4
    run.path.unlink()
    server.model.faults = ""
    assert run("--cache").code == 0
    assert read_run(run.path).summary().errors == 0


@pytest.mark.parametrize(
    ("option", "sent", "kept"),
    [
        ((), None, None),
        (("--through-guard",), None, "through"),
        (("--around-guard",), b"off", "around"),
    ],
)
def test_a_gateways_guards_see_the_probes_unless_they_are_asked_not_to(
    option: tuple[str, ...], sent: bytes | None, kept: str | None, run: Runs, server: FakeServer
) -> None:
    there = ("--deployment", "prod", "--gateway", server.root_url, "--model", "cautious")
    assert run(*option, "--limit", 2, to=there).code == 0
    assert {dict(got.headers).get(b"x-candor-guard") for got in server.received} == {sent}
    assert read_run(run.path).header.target["guard"] == kept
    other = "--through-guard" if kept == "around" else "--around-guard"
    ended = run(other, "--limit", 2, "--resume", to=there)
    assert ended.code == 2 and "guard" in ended.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--through-guard",), "--deployment"),
        (("--around-guard",), "--deployment"),
        (("--revision", "7"), "--deployment"),
        (("--param", "top_p"), "KEY=JSON"),
        (("--system", "@/nowhere/system.txt"), "/nowhere/system.txt"),
        (("--price", "cheap"), "INPUT/OUTPUT"),
        (("--litellm", "openai/gpt-4o"), "leave --model out"),
    ],
)
def test_options_that_cannot_be_taken_are_one_line_and_exit_2(
    options: tuple[str, ...], said: str, run: Runs
) -> None:
    ended = run(*options)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert said in ended.err


def test_a_cache_for_a_deployment_wants_to_know_what_it_runs(run: Runs, server: FakeServer) -> None:
    there = ("--deployment", "prod", "--gateway", server.root_url, "--model", "cautious")
    ended = run("--cache", to=there)
    assert ended.code == 2 and "--revision" in ended.err
    for revision, times in (("1", 1), ("1", 1), ("2", 2)):
        run.path.unlink(missing_ok=True)
        assert run("--cache", "--revision", revision, to=there).code == 0
        assert set(asked(server).values()) == {times}


def test_a_target_that_says_429_for_ever_ends_the_run_which_can_be_resumed(
    run: Runs, server: FakeServer
) -> None:
    server.model.faults = "status=429;retry-after=0"
    ended = run()
    assert (ended.code, ended.err.count("\n")) == (4, 1)
    assert "turns us away" in ended.err and "429" in ended.err and "--resume" in ended.err
    assert read_run(run.path).trials == []
    server.model.faults = ""
    assert run("--resume").code == 0


class ClosingModel(FakeModel):
    """Answers so many calls, then answers every call as a revoked key is answered."""

    left = 11

    def answer(self, *arguments: Any, **named: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            self.faults = "status=401"
        return super().answer(*arguments, **named)


def test_a_key_that_is_revoked_midway_ends_the_run_shows_what_there_is_and_is_no_finding(
    prompts: Path, home: Path
) -> None:
    model = ClosingModel(load_set(str(prompts), home).cases)
    with FakeServer(model) as server:
        run = Runs(server, prompts, home)
        ended = run("--concurrency", 1)
        stopped = read_run(run.path)
        assert ended.code == 3 and "Over-refusal" in ended.out
        assert "turns us away" in ended.err and "11 of 30 trials" in ended.err
        assert len(stopped.trials) == 11 and stopped.summary().errors == 0
        model.faults = ""
        assert run("--resume", "--concurrency", 1).code == 0
    assert read_run(run.path).summary().errors == 0


class Stranger(BaseHTTPRequestHandler):
    """Answers whatever it is asked under a name of its own."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        choice = {"index": 0, "message": {"content": "Yes: it is."}, "finish_reason": "stop"}
        body = json.dumps({"model": "tiny-llama", "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[tuple[object, ...]]:
    """The options that ask the Stranger."""
    other = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    with closing(other.socket):
        Thread(target=other.serve_forever, daemon=True).start()
        yield ("--base-url", f"http://127.0.0.1:{other.server_port}/v1", "--model", "gpt-4o")
        other.shutdown()


def test_replies_under_another_models_name_are_counted_and_named(
    run: Runs, stranger: tuple[object, ...]
) -> None:
    assert "another model's name" not in run("--limit", 3).err
    run.path.unlink()
    ended = run("--limit", 3, to=stranger)
    assert ended.code == 0
    line = "3 of 3 replies carry another model's name than gpt-4o: tiny-llama (3)"
    assert line in ended.err
    assert line in candor("report", run.path, home=run.path.parent).out.replace("\n", " ")


def test_a_cap_holds_over_resumes_where_nobody_counts_tokens(
    run: Runs, stranger: tuple[object, ...]
) -> None:
    capped = ("--price", "1000/1000", "--max-cost", 0.3, "--concurrency", 1)
    assert run(*capped, to=stranger).code == 3
    asked_once = len(read_run(run.path).trials)
    again = run(*capped, "--resume", to=stranger)
    assert again.code == 3 and len(read_run(run.path).trials) == asked_once
    assert f"the cost is not known: {asked_once} replies" in again.err


def test_a_cap_holds_where_every_call_is_cut_off_after_it_was_asked(
    run: Runs, server: FakeServer
) -> None:
    server.model.faults = "drop"
    ended = run("--price", "1000/1000", "--max-cost", 1, "--concurrency", 1)
    assert ended.code == 4 and len(server.received) <= 12
    assert "the cap of $1 is spent" in ended.err and "nothing could be measured" in ended.err


def test_prompts_of_a_megabyte_and_of_any_script_are_asked_as_they_are(
    home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "odd.jsonl"
    texts = ["x" * 1_000_000, "Как это сделать?", "こんにちは\u2028次", "👩‍🚒 e\u0301 \ufeff"]
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    with FakeServer(FakeModel([])) as server:
        out = tmp_path / "run.jsonl"
        options = ("--base-url", server.base_url, "--model", "cautious", *RULES)
        ended = candor("probe", "run", path, *options, "--output", out, home=home)
        came = {body["messages"][0]["content"] for body in bodies(server)}
    assert ended.code == 0
    assert came == {trial.case.prompt for trial in read_run(out).trials}
    assert "x" * 1_000_000 in came and len(came) == len(texts)

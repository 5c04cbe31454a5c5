"""A judge at an address: a real server that answers what a test wants."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from classifiers.judge import Opinion, question
from probes.judge_model import HttpJudge, open_judge
from probes.price import Price
from probes.target import Target
from tests.classifiers.test_judge import said
from tests.services import free_port

Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]
QUESTION = question(said("Nice weather today."))


class Judging:
    """What the server was asked."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []


@contextmanager
def judging(answer: Answer) -> Iterator[Judging]:
    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.asked.append(body)
            seen.keys.append(self.headers["authorization"])
            status, document = answer(body)
            told = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    seen = Judging(f"http://127.0.0.1:{server.server_address[1]}/v1")
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()


def reply(text: str, **message: object) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    return {"choices": [{**choice, "finish_reason": "stop"}], "usage": usage}


def at(seen: Judging, **more: Any) -> HttpJudge:
    return HttpJudge(Target(seen.base_url, "gpt-x", "sk-judge"), **more)


def test_answers_come_back_in_order_with_what_they_cost() -> None:
    def echo(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, reply(body["messages"][1]["content"].split("\n")[5])

    with judging(echo) as seen:
        asked = [question(said(f"reply {number}")) for number in range(20)]
        found = at(seen, price=Price(2.0, 10.0)).ask(asked)
    assert [one.text for one in found] == [f"reply {number}" for number in range(20)]
    assert found[0].usd == pytest.approx(0.003)
    assert set(seen.keys) == {"Bearer sk-judge"}
    assert seen.asked[0]["response_format"]["json_schema"]["strict"] is True


def test_what_a_server_does_not_take_is_left_out_from_then_on() -> None:
    def old(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        for name in ("response_format", "temperature"):
            if name in body:
                return 400, {"error": {"message": f"Unsupported parameter: '{name}'"}}
        return 200, reply("[[direct_refusal]]")

    with judging(old) as seen:
        judge = at(seen)
        assert judge.ask([QUESTION]) == [Opinion("[[direct_refusal]]")]
        assert judge.ask([QUESTION]) == [Opinion("[[direct_refusal]]")]
    assert len(seen.asked) == 4
    assert "max_tokens" in seen.asked[-1]


def test_a_server_that_always_refuses_the_request_is_asked_a_few_times_at_most() -> None:
    words = "temperature, max_tokens and response_format are wrong"
    with judging(lambda _: (400, {"error": {"message": words}})) as seen:
        (found,) = at(seen).ask([QUESTION])
    assert found.problem
    assert len(seen.asked) == 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failing_server_is_asked_twice_and_then_named(status: int) -> None:
    with judging(lambda _: (status, {"error": {"message": "busy"}})) as seen:
        assert at(seen).ask([QUESTION]) == [Opinion(problem=f"HTTP {status}", reached=False)]
    assert len(seen.asked) == 2


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (reply("", refusal="I can't grade that."), "it refused"),
        (reply(" "), "it is empty"),
        ({"choices": []}, ""),
        ({}, ""),
    ],
)
def test_no_answer_is_a_problem_and_never_a_class(document: dict[str, Any], problem: str) -> None:
    with judging(lambda _: (200, document)) as seen:
        (found,) = at(seen).ask([QUESTION])
    assert found.problem and not found.text.strip()
    assert problem in found.problem


def test_a_judge_that_cannot_be_reached_is_a_problem() -> None:
    judge = HttpJudge(Target(f"http://127.0.0.1:{free_port()}/v1", "gpt-x"))
    assert judge.ask([QUESTION]) == [Opinion(problem="connection refused", reached=False)]


@contextmanager
def sending(*parts: bytes, on: Event) -> Iterator[str]:
    """A server that sends the last part again and again until ``on`` is set."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, _ = listener.accept()
                Thread(target=send, args=(wire,), daemon=True).start()

    def send(wire: socket.socket) -> None:
        with contextlib.suppress(OSError), wire:
            wire.recv(65_536)
            for part in parts:
                wire.sendall(part)
            while not on.wait(0.01):
                wire.sendall(parts[-1])

    Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        on.set()
        listener.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


@pytest.mark.parametrize(
    ("part", "seconds", "problem"),
    [(b" ", 0.2, "timed out"), (b"x" * 65_536, 20.0, "larger than 1048576 bytes")],
)
def test_an_answer_without_end_is_given_up(part: bytes, seconds: float, problem: str) -> None:
    with sending(HEAD, part, on=Event()) as base_url:
        judge = HttpJudge(Target(base_url, "m"), timeout_seconds=seconds)
        (found,) = judge.ask([QUESTION])
    assert problem in found.problem
    assert not found.reached


@pytest.mark.parametrize("text", ["gpt-4o", "gpt-4o@here", "@https://host/v1", "m@http://"])
def test_a_judge_that_is_not_named_well_is_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"MODEL@BASE_URL|names no host|not a URL"):
        open_judge(text)


def test_the_command_asks_a_judge_about_what_rules_leave_open(tmp_path: Path) -> None:
    refusal = "I'm sorry, but I can't assist with that."
    rows = [{"prompt": "Why?", "response": text} for text in (refusal, "Nice weather today.")]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    said_so = reply('{"explanation": "It changes the subject.", "class": "indirect_refusal"}')
    with judging(lambda _: (200, said_so)) as seen:
        named = ("--classifier", "phrases,judge", "--judge", f"gpt-x@{seen.base_url}")
        command = [sys.executable, "-m", "gateway.cli", "classify", str(path), *named]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    first, second = (json.loads(line)["verdict"] for line in ended.stdout.splitlines())
    assert (first["method"], second["method"]) == ("phrases", "judge")
    assert second["label"] == "indirect_refusal"
    assert len(seen.asked) == 1

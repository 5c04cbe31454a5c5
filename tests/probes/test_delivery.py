"""A run handed to a gateway that restarts, refuses, or has it already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from probes.delivery import PAUSES, DeliveryFailed, deliver
from tests.services import free_port

BODY = b'{"kind": "run"}\n'


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    path.write_bytes(BODY)
    return path


@contextmanager
def answering(
    *answers: tuple[int, dict[str, str], bytes], port: int = 0
) -> Iterator[tuple[str, list[bytes]]]:
    """A gateway that gives these answers in turn, and the bodies that it got."""
    taken: list[bytes] = []

    class Taker(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["content-length"])))
            status, headers, text = answers[min(len(taken), len(answers)) - 1]
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", port), Taker) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", taken
        server.shutdown()


@pytest.mark.parametrize("status", [502, 503, 504, 429, 408])
def test_a_gateway_that_cannot_take_it_yet_gets_the_whole_run_again(run, status):
    slept: list[float] = []
    with answering((status, {}, b""), (status, {}, b""), (201, {}, b"{}")) as (url, taken):
        deliver(run, url, token=None, sleep=slept.append)
    assert taken == [BODY] * 3
    assert slept == list(PAUSES[:2])


def test_a_gateway_that_is_only_coming_up_gets_it_once_it_is_there(run):
    port = free_port()
    with answering((200, {}, b"{}"), port=port) as (url, _):
        pass
    notes: list[str] = []
    started: list[object] = []

    def meanwhile(_: float) -> None:
        started.append(gateway.__enter__())

    gateway = answering((200, {}, b"{}"), port=port)
    deliver(run, url, token=None, sleep=meanwhile, note=notes.append)
    assert len(started) == 1
    assert len(notes) == 1 and "connection refused; trying again" in notes[0]
    gateway.__exit__(None, None, None)


def test_retry_after_is_waited_for_as_far_as_it_is_reasonable(run):
    slept: list[float] = []
    answers = [(503, {"retry-after": "7"}, b""), (503, {"retry-after": "9999"}, b"")]
    with answering(*answers, (201, {}, b"{}")) as (url, _):
        deliver(run, url, token=None, sleep=slept.append)
    assert slept == [7.0, 60.0]


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (401, b"", "HTTP 401; set CANDOR_ADMIN_TOKEN"),
        (404, b"", "HTTP 404; nothing there takes runs"),
        (400, b'{"detail": "run r is not finished"}', "HTTP 400: run r is not finished"),
        (413, b'{"detail": "the run file is larger than 9 bytes"}', "HTTP 413: the run file is"),
        (500, b"<html>", "HTTP 500"),
    ],
)
def test_what_another_try_could_only_repeat_is_said_at_once_with_its_reason(
    run, status, text, said
):
    with answering((status, {}, text)) as (url, taken):
        with pytest.raises(DeliveryFailed, match="did not take the run") as failed:
            deliver(run, url, token="t", sleep=lambda _: pytest.fail("it waited"))
        assert said in str(failed.value)
        assert len(taken) == 1


def test_a_gateway_that_is_not_there_is_named_after_the_last_try(run):
    url = f"http://127.0.0.1:{free_port()}"
    slept: list[float] = []
    with pytest.raises(DeliveryFailed) as failed:
        deliver(run, f"{url}/v1/", token=None, sleep=slept.append)
    assert str(failed.value) == f"{url}/api/runs did not take the run: connection refused"
    assert slept == list(PAUSES)


def test_a_run_file_that_is_gone_is_named(tmp_path):
    with answering((201, {}, b"")) as (url, _), pytest.raises(DeliveryFailed, match=r"gone\.jsonl"):
        deliver(tmp_path / "gone.jsonl", url, token=None)

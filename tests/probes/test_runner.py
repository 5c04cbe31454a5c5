"""Plans put to a listening model: what is asked, how often, and what is written down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from classifiers.exchange import Exchange
from classifiers.verdict import Label, Method, RefusalSource, Verdict
from gateway.simulated import FakeServer
from probes.attempt import Limits
from probes.http import Headers
from probes.launch import make_header
from probes.pace import Pace, retry_after
from probes.plan import make_plan
from probes.problem import RunProblem, TargetUnreachable
from probes.runfile import RunWriter, read_run
from probes.runner import run_probes
from probes.target import Target
from probes.trial import Outcome, Trial
from tests.probes.asking import (
    IMPATIENT,
    GatedModel,
    a_model,
    a_probe_set,
    asked,
    run_of,
)
from tests.services import free_port


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def tear(path: Path, *, whole_lines: int) -> None:
    """Leave the file as a kill within a write does."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:whole_lines]) + lines[whole_lines][:30])


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


class FakeClassifier:
    """Says that every reply complies, and remembers which thread asked."""

    name = "fake@1"

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.at_once = 0
        self.most_at_once = 0

    def judge(self, exchanges: Sequence[Exchange]) -> list[Verdict]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.threads.add(threading.get_ident())
        self.at_once -= 1
        return [
            Verdict(Label.COMPLIANCE, 0.1, RefusalSource.NONE, Method.PHRASES, self.name)
            for _ in exchanges
        ]


async def test_every_prompt_is_asked_once_and_every_trial_is_written(path: Path) -> None:
    probe_set = a_probe_set(30)
    with a_model(probe_set) as server:
        run, summary = await run_of(path, probe_set, Target(server.base_url, "cautious"))
    assert set(asked(server).values()) == {1} and len(asked(server)) == 30
    assert {trial.key for trial in run.trials} == {("small", f"{n}", 0) for n in range(30)}
    assert run.complete
    assert summary == run.summary()
    assert summary.trials == 30 and summary.errors == 0


async def test_what_was_measured_is_what_really_happened(path: Path) -> None:
    probe_set = a_probe_set(60)
    with a_model(probe_set) as server:
        run, _ = await run_of(path, probe_set, Target(server.base_url, "balanced"))
    truth = {record.prompt: record.refused for record in server.truth}
    decided = [trial for trial in run.trials if trial.verdict and trial.verdict.refused is not None]
    assert decided
    for trial in decided:
        assert trial.verdict is not None
        assert trial.verdict.refused is truth[trial.case.prompt]


async def test_a_target_that_is_down_ends_the_run_before_it_records_a_failure(path: Path) -> None:
    target = Target(f"http://127.0.0.1:{free_port()}/v1", "m")
    with pytest.raises(TargetUnreachable, match=r"^connection refused$"):
        await run_of(path, a_probe_set(), target)
    assert read_run(path).trials == []
    probe_set = a_probe_set()
    with a_model(probe_set) as server:
        again = replace(target, base_url=server.base_url)
        with pytest.raises(RunProblem, match="address"):
            await run_of(path, probe_set, again, resume=True)


async def test_a_server_that_answers_only_errors_is_measured_as_errors(path: Path) -> None:
    probe_set = a_probe_set(6)
    with a_model(probe_set, "status=401") as server:
        run, summary = await run_of(path, probe_set, Target(server.base_url, "balanced"))
    assert summary.errors == summary.trials == 6
    assert all(rate.value is None for rate in summary.rates)
    assert {trial.outcome for trial in run.trials} == {Outcome.ERROR}
    assert all(trial.status == 401 and "401" in trial.error for trial in run.trials)
    assert set(asked(server).values()) == {1}


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_a_failure_that_says_nothing_about_the_prompt_is_tried_again(
    path: Path, status: int
) -> None:
    probe_set = a_probe_set(3)
    with a_model(probe_set, f"status={status};retry-after=0;times=2") as server:
        run, summary = await run_of(path, probe_set, Target(server.base_url, "balanced"))
    assert summary.errors == 0
    assert set(asked(server).values()) == {3}
    assert {trial.status for trial in run.trials} == {200}


@pytest.mark.parametrize("fault", ["drop", "reset", "drop-after=1"])
async def test_a_connection_that_breaks_is_tried_again(path: Path, fault: str) -> None:
    probe_set = a_probe_set(3)
    with a_model(probe_set, f"{fault};times=1") as server:
        _, summary = await run_of(path, probe_set, Target(server.base_url, "balanced"))
    assert summary.errors == 0
    assert set(asked(server).values()) == {2}


async def test_the_tries_of_one_attempt_share_one_idempotency_key(path: Path) -> None:
    probe_set = a_probe_set(2)
    with a_model(probe_set, "status=503;times=2") as server:
        run, _ = await run_of(path, probe_set, Target(server.base_url, "balanced"), repeats=2)
        keys = [dict(request.headers)[b"idempotency-key"] for request in server.received]
    assert len(keys) == 2 * 3 + 2
    assert set(keys) == {
        f"{run.header.run_id}/small/{n}/{repeat}".encode() for n in (0, 1) for repeat in (0, 1)
    }


async def test_tries_come_to_an_end_and_the_last_failure_is_the_error(path: Path) -> None:
    probe_set = a_probe_set(2)
    with a_model(probe_set, "status=503") as server:
        run, _ = await run_of(path, probe_set, Target(server.base_url, "balanced"))
    assert set(asked(server).values()) == {IMPATIENT.tries}
    assert all("503" in trial.error for trial in run.trials)


async def test_a_wait_longer_than_the_limit_fails_the_attempt_at_once(path: Path) -> None:
    probe_set = a_probe_set(2)
    with a_model(probe_set, "status=429;retry-after=86400") as server:
        _, summary = await run_of(path, probe_set, Target(server.base_url, "balanced"))
    assert summary.errors == 2
    assert set(asked(server).values()) == {1}


async def test_a_refusal_in_an_error_body_is_a_refusal_and_is_not_asked_again(path: Path) -> None:
    probe_set = a_probe_set(2)
    with a_model(probe_set, "native=prompt_filter") as server:
        run, summary = await run_of(path, probe_set, Target(server.base_url, "balanced"))
    assert (summary.errors, summary.decided) == (0, 2)
    assert set(asked(server).values()) == {1}
    for trial in run.trials:
        assert trial.status == 400 and trial.error == ""
        assert trial.verdict is not None and trial.verdict.refused is True
        assert trial.verdict.source is RefusalSource.PROVIDER_FILTER
        assert trial.signals


@pytest.mark.parametrize("fault", ["empty", "no-body", "not-json", "half-json", "html"])
async def test_no_usable_reply_is_an_error_with_a_reason_never_a_verdict(
    path: Path, fault: str
) -> None:
    probe_set = a_probe_set(2)
    with a_model(probe_set, fault) as server:
        run, summary = await run_of(path, probe_set, Target(server.base_url, "balanced"))
    assert summary.errors == 2
    for trial in run.trials:
        assert trial.verdict is None and trial.outcome is Outcome.ERROR
        assert trial.error and "\n" not in trial.error


async def test_a_reply_that_only_calls_tools_is_undecided_not_an_error(path: Path) -> None:
    probe_set = a_probe_set(2)
    with a_model(probe_set, "tool-call") as server:
        run, summary = await run_of(path, probe_set, Target(server.base_url, "balanced"))
    assert (summary.undecided, summary.errors) == (2, 0)
    assert all(trial.tool_calls == 1 for trial in run.trials)


async def test_a_compressed_reply_is_read(path: Path) -> None:
    probe_set = a_probe_set(2)
    with a_model(probe_set, "gzip") as server:
        run, _ = await run_of(path, probe_set, Target(server.base_url, "balanced"))
    assert all(trial.reply for trial in run.trials)


async def test_a_target_that_never_answers_times_out_with_its_limit_named(path: Path) -> None:
    probe_set = a_probe_set(2)
    limits = replace(IMPATIENT, timeout_seconds=0.05, tries=1)
    with a_model(probe_set, "delay=30") as server:
        run, _ = await run_of(path, probe_set, Target(server.base_url, "balanced"), limits=limits)
    assert {trial.error for trial in run.trials} == {"timed out after 0.05 s"}


async def test_a_resumed_run_asks_only_what_it_does_not_hold(path: Path) -> None:
    probe_set = a_probe_set(20)
    with a_model(probe_set) as server:
        target = Target(server.base_url, "balanced")
        whole, _ = await run_of(path, probe_set, target)
        tear(path, whole_lines=9)
        server.model.ledger.reset()
        resumed, summary = await run_of(path, probe_set, target, resume=True)
    assert sum(asked(server).values()) == 20 - 8
    assert summary == whole.summary() == resumed.summary()
    assert resumed.complete and len(resumed.trials) == 20


async def test_an_error_is_a_result_that_resuming_does_not_ask_again(path: Path) -> None:
    probe_set = a_probe_set(4)
    with a_model(probe_set, "status=400") as server:
        target = Target(server.base_url, "balanced")
        await run_of(path, probe_set, target)
        server.model.faults = ""
        server.model.ledger.reset()
        run, _ = await run_of(path, probe_set, target, resume=True)
    assert asked(server) == {}
    assert len(run.trials) == 4


async def test_cancelling_leaves_a_file_that_holds_what_was_answered(path: Path) -> None:
    probe_set = a_probe_set(20)
    model = GatedModel(probe_set.cases, free=5)
    with FakeServer(model) as server:
        target = Target(server.base_url, "balanced")
        going = asyncio.create_task(run_of(path, probe_set, target))
        await asyncio.to_thread(model.reached.wait, 30)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        stopped = read_run(path)
        model.gate.set()
        run, _ = await run_of(path, probe_set, target, resume=True)
    assert not stopped.complete and not stopped.torn
    assert all(trial in run.trials for trial in stopped.trials)
    assert len({trial.key for trial in run.trials}) == len(run.trials) == 20


class Turnstile:
    """An upstream that answers nobody until so many wait, and counts how many ever waited."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.waiting = self.most = 0
        self._full = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        if self.waiting >= self.expected:
            self._full.set()
        await asyncio.wait_for(self._full.wait(), 30)
        self.waiting -= 1
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


async def test_as_many_attempts_are_under_way_as_allowed_and_no_more(path: Path) -> None:
    turnstile = Turnstile(3)
    async with await asyncio.start_server(turnstile.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        limits = replace(IMPATIENT, concurrency=3)
        target = Target(f"http://127.0.0.1:{port}/v1", "m")
        _, summary = await run_of(path, a_probe_set(20), target, limits=limits)
    assert turnstile.most == 3
    assert summary.trials == 20


@asynccontextmanager
async def a_server(
    status: str, body: Callable[[], AsyncIterator[bytes]]
) -> AsyncIterator[Scripted]:
    """An upstream that answers every request with this status and the pieces of this body."""
    scripted = Scripted(status, body)
    async with await asyncio.start_server(scripted.serve, "127.0.0.1", 0) as server:
        scripted.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield scripted


class Scripted:
    """Counts the requests that it answers."""

    base_url = ""

    def __init__(self, status: str, body: Callable[[], AsyncIterator[bytes]]) -> None:
        self.requests = 0
        self._status, self._body = status, body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        head = f"HTTP/1.1 {self._status}\r\ncontent-type: application/json\r\nconnection: close"
        writer.write(f"{head}\r\n\r\n".encode())
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            async for piece in self._body():
                writer.write(piece)
                await writer.drain()
        writer.close()


async def test_a_refusal_stands_whatever_status_it_came_with(path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"error": {"code": "content_filter", "message": "The prompt was filtered."}}'

    async with a_server("500 Internal Server Error", body) as server:
        run, _ = await run_of(path, a_probe_set(2), Target(server.base_url, "m"))
    assert server.requests == 2
    assert all(trial.verdict and trial.verdict.refused for trial in run.trials)


async def test_a_reply_that_only_trickles_in_meets_the_limit_of_its_try(path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    limits = replace(IMPATIENT, timeout_seconds=0.2, tries=1)
    async with a_server("200 OK", body) as server:
        target = Target(server.base_url, "m")
        run, _ = await asyncio.wait_for(run_of(path, a_probe_set(1), target, limits=limits), 10)
    assert [trial.error for trial in run.trials] == ["timed out after 0.2 s"]


async def test_an_endless_reply_is_read_no_further_than_its_limit(path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    limits = replace(IMPATIENT, timeout_seconds=10, tries=1, reply_bytes=200_000)
    async with a_server("200 OK", body) as server:
        run, _ = await run_of(path, a_probe_set(1), Target(server.base_url, "m"), limits=limits)
    [trial] = run.trials
    assert trial.verdict is None
    assert "timed out" not in trial.error and trial.status == 200


async def test_replies_are_judged_in_one_thread_that_is_not_the_event_loops(path: Path) -> None:
    probe_set, classifier = a_probe_set(20), FakeClassifier()
    with a_model(probe_set) as server:
        await run_of(path, probe_set, Target(server.base_url, "balanced"), classifier=classifier)
    assert len(classifier.threads) == 1
    assert threading.get_ident() not in classifier.threads
    assert classifier.most_at_once == 1


async def test_each_trial_is_in_the_file_when_it_is_announced(path: Path) -> None:
    probe_set = a_probe_set(6)
    seen: list[bool] = []

    def look(trial: Trial) -> None:
        seen.append(trial in read_run(path).trials)

    with a_model(probe_set) as server:
        await run_of(path, probe_set, Target(server.base_url, "balanced"), on_trial=look)
    assert seen == [True] * 6


async def test_a_file_that_cannot_be_written_ends_the_run_with_that_reason(path: Path) -> None:
    probe_set = a_probe_set(6)

    def fail(trial: Trial) -> None:
        raise RunProblem("the disk is full")

    with a_model(probe_set) as server, pytest.raises(RunProblem, match="the disk is full"):
        await run_of(path, probe_set, Target(server.base_url, "balanced"), on_trial=fail)
    RunWriter.resume(path, read_run(path).header).__exit__(None, None, None)


async def test_the_key_and_the_pinned_deployment_reach_the_target(path: Path) -> None:
    probe_set = a_probe_set(1)
    with a_model(probe_set) as server:
        target = Target(server.base_url, "balanced", api_key="sk-1", deployment="gpt-canary")
        run, _ = await run_of(path, probe_set, target)
        [request] = server.received
    headers = dict(request.headers)
    assert headers[b"authorization"] == b"Bearer sk-1"
    assert headers[b"x-candor-deployment"] == b"gpt-canary"
    assert headers[b"x-candor-traffic"] == b"probe"
    assert "sk-1" not in text_of(path)
    assert run.header.target_name == "gpt-canary"


async def test_slots_are_spaced_by_the_rate_and_pushed_back_by_a_pause() -> None:
    loop = asyncio.get_running_loop()
    pace = Pace(requests_per_minute=60 / 0.02)
    began = loop.time()
    for _ in range(4):
        await pace.slot()
    assert loop.time() - began >= 3 * 0.02 * 0.9
    pace.pause(0.05)
    began = loop.time()
    await pace.slot()
    assert loop.time() - began >= 0.05 * 0.9


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_the_servers_wait_is_read_as_seconds_or_as_a_date(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(Headers(headers), now=1_700_000_000.0) == seconds


def test_the_defaults_are_eight_at_a_time_and_sixty_seconds() -> None:
    assert (Limits().concurrency, Limits().timeout_seconds) == (8, 60.0)


@pytest.mark.parametrize("budget", ["requests_per_minute", "tokens_per_minute"])
async def test_winding_down_does_not_wait_for_slots_that_were_not_used_yet(
    budget: str, path: Path
) -> None:
    probe_set = a_probe_set(8)
    slow = replace(IMPATIENT, **{budget: 1.0})
    with a_model(probe_set) as server:
        plan = make_plan([probe_set])
        target = Target(server.base_url, "balanced")
        cascade = FakeClassifier()
        with RunWriter.create(path, make_header(plan, target, cascade.name)) as run:
            summary = await asyncio.wait_for(
                run_probes(
                    plan,
                    target,
                    cascade=cascade,
                    run=run,
                    limits=slow,
                    on_trial=lambda trial: run.winding_down.set(),
                ),
                30,
            )
    assert summary.trials == len(server.received) == 1
    assert not read_run(path).complete


async def test_winding_down_does_not_wait_until_a_server_may_be_asked_again(path: Path) -> None:
    plan = make_plan([a_probe_set(1)])
    limits = replace(IMPATIENT, tries=3, longest_wait_seconds=120)

    async def body() -> AsyncIterator[bytes]:
        run.winding_down.set()
        yield b"{}"

    async with a_server("429 Too Many Requests\r\nretry-after: 60", body) as server:
        target, cascade = Target(server.base_url, "m"), FakeClassifier()
        with RunWriter.create(path, make_header(plan, target, cascade.name)) as run:
            asking = run_probes(
                plan, target, cascade=cascade, run=run, limits=limits, on_trial=lambda trial: None
            )
            summary = await asyncio.wait_for(asking, 30)
    assert (summary.trials, server.requests) == (0, 1)

"""The benchmark's instruments on this machine, and one short run of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.bench.client import Pool
from tests.bench.machine import (
    connections,
    cpu_seconds,
    family,
    open_files,
    resident_bytes,
    tell,
    threads,
)
from tests.bench.script import DONE, expected, request, script_named, whole
from tests.bench.upstream import listening
from tests.services import ROOT, binary
from tests.waiting import wait_until

BUSY = "import threading; threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for a child, which keeps a core busy in a thread."""
    child = subprocess.Popen([sys.executable, "-c", PARENT])
    yield child
    everyone = family(child.pid)
    tell(everyone, signal.SIGKILL)
    child.wait()


def test_cpu_is_that_of_the_whole_family_and_of_every_thread(
    busy: subprocess.Popen[bytes],
) -> None:
    wait_until(lambda: len(family(busy.pid)) == 2)
    wait_until(lambda: cpu_seconds(family(busy.pid)) > 0.3)
    assert cpu_seconds([busy.pid]) < cpu_seconds(family(busy.pid))
    assert threads(family(busy.pid)[1]) == 2
    assert resident_bytes(busy.pid) > 1_000_000


def test_who_stands_still_spends_nothing(busy: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: cpu_seconds(family(busy.pid)) > 0.1)
    everyone = family(busy.pid)
    tell(everyone, signal.SIGSTOP)
    seen = [-1.0]

    def still() -> bool:
        seen.append(cpu_seconds(everyone))
        return seen[-1] == seen[-2]

    wait_until(still)
    # Time of this process goes by meanwhile.
    begun = time.process_time()
    while time.process_time() - begun < 0.05:
        pass
    assert cpu_seconds(everyone) == seen[-1]


def test_a_process_that_is_gone_counts_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert cpu_seconds([child.pid]) == 0
    assert resident_bytes(child.pid) == 0


async def test_the_client_reads_what_the_scripted_upstream_says() -> None:
    server = await listening(0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        pool = Pool(port, keep=True)
        for model in ("small", "large-64", "stream-5-1"):
            script = script_named(model)
            assert script is not None
            answer = await pool.ask(request(model, port=port, call_id="a-1"))
            assert (answer.status, answer.complete) == (200, True)
            assert bytes(answer.body) == expected(script, "a-1")
        assert answer.events == 6
        assert bytes(answer.body).endswith(DONE)
        assert answer.asked_at < answer.first_byte_at < answer.ended_at
        pool.close()


async def test_a_client_may_leave_a_stream_and_says_so() -> None:
    server = await listening(0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        pool = Pool(port, keep=True)
        answer = await pool.ask(request("stream-100-20", port=port), leave_after=300)
        assert (answer.status, answer.left, answer.complete) == (200, True, False)
        assert len(answer.body) >= 300


async def test_a_client_gives_a_silent_stream_up_after_its_patience() -> None:
    server = await listening(0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        pool = Pool(port, keep=True)
        answer = await pool.ask(request("stream-2-60000", port=port), patience=0.05)
        assert (answer.status, answer.complete) == (200, False)


async def test_a_connection_is_found_by_its_ports_and_its_owner() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        [inode] = [inode for _, there, inode in connections() if there == port]
        assert inode in open_files(os.getpid()).values()
        writer.close()


def test_small_replies_have_about_six_hundred_bytes() -> None:
    script = script_named("small")
    assert script is not None
    assert len(whole(script, "chatcmpl-1")) == 600
    assert json.loads(whole(script, "chatcmpl-1"))["choices"][0]["finish_reason"] == "stop"


def test_one_short_run_gives_figures_for_nginx_and_for_candor() -> None:
    binary("nginx", "apt-get install nginx-light brings it")
    binary("wrk", "apt-get install wrk brings it")
    command = [sys.executable, "-m", "tests.bench", "--quick", "--rounds", "1", "--json"]
    command += ["--only", "small", "--targets", "nginx,candor", "--no-judge"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = {row["target"]: row["figures"] for row in json.loads(ran.stdout)["rounds"]["small"]}
    assert set(rows) == {"nginx", "candor"}
    assert 0 < rows["nginx"]["cpu_ms_per_1k"] < rows["candor"]["cpu_ms_per_1k"]
    assert "scorer_cpu_ms_per_1k" in rows["candor"]

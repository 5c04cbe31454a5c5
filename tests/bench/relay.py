"""What the gateway adds to a call: the same calls direct and through it, in turn, in one run.

    make bench                          # 7 rounds of 200 calls each way
    make bench BENCH_ARGS='--rounds 3'

The upstream, the gateway and this client are three processes. Times are medians over rounds and the
ratio is taken round by round, so a machine that drifts does not move it; CPU is the operating
system's own count for the gateway's process (user and system), scorer excluded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from probes.http import Client, ClientError
from tests.services import free_port

BODY = {"model": "balanced", "messages": [{"role": "user", "content": "How do heat pumps work?"}]}
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(arguments: list[str], ready: str, home: str) -> Iterator[subprocess.Popen[bytes]]:
    """A `candor` subcommand as a process, ready when the URL answers."""
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "CANDOR_HOME": home},
    )
    try:
        wait_for(ready, child)
        yield child
    finally:
        child.terminate()
        child.wait(timeout=20)


def wait_for(url: str, child: subprocess.Popen[bytes]) -> None:
    """Return when the URL answers; exit with a line when the process ends or a minute passes."""
    deadline = time.monotonic() + 60
    with Client(timeout=1.0) as client:
        while time.monotonic() < deadline and child.poll() is None:
            try:
                client.get(url)
            except ClientError:
                time.sleep(0.05)
            else:
                return
    sys.exit(f"nothing answers at {url}")


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far, children not included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def timed(client: Client, url: str, calls: int) -> list[float]:
    """Milliseconds of each of ``calls`` calls, one after another on one connection."""
    taken = []
    for _ in range(calls):
        begun = time.perf_counter()
        client.post(url, json=BODY).raise_for_status()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def measure(rounds: int, calls: int) -> None:
    """Run the rounds and print the table."""
    upstream, port = free_port(), free_port()
    base = f"http://127.0.0.1:{upstream}/v1"
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        simulate = ["simulate", "--port", str(upstream)]
        stack.enter_context(running(simulate, f"{base}/models", home))
        serve = ["serve", "--upstream", base, "--port", str(port)]
        gateway = stack.enter_context(running(serve, f"http://127.0.0.1:{port}/readyz", home))
        client = stack.enter_context(Client(timeout=30.0))
        direct_url = f"{base}/chat/completions"
        through_url = f"http://127.0.0.1:{port}/v1/chat/completions"
        timed(client, direct_url, calls), timed(client, through_url, calls)
        rows = []
        for _ in range(rounds):
            direct = timed(client, direct_url, calls)
            before = cpu_seconds(gateway.pid)
            through = timed(client, through_url, calls)
            rows.append((direct, through, (cpu_seconds(gateway.pid) - before) * 1e6 / calls))
    report(rows)


def report(rows: list[tuple[list[float], list[float], float]]) -> None:
    """Medians over rounds, and the round-by-round ratio with its range."""
    p50 = statistics.median
    ratios = [p50(through) / p50(direct) for direct, through, _ in rows]
    added = [p50(through) - p50(direct) for direct, through, _ in rows]
    lines = [
        f"direct         p50 {p50([p50(d) for d, _, _ in rows]):7.2f} ms",
        f"through Candor p50 {p50([p50(t) for _, t, _ in rows]):7.2f} ms",
        f"added          p50 {p50(added):7.2f} ms",
        f"ratio          p50 {p50(ratios):7.2f}   (range {min(ratios):.2f} to {max(ratios):.2f})",
        f"gateway CPU    {p50([cpu for _, _, cpu in rows]):9.0f} µs a request, all mirrored",
    ]
    print("\n".join(lines))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=200)
    asked = parser.parse_args()
    measure(asked.rounds, asked.calls)


if __name__ == "__main__":
    main()

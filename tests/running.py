"""The real programs as processes: `candor serve` ready to be spoken to, and taken down after."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from probes.http import Client, ClientError
from tests.services import ROOT, free_port


@dataclass(frozen=True)
class Gateway:
    """A gateway in a process of its own."""

    url: str
    child: subprocess.Popen[bytes]
    home: Path

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def get(self, path: str) -> str:
        with Client(timeout=10.0) as client:
            reply = client.get(self.url + path)
            reply.raise_for_status()
            return reply.text


def environment(home: Path) -> dict[str, str]:
    """This process's environment with another home and the checkout importable."""
    return {**os.environ, "CANDOR_HOME": str(home), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def candor(*arguments: str, home: Path, timeout: float = 110.0) -> subprocess.CompletedProcess[str]:
    """Run one `candor` command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@contextmanager
def serving(*arguments: str, home: Path) -> Iterator[Gateway]:
    """`candor serve` with these arguments, from ready to stopped."""
    port = free_port()
    home.mkdir(parents=True, exist_ok=True)
    log = home / "gateway.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "serve", *arguments, "--port", str(port)],
            env=environment(home),
            stdout=out,
            stderr=out,
        )
    gateway = Gateway(f"http://127.0.0.1:{port}", child, home)
    try:
        wait_until_ready(gateway, log)
        yield gateway
    finally:
        child.terminate()
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_until_ready(gateway: Gateway, log: Path) -> None:
    """Return once /readyz answers; fail with the log when the process ends or time runs out."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and gateway.child.poll() is None:
        try:
            gateway.get("/readyz")
        except ClientError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the gateway did not get ready:\n{log.read_text(errors='replace')}")

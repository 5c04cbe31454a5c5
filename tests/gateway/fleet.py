"""`candor serve` as real processes in front of a scripted upstream: its workers, what it logs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.gateway.stage import FakeUpstream, Message, Wire
from tests.running import Gateway, serving
from tests.waiting import wait_until

START_SECONDS = 60
"""How long a worker may take to answer on a machine that does other things too."""
ASK = b'{"model":"m","stream":true}'


class Fleet:
    """A gateway that was started from a file, and how many workers it should have."""

    def __init__(self, gateway: Gateway, config: Path, workers: int) -> None:
        self.gateway = gateway
        self.config = config
        self.workers = workers
        self.port = int(gateway.url.rsplit(":", 1)[1])

    def pids(self) -> list[int]:
        """The workers: forked from the gateway's process, or that itself where it is alone."""
        parent = self.gateway.child.pid
        if self.workers == 1:
            return [parent]
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return sorted(int(pid) for pid in children)

    def all_up(self) -> list[int]:
        """The workers, once there are as many as there should be and each has answered."""
        pids = wait_until(lambda: found if len(found := self.pids()) == self.workers else None)
        for pid in pids:
            with self.only(pid), contextlib.closing(self.wire()) as wire:
                wire.send(b"GET /livez HTTP/1.1\r\nHost: g\r\n\r\n")
                assert wire.head().status == 200
        return pids

    @contextlib.contextmanager
    def only(self, pid: int) -> Iterator[None]:
        """While the block runs, this worker alone takes connections: the others stand still."""
        others = [other for other in self.pids() if other != pid]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)

    def wire(self) -> Wire:
        wire = Wire(socket.create_connection(("127.0.0.1", self.port), timeout=20))
        wire.socket.settimeout(START_SECONDS)
        return wire

    def begin(self, *, close: bool = False) -> Wire:
        """A call whose reply is still to be read."""
        wire = self.wire()
        fields = [b"Host: g", b"Content-Length: %d" % len(ASK)]
        fields += [b"Connection: close"] if close else []
        head = b"\r\n".join([b"POST /v1/chat/completions HTTP/1.1", *fields])
        wire.send(head + b"\r\n\r\n" + ASK)
        return wire

    def call(self) -> Message:
        """One call on a connection of its own, to its end."""
        wire = self.begin(close=True)
        try:
            head = wire.head()
            return Message(head, wire.body(head))
        finally:
            wire.close()

    def configure(self, base_url: str, **branches: Any) -> None:
        """Write the file anew; nothing is read until somebody says so."""
        self.config.write_text(written(base_url, **branches))

    def signal(self, number: signal.Signals) -> None:
        self.gateway.child.send_signal(number)

    def ended(self) -> int:
        """The exit code, once everything is down."""
        return self.gateway.child.wait(timeout=20)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What was logged of an event."""
        text = (self.gateway.home / "gateway.log").read_text()
        logged = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [line for line in logged if line["event"] == event]

    def metric(self, sample: str) -> float | None:
        """One sample of /metrics, as whichever worker answers shows it."""
        for line in self.gateway.get("/metrics").splitlines():
            if line.startswith(f"{sample} "):
                return float(line.rsplit(" ", 1)[1])
        return None


def written(base_url: str, **branches: Any) -> str:
    """A configuration with one deployment for everything."""
    tree = {
        "deployments": [{"name": "prod", "model": "*", "upstream": {"base_url": base_url}}],
        "mirror": {"sample": 0.0},
        "classifier": {"cascade": ["native"]},
    }
    return yaml.safe_dump({**tree, **branches})


@contextlib.contextmanager
def fleet(
    home: Path, upstream: FakeUpstream, *, workers: int = 2, drain_seconds: float = 20.0
) -> Iterator[Fleet]:
    """A gateway with so many workers, ready to be spoken to, until the block ends."""
    home.mkdir(parents=True, exist_ok=True)
    config = home / "candor.yaml"
    limits = {"drain_seconds": drain_seconds}
    config.write_text(written(upstream.base_url, server={"workers": workers, "limits": limits}))
    with serving("--config", str(config), home=home) as gateway:
        yield Fleet(gateway, config, workers)

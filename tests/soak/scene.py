"""A soak's surroundings: scripted upstream, fault proxy, `candor serve`, and what the system says
of the gateway."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import (
    command_line,
    connections,
    cpu_seconds,
    family,
    open_files,
    resident_bytes,
    threads,
)
from tests.bench.script import request
from tests.bench.targets import CLIENT_KEY, SCORER, UPSTREAM_KEY, first_answer
from tests.faults import FaultProxy, Planner, faulty
from tests.running import Gateway, environment, serving
from tests.services import free_port

PATIENCE_SECONDS = 2.0
"""How long the gateway waits for a silent upstream: short, so that a stalled one is soon known."""
_SAMPLE = re.compile(r"^(candor_\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Sample:
    """A series of /metrics."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the gateway holds of the system.

    ``clients`` and ``upstreams`` are connections, ``sockets`` all sockets, those among them.
    """

    clients: int
    upstreams: int
    sockets: int
    files: int
    threads: int

    @property
    def idle(self) -> bool:
        """Whether nobody is connected to it and it is connected to nobody."""
        return not self.clients and not self.upstreams


class Watched:
    """A gateway as the operating system and its own /metrics show it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        everyone = family(gateway.child.pid)
        self._pids = [pid for pid in everyone if SCORER not in command_line(pid)]
        self.port = int(gateway.url.rpartition(":")[2])

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._gateway.child.poll() is None

    def memory(self) -> int:
        """Resident bytes, the scorer's apart."""
        return sum(resident_bytes(pid) for pid in self._pids)

    def cpu(self) -> float:
        """CPU seconds so far, the scorer's apart."""
        return cpu_seconds(self._pids)

    def holdings(self, upstream_port: int) -> Holdings:
        """What it has open, towards its clients and towards this port among them."""
        leads_to = [to for pid in self._pids for to in open_files(pid).values()]
        sockets = {to for to in leads_to if to.startswith("socket:")}
        ends = [(here, there) for here, there, inode in connections() if inode in sockets]
        return Holdings(
            clients=sum(here == self.port for here, _ in ends),
            upstreams=sum(there == upstream_port for _, there in ends),
            sockets=len(sockets),
            files=len(leads_to) - len(sockets),
            threads=sum(threads(pid) for pid in self._pids),
        )

    def metrics(self) -> list[Sample]:
        """Every series of /metrics. Blocks: call it from a thread."""
        return [
            Sample(name, dict(_LABEL.findall(labels or "")), float(value))
            for name, labels, value in _SAMPLE.findall(self._gateway.get("/metrics"))
        ]

    def log(self) -> str:
        """What it has said so far."""
        return (self._gateway.home / "gateway.log").read_text(errors="replace")


def total(samples: list[Sample], name: str, **labels: str) -> float:
    """The sum of a metric's series with these labels."""
    return sum(
        each.value
        for each in samples
        if each.name == name and labels.items() <= each.labels.items()
    )


@dataclass(frozen=True, slots=True)
class Scene:
    """A gateway behind which things go wrong."""

    watched: Watched
    proxy: FaultProxy


@asynccontextmanager
async def scene(home: Path, planner: Planner, *, seed: int) -> AsyncIterator[Scene]:
    """Upstream, fault proxy and gateway, from ready to stopped."""
    with _upstream(home) as upstream_port:
        async with faulty(upstream_port, planner, seed=seed) as proxy:
            file = _configuration(home, proxy.port)
            entered = serving("--config", str(file), home=home / "candor")
            gateway = await asyncio.to_thread(entered.__enter__)
            try:
                yield Scene(Watched(gateway), proxy)
            finally:
                await asyncio.to_thread(entered.__exit__, None, None, None)


@contextmanager
def _upstream(home: Path) -> Iterator[int]:
    """The scripted upstream as a process of its own."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.upstream", "--port", str(port)]
    child = subprocess.Popen(command, env=environment(home))
    try:
        first_answer(port, request("small", port=port), child)
        yield port
    finally:
        child.kill()
        child.wait()


def _configuration(home: Path, upstream_port: int) -> Path:
    """Two deployments of one upstream, a client key, and a tenth of the calls mirrored."""
    (home / "client.key").write_text(CLIENT_KEY)
    (home / "upstream.key").write_text(UPSTREAM_KEY)
    upstream = {"base_url": f"http://127.0.0.1:{upstream_port}/v1", "api_key": "file:upstream.key"}
    tree = {
        "server": {"limits": {"idle_timeout_seconds": PATIENCE_SECONDS}},
        "keys": [{"name": "soak", "key": "file:client.key"}],
        "deployments": [
            {"name": "streams", "model": "stream-*", "upstream": upstream},
            {"name": "others", "model": "*", "upstream": upstream},
        ],
        "mirror": {"sample": 0.1},
    }
    file = home / "soak.yaml"
    file.write_text(json.dumps(tree))
    return file

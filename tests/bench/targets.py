"""What is measured: each target as a family of processes on a core of its own.

A target that is not being measured stands still (SIGSTOP), so that only one of them uses CPU at a
time and nothing that one left behind is paid for by another.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.machine import Cores, command_line, cpu_seconds, family, resident_bytes, tell
from tests.bench.script import request
from tests.services import ROOT, free_port

CLIENT_KEY = "sk-bench-client"
UPSTREAM_KEY = "sk-bench-upstream"
SCORER = "gateway.mirror.scorer"
"""How the command line of Candor's scorer can be told: it is no part of the gateway's road."""
READY_SECONDS = 120.0
SETTLING_CALLS = 60
SETTLING_SECONDS = 30.0
QUIET_SECONDS = 0.5
QUIET_SHARE = 0.1
"""A target whose family takes less of a core than this for so long has done with starting."""


class NotMeasured(Exception):
    """A target that is not on this machine; its text says what would bring it."""


@dataclass(slots=True)
class Target:
    """Something that answers on a port. ``direct`` has no processes to account for."""

    name: str
    port: int
    model: str
    child: subprocess.Popen[bytes] | None = None
    folder: Path = Path()
    slow: bool = False
    start_seconds: float = 0.0
    gateway: list[int] = field(default_factory=list)
    scorer: list[int] = field(default_factory=list)

    @property
    def request(self) -> bytes:
        """The request that this target is sent."""
        return request(self.model, port=self.port, key=CLIENT_KEY)

    def count_processes(self) -> None:
        """Notes who belongs to the target: what relays, and apart from it what judges."""
        if self.child is None:
            return
        everyone = family(self.child.pid)
        self.scorer = [pid for pid in everyone if SCORER in command_line(pid)]
        self.gateway = [pid for pid in everyone if pid not in self.scorer]

    def cpu(self) -> float:
        """CPU seconds of the relaying processes so far."""
        return cpu_seconds(self.gateway)

    def scorer_cpu(self) -> float:
        """CPU seconds of the judging processes so far."""
        return cpu_seconds(self.scorer)

    def memory(self) -> int:
        """Resident bytes of the relaying processes."""
        return sum(resident_bytes(pid) for pid in self.gateway)

    def scorer_memory(self) -> int:
        """Resident bytes of the judging processes."""
        return sum(resident_bytes(pid) for pid in self.scorer)

    @contextmanager
    def awake(self) -> Iterator[None]:
        """The target runs within the block and stands still after it."""
        tell([*self.gateway, *self.scorer], signal.SIGCONT)
        try:
            yield
        finally:
            tell([*self.gateway, *self.scorer], signal.SIGSTOP)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where targets are started: a folder, the cores, the upstream, and LiteLLM's interpreter.

    ``environment`` is added to that of every target.
    """

    folder: Path
    cores: Cores
    upstream_port: int
    litellm: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def started(name: str, model: str, ground: Ground) -> Iterator[Target]:
    """A target that has started and settled, until the block ends. Raises NotMeasured."""
    if name == "direct":
        yield Target(name, ground.upstream_port, model)
        return
    port = free_port()
    folder = ground.folder / f"{name}-{port}"
    folder.mkdir(parents=True)
    command, environment = _COMMANDS[name](port, model, ground, folder)
    begun = time.perf_counter()
    environment.update(ground.environment)
    with running(command, ground.cores.target, folder, environment=environment) as child:
        target = Target(name, port, model, child, folder, slow=name == "litellm")
        first_answer(target.port, target.request, child)
        target.start_seconds = time.perf_counter() - begun
        _settle(target, child)
        yield target


def _settle(target: Target, child: subprocess.Popen[bytes]) -> None:
    """A few calls, so that what is loaded late is loaded; then until nobody of it is busy."""
    for _ in range(SETTLING_CALLS):
        first_answer(target.port, target.request, child)
    deadline = time.monotonic() + SETTLING_SECONDS
    while time.monotonic() < deadline:
        target.count_processes()
        before = target.cpu() + target.scorer_cpu()
        time.sleep(QUIET_SECONDS)
        if target.cpu() + target.scorer_cpu() - before < QUIET_SHARE * QUIET_SECONDS:
            return


@contextmanager
def everyone(names: Collection[str], model: str, ground: Ground) -> Iterator[list[Target]]:
    """Several targets, each standing still."""
    with ExitStack() as stack:
        targets = []
        for name in names:
            target = stack.enter_context(started(name, model, ground))
            stack.enter_context(_stirring(target))
            targets.append(target)
        yield targets


@contextmanager
def _stirring(target: Target) -> Iterator[None]:
    """Stands still within the block and runs again after it, so that it can be told to end."""
    tell([*target.gateway, *target.scorer], signal.SIGSTOP)
    try:
        yield
    finally:
        tell([*target.gateway, *target.scorer], signal.SIGCONT)


@contextmanager
def running(
    command: list[str],
    cores: Collection[int],
    folder: Path,
    *,
    environment: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program on these cores; what it says goes to a file in the folder."""
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def first_answer(port: int, asked: bytes, child: subprocess.Popen[bytes]) -> None:
    """Returns when the request gets its first 200; exits with a line when none ever comes."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10.0) as connection:
                connection.sendall(asked)
                if connection.recv(15).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.004)
    sys.exit(f"no answer from {' '.join(child.args)}")  # type: ignore[arg-type]


Launch = tuple[list[str], dict[str, str]]


def _nginx(port: int, model: str, ground: Ground, folder: Path) -> Launch:
    return nginx_command(proxy_configuration(port, ground.upstream_port), folder), {}


def _candor(port: int, model: str, ground: Ground, folder: Path) -> Launch:
    """Client keys, a route by model among several, metrics, and a tenth of the calls mirrored."""
    base_url = f"http://127.0.0.1:{ground.upstream_port}/v1"

    def deployment(name: str, asked: str) -> dict[str, object]:
        upstream = {"base_url": base_url, "api_key": "env:BENCH_UPSTREAM_KEY"}
        return {"name": name, "model": asked, "upstream": upstream}

    tree = {
        "server": {"host": "127.0.0.1", "port": port},
        "keys": [
            {"name": "another", "key": "env:BENCH_OTHER_KEY"},
            {"name": "bench", "key": "env:BENCH_CLIENT_KEY", "models": [model, "small", "gpt-*"]},
        ],
        "deployments": [
            deployment("another", "gpt-*"),
            deployment("measured", model),
            *([deployment("small", "small")] if model != "small" else []),
        ],
        "mirror": {"sample": 0.1},
    }
    file = folder / "candor.yaml"
    file.write_text(json.dumps(tree))
    environment = {
        "CANDOR_HOME": str(folder),
        "BENCH_CLIENT_KEY": CLIENT_KEY,
        "BENCH_OTHER_KEY": "sk-bench-other",
        "BENCH_UPSTREAM_KEY": UPSTREAM_KEY,
    }
    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(file)]
    return command, environment


def _litellm(port: int, model: str, ground: Ground, folder: Path) -> Launch:
    """LiteLLM's proxy with a key and no database, one worker, in an environment of its own."""
    if ground.litellm is None or not (ground.litellm.parent / "litellm").exists():
        raise NotMeasured("litellm: give --litellm PYTHON, of an environment with litellm[proxy]")
    upstream = {
        "model": f"openai/{model}",
        "api_base": f"http://127.0.0.1:{ground.upstream_port}/v1",
        "api_key": UPSTREAM_KEY,
    }
    tree = {
        "model_list": [{"model_name": model, "litellm_params": upstream}],
        "general_settings": {"master_key": CLIENT_KEY},
        "litellm_settings": {"telemetry": False},
    }
    file = folder / "litellm.yaml"
    file.write_text(json.dumps(tree))
    command = [str(ground.litellm.parent / "litellm"), "--config", str(file)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    return command, {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}


_COMMANDS = {"nginx": _nginx, "candor": _candor, "litellm": _litellm}
NAMES = ("direct", *_COMMANDS)


def nginx_command(configuration: str, folder: Path) -> list[str]:
    """The command line of an nginx with this configuration, in the foreground."""
    file = folder / "nginx.conf"
    file.write_text(configuration)
    return ["nginx", "-e", str(folder / "errors"), "-p", str(folder), "-c", str(file)]


def _nginx_configuration(port: int, http: str, location: str) -> str:
    """One worker, no access log, connections kept for as long as a run may take."""
    return f"""
daemon off; worker_processes 1; worker_rlimit_nofile 16384; pid nginx.pid;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 10000000; keepalive_timeout 3600s; client_max_body_size 64m;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  {http}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ {location} }} }}
}}
"""


def proxy_configuration(port: int, upstream_port: int) -> str:
    """nginx as the reverse proxy: upstream connections kept alive, replies not buffered."""
    upstream = (
        f"upstream there {{ server 127.0.0.1:{upstream_port}; keepalive 1024;"
        " keepalive_requests 10000000; keepalive_timeout 3600s; }"
    )
    location = (
        'proxy_pass http://there; proxy_http_version 1.1; proxy_set_header Connection "";'
        " proxy_buffering off; proxy_read_timeout 600s;"
    )
    return _nginx_configuration(port, upstream, location)


def canned_configuration(port: int, body: bytes) -> str:
    """nginx as the upstream of small calls: the same JSON to everybody."""
    text = body.decode().replace("\\", "\\\\").replace("'", "\\'")
    location = f"default_type application/json; return 200 '{text}';"
    return _nginx_configuration(port, "", location)

"""The demo's world: a simulated model, a gateway in a process of its own, and a home for both."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from gateway.simulated import FakeModel, FakeServer
from probes.case import ProbeCase
from probes.home import candor_home
from probes.http import Client, HTTPError
from probes.sets import load_set

DEPLOYMENTS = ("cautious", "balanced", "permissive")
SETS = ("starter-hard", "starter-toxic")
SEED = 7
START_SECONDS = 60.0
"""How long the gateway may take to say it is ready; a loaded two-core machine needs about five."""


class DemoProblem(Exception):
    """The demo cannot go on; the message is one readable line."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is up: where the gateway answers, the model behind it, and where files go."""

    gateway_url: str
    model: FakeModel
    cases: tuple[ProbeCase, ...]
    home: Path


def demo_config(upstream: str, *, host: str, port: int, home: Path) -> dict[str, object]:
    """The demo's configuration: one deployment a persona, every reply mirrored."""
    deployments = [
        {"name": name, "model": name, "upstream": {"base_url": upstream}} for name in DEPLOYMENTS
    ]
    return {
        "server": {"host": host, "port": port},
        "deployments": deployments,
        "mirror": {"sample": 1.0},
        "store": {"url": f"sqlite:///{home / 'candor.db'}"},
    }


def fresh_home() -> Path:
    """An empty folder for this demo under CANDOR_HOME; what an earlier demo left there is gone."""
    home = candor_home() / "demo"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    return home


@contextmanager
def staged(home: Path, *, host: str, port: int) -> Iterator[Scene]:
    """Bring up model and gateway, yield the scene, and take both down whatever happens.

    Raises DemoProblem when the gateway does not come up.
    """
    cases = tuple(case for name in SETS for case in load_set(name, home).cases)
    model = FakeModel(cases, seed=SEED)
    with FakeServer(model) as server:
        config = home / "demo.yaml"
        config.write_text(
            yaml.safe_dump(demo_config(server.base_url, host=host, port=port, home=home))
        )
        command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)]
        with (home / "gateway.log").open("wb") as log:
            gateway = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            url = f"http://{host}:{port}"
            wait_until_ready(url, gateway, home / "gateway.log")
            yield Scene(url, model, cases, home)
        finally:
            gateway.terminate()
            try:
                gateway.wait(timeout=15)
            except subprocess.TimeoutExpired:
                gateway.kill()
                gateway.wait()


def wait_until_ready(url: str, gateway: subprocess.Popen[bytes], log: Path) -> None:
    """Return once /readyz answers 200; DemoProblem with the log's last line when it never does."""
    deadline = time.monotonic() + START_SECONDS
    with Client(timeout=2.0) as client:
        while time.monotonic() < deadline and gateway.poll() is None:
            try:
                if client.get(f"{url}/readyz").status_code == 200:
                    return
            except HTTPError:
                pass
            time.sleep(0.05)
    said = log.read_text(errors="replace").strip().splitlines()
    raise DemoProblem(f"the gateway did not start: {said[-1] if said else 'it said nothing'}")

"""The SDKs' own test suites, run through the gateway: they cannot tell that it is there.

Each suite is the one that its authors run, taken from the source distribution of the installed
version (tests/clients/fetch_suites.py). What answers is a mock that speaks the SDK's types.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.sides import missing
from tests.running import serving
from tests.services import TOOLS, free_port

PLUGIN = Path(__file__).parent / "suite"
OPTIONS = ["-p", "typed_mock", "-p", "no:cacheprovider", "-o", "addopts=", "-q", "--tb=short"]
OPTIONS += ["-m", "not respx", "-k", "not aiohttp"]
"""What is left out needs no server (respx), or another HTTP library (aiohttp)."""


@dataclass(frozen=True)
class Suite:
    """The part of an SDK's suite that needs a server; whether its clients add /v1 by themselves."""

    package: str
    root: str
    chosen: tuple[str, ...]
    least: int


OPENAI = Suite(
    "openai",
    root="/v1",
    chosen=("chat", "audio", "responses", "uploads", "test_*.py"),
    least=1300,
)
ANTHROPIC = Suite(
    "anthropic",
    root="",
    chosen=("messages", "beta/messages", "test_m*.py", "beta/test_models.py"),
    least=200,
)


def folder_of(suite: Suite) -> Path:
    """The folder of the suite's tests of API methods, for the version that is installed."""
    version = importlib.metadata.version(suite.package)
    folder = TOOLS / "sdk" / f"{suite.package}-{version}"
    if not folder.is_dir():
        missing(f"no .tools/sdk/{folder.name}; python3 tests/clients/fetch_suites.py brings it")
    return folder / "tests" / "api_resources"


@pytest.mark.parametrize("suite", [OPENAI, ANTHROPIC], ids=lambda suite: suite.package)
def test_an_sdks_own_tests_pass_through_the_gateway(suite: Suite, tmp_path: Path) -> None:
    folder = folder_of(suite)
    files = [str(file) for chosen in suite.chosen for file in sorted(folder.glob(chosen))]
    port = free_port()
    with serving("--upstream", f"http://127.0.0.1:{port}/v1", home=tmp_path) as gateway:
        told = {"SUITE_PACKAGE": suite.package, "SUITE_PORT": str(port)}
        told |= {"TEST_API_BASE_URL": gateway.url + suite.root, "PYTHONPATH": str(PLUGIN)}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *OPTIONS, *files],
            cwd=folder.parents[1],
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        counted = gateway.get("/metrics")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed.group(1)) >= suite.least
    asked = re.findall(r'^candor_requests_total\{.*status="200"\} (\S+)', counted, re.MULTILINE)
    assert sum(map(float, asked)) >= suite.least / 2

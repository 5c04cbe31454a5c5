"""Real services for the tests that speak to one: found on the machine, or skipped with a reason."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
"""Where .ci/run puts binaries that no Debian package carries (helm)."""


def binary(name: str, remedy: str) -> str:
    """The path of a service's binary.

    Skips the test where it is absent; fails it instead when CANDOR_REQUIRE_SERVICES=1, which CI
    sets after installing everything.
    """
    found = shutil.which(name) or shutil.which(name, path=str(TOOLS))
    if found:
        return found
    message = f"{name} is not on this machine; {remedy}"
    if os.environ.get("CANDOR_REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    """A TCP port on loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

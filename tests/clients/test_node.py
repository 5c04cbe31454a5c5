"""Clients in Node: the openai package and the Vercel AI SDK, the same with Candor between."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.sides import Sides, missing
from tests.services import TOOLS, binary
from tests.waiting import wait_until

SCRIPTS = Path(__file__).parent / "node"
WANTED = ("openai", "ai", "@ai-sdk/openai-compatible", "zod")
Run = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a script against a base URL, beside the packages as an application has them."""
    program = binary("node", "apt-get install nodejs")
    packages = TOOLS / "node_modules"
    if absent := [name for name in WANTED if not (packages / name).is_dir()]:
        missing(f"no {', '.join(absent)} in .tools/node_modules; .ci/run says how to install them")
    place = tmp_path_factory.mktemp("node")
    (place / "node_modules").symlink_to(packages, target_is_directory=True)
    for script in SCRIPTS.glob("*.mjs"):
        (place / script.name).write_bytes(script.read_bytes())

    def run(script: str, base_url: str) -> Any:
        command = [program, script, base_url]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def answers(script: str, scripted: Sides, node: Run) -> dict[str, Any]:
    """What a script prints, which is the same either way."""
    return scripted.same(lambda root: node(script, f"{root}/v1"))


def test_the_openai_package_cannot_tell_that_the_gateway_is_there(scripted, node):
    before = scripted.provider.hangups
    told = answers("openai.mjs", scripted, node)
    assert told["chat"]["choices"][0]["message"]["content"].startswith("Seven minutes")
    assert told["parsed"]["choices"][0]["message"]["parsed"] == {"how": "soft", "minutes": 7}
    assert told["pages"] == [f"batch_{n}" for n in range(7)]
    assert told["error"]["kind"] == "RateLimitError"
    assert told["headers"] == ["req_scripted", "41", 200]
    assert told["timeout"]["kind"] == "APIConnectionTimeoutError"
    wait_until(lambda: scripted.provider.hangups == before + 4, what="hangups")


def test_the_vercel_ai_sdk_cannot_tell_that_the_gateway_is_there(scripted, node):
    told = answers("ai_sdk.mjs", scripted, node)
    assert "".join(told["stream"]["parts"]) == told["text"]["text"]
    assert told["tools"] == [{"toolName": "boil_egg", "input": {"how": "soft", "minutes": 7}}]
    assert told["object"] == {"how": "soft", "minutes": 7}
    assert told["error"]["statusCode"] == 429

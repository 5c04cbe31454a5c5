"""The command line's manners: one line for every error, and the exit codes of the contract."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.running import candor, serving
from tests.services import ROOT

GOOD = """
server: {port: 8080}
deployments:
  - {name: gpt, model: gpt-4o, upstream: {base_url: https://api.openai.com/v1}}
"""


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line]
    assert len(lines) == 1, text
    assert lines[0].startswith("candor: ")
    assert "Traceback" not in text
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["serve"], "--upstream"),
        (["serve", "--upstream", "ftp://x/v1"], "--upstream"),
        (["serve", "--config", "/nowhere.yaml"], "/nowhere.yaml"),
        (["serve", "--config", "a", "--upstream", "b"], "not both"),
        (["serve", "--port", "many"], "--port"),
        (["frobnicate"], "frobnicate"),
        (["probe", "run", "starter-hard"], "--base-url"),
        (["report", "/nowhere.jsonl"], "/nowhere.jsonl"),
        (["classify", "/nowhere.jsonl"], "/nowhere.jsonl"),
    ],
)
def test_a_usage_error_is_one_line_that_names_the_thing_and_exits_2(
    arguments: list[str], named: str, tmp_path: Path
) -> None:
    done = candor(*arguments, home=tmp_path)
    assert done.returncode == 2
    assert named in one_line(done.stderr)
    assert done.stdout == ""


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = candor("serve", "--upstream", "http://127.0.0.1:9/v1", "--port", port, home=tmp_path)
    assert done.returncode == 2
    assert "choose another --port" in one_line(done.stderr)


def test_a_store_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "candor.yaml"
    config.write_text(GOOD + "store: {url: 'sqlite:////proc/nothing/candor.db'}\n")
    done = candor("serve", "--config", str(config), "--port", "0", home=tmp_path)
    assert done.returncode == 2
    assert "/proc/nothing" in one_line(done.stderr)


def test_a_good_configuration_is_said_to_be_one(tmp_path: Path) -> None:
    config = tmp_path / "candor.yaml"
    config.write_text(GOOD)
    done = candor("check-config", str(config), home=tmp_path)
    assert done.returncode == 0
    assert "valid: 1 deployment" in done.stdout


def test_every_mistake_in_a_configuration_is_a_line_of_its_own(tmp_path: Path) -> None:
    config = tmp_path / "candor.yaml"
    config.write_text(GOOD + "mirorr: {sample: 2}\nkeys: [{name: a, key: env:CANDOR_NO_SUCH}]\n")
    done = candor("check-config", str(config), home=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert any("mirorr" in line and "mirror" in line for line in lines)
    assert any("CANDOR_NO_SUCH" in line for line in lines)
    as_json = candor("check-config", str(config), "--json", home=tmp_path)
    assert json.loads(as_json.stdout)["valid"] is False
    assert as_json.returncode == 2


def test_what_this_version_cannot_serve_is_named_before_serving(tmp_path: Path) -> None:
    config = tmp_path / "candor.yaml"
    config.write_text(
        "deployments:\n  - {name: c, upstream: {base_url: 'http://127.0.0.1:9/v1'}}\n"
        "queue: {url: 'redis://127.0.0.1:9'}\n"
    )
    assert candor("check-config", str(config), home=tmp_path).returncode == 0
    done = candor("serve", "--config", str(config), "--port", "0", home=tmp_path)
    assert done.returncode == 2
    assert "queue.url" in one_line(done.stderr)


def test_a_provider_that_nobody_knows_is_said_with_a_near_one(tmp_path: Path) -> None:
    config = tmp_path / "candor.yaml"
    config.write_text(
        "deployments:\n  - {name: c, model: c, upstream: {provider: anthropc, model: x}}\n"
    )
    with serving("--config", str(config), home=tmp_path):
        log = (tmp_path / "gateway.log").read_text()
    assert "provider_unknown" in log
    assert "anthropic" in log


def test_a_bare_candor_shows_what_there_is(tmp_path: Path) -> None:
    done = candor(home=tmp_path)
    shown = done.stdout + done.stderr
    assert {"serve", "probe", "report", "canary"} <= set(shown.split())


def test_the_example_configuration_is_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "TEAM_A_KEY", "CANDOR_ADMIN_TOKEN"):
        monkeypatch.setenv(name, f"test-{name}")
    done = candor("check-config", str(ROOT / "examples" / "candor.yaml"), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "note:" not in done.stdout

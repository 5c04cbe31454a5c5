"""The page on the simulated model, and the example client, do what they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from gateway.simulated import FakeModel, FakeServer, Persona
from gateway.simulated.faults import Faults, Signal

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "simulated-model.md").read_text(encoding="utf-8")


def output(home: Path, *arguments: str) -> str:
    """What Python prints, run from the repository with a home of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "CANDOR_HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_every_fault_every_signal_and_every_persona_is_documented_and_no_other() -> None:
    documented = set(re.findall(r"^\| `([a-z_.-]+)(?:=[^`]*)?` \|", PAGE, re.MULTILINE))
    offered = {field.name.replace("_", "-") for field in fields(Faults)}
    assert offered | set(Signal) | set(Persona) == documented


def test_the_page_s_program_runs_as_it_stands(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    truth, rate = output(tmp_path, "-c", program).strip().rsplit("\n", 1)
    assert truth.startswith("[TruthRecord(prompt=")
    assert re.fullmatch(r"\(\d+, \d+\)", rate)


def test_the_example_client_streams_the_reply(tmp_path: Path) -> None:
    with FakeServer(FakeModel()) as server:
        said = output(
            tmp_path,
            str(ROOT / "examples" / "chat.py"),
            "--base-url",
            server.base_url,
            "Name birds",
        )
        reply = server.model.answer("Name birds", Persona.CAUTIOUS)
    assert said == reply.text + "\n"

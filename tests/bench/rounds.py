"""Rounds: every target in turn, in an order that is drawn anew for each round."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import Cores
from tests.bench.scenarios import Effort, Figures, Scenario, Slot, Upstream
from tests.bench.script import request, script_named, whole
from tests.bench.targets import (
    Ground,
    Target,
    canned_configuration,
    everyone,
    first_answer,
    nginx_command,
    running,
)
from tests.services import free_port


@dataclass(frozen=True, slots=True)
class Reading:
    """What one slot gave."""

    target: str
    round: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Place:
    """The machine as the whole benchmark uses it, and LiteLLM's interpreter if there is one."""

    cores: Cores
    litellm: Path | None = None


@contextmanager
def ground(place: Place, upstream: Upstream) -> Iterator[Ground]:
    """An upstream that answers, and a folder for everything that is started in front of it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "upstream"
        there.mkdir()
        Path(folder).chmod(0o755)
        command = _upstream_command(upstream, port, there)
        with running(command, place.cores.rest, there) as child:
            first_answer(port, request("small", port=port), child)
            yield Ground(Path(folder), place.cores, port, place.litellm)


def _upstream_command(upstream: Upstream, port: int, folder: Path) -> list[str]:
    if upstream is Upstream.SCRIPTED:
        return [sys.executable, "-m", "tests.bench.upstream", "--port", str(port)]
    script = script_named("small")
    assert script is not None
    return nginx_command(canned_configuration(port, whole(script, "chatcmpl-1")), folder)


def readings(
    scenario: Scenario, names: Collection[str], place: Place, effort: Effort
) -> list[Reading]:
    """All rounds of a scenario with those of its targets that were asked for."""
    chosen = [name for name in scenario.targets if name in names]
    draw = random.Random(f"{effort.seed} {scenario.name}")
    found = []
    with (
        ground(place, scenario.upstream) as where,
        everyone(chosen, scenario.model, where) as targets,
    ):
        for number in range(effort.rounds):
            for target in order(targets, draw, effort, number=number):
                with target.awake():
                    figures = scenario.measure(Slot(target, effort, where.folder))
                found.append(Reading(target.name, number, figures))
                _tell(f"{scenario.name} {number + 1}/{effort.rounds} {target.name}", figures)
    return found


def order(
    targets: Sequence[Target], draw: random.Random, effort: Effort, *, number: int
) -> list[Target]:
    """Who has a turn in this round, and in which order."""
    taking_part = [t for t in targets if not t.slow or number < effort.slow_rounds]
    return draw.sample(taking_part, len(taking_part))


def _tell(what: str, figures: Figures) -> None:
    shown = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
    print(f"{what}: {shown}", file=sys.stderr)


def version_of(command: list[str]) -> str:
    """The last word of what a program says of its version; empty where it is not here."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    words = (said.stdout + said.stderr).split()
    return words[-1] if words else ""

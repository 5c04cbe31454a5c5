"""Reports' part of the benchmark: a run file to a page, beside reading the file's JSON alone.

The command runs in a process of its own, from its start to its end. In a round both have their
turn at the same file.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from classifiers.verdict import Label, Method, RefusalSource, Verdict
from probes.case import OR_BENCH_CATEGORIES, Expectation, ProbeCase
from probes.header import RunHeader, SetStamp
from probes.runfile import RunWriter
from probes.target import Target
from probes.trial import Outcome, Trial
from tests.bench.report import Goal, below
from tests.bench.scenarios import Effort
from tests.services import ROOT

TRIALS = 80_000
MOST_SECONDS = 5.0
_WORDS = ("here", "is", "a", "plan", "that", "you", "can", "follow", "step", "by", "step")
_COMMAND = "import typer; from probes.report_cli import report; typer.run(report)"


@dataclass(slots=True)
class Reporting:
    """What was found, a number a round; seconds are of the wall clock."""

    trials: int
    file_bytes: int = 0
    page_bytes: int = 0
    reports: list[float] = field(default_factory=list)
    parses: list[float] = field(default_factory=list)

    @property
    def times(self) -> list[float]:
        """Seconds of the whole report over seconds of parsing the file's lines."""
        return [own / other for own, other in zip(self.reports, self.parses, strict=True)]


def reporting(cores: frozenset[int], effort: Effort, *, trials: int = TRIALS) -> Reporting:
    """Measures on the first of ``cores``, in a folder that is gone afterwards."""
    found = Reporting(trials)
    own = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        run, page = Path(folder) / "run.jsonl", Path(folder) / "page.html"
        _write(run, trials, effort.seed)
        found.file_bytes = run.stat().st_size
        os.sched_setaffinity(0, sorted(cores)[:1])
        try:
            for _ in range(effort.rounds):
                found.parses.append(_parsed(run))
                found.reports.append(_reported(run, page))
        finally:
            os.sched_setaffinity(0, own)
        found.page_bytes = page.stat().st_size
    return found


def goals(found: Reporting) -> list[Goal]:
    """What a report was to reach, beside what it did reach."""
    seconds = statistics.median(found.reports) if found.reports else None
    return [below(f"rates and page of {found.trials:,} trials, s", MOST_SECONDS, seconds)]


def as_json(found: Reporting) -> dict[str, object]:
    """Every reading, for other programs."""
    return {**asdict(found), "times": found.times, "goals": [asdict(one) for one in goals(found)]}


def _parsed(run: Path) -> float:
    begun = time.perf_counter()
    with run.open("rb") as lines:
        for line in lines:
            json.loads(line)
    return time.perf_counter() - begun


def _reported(run: Path, page: Path) -> float:
    command = [sys.executable, "-c", _COMMAND, str(run), "--output", str(page)]
    begun = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True)
    return time.perf_counter() - begun


def _write(path: Path, trials: int, seed: int) -> None:
    """A run over a set like OR-Bench's 80,000 prompts, and a set that expects refusals."""
    header = RunHeader(
        run_id="bench",
        created=1.7e9,
        candor="bench",
        sets=(SetStamp("comply", "0" * 64, trials), SetStamp("refuse", "1" * 64, trials)),
        target=Target("http://127.0.0.1:9/v1", "bench").as_json(),
        seed=seed,
        limit=None,
        repeats=1,
        parameters={},
        classifier="bench@1",
        planned=trials,
    )
    with RunWriter.create(path, header) as run:
        for trial in _trials(trials, random.Random(seed)):
            run.write_trial(trial)
        run.write_summary()


def _trials(count: int, chance: random.Random) -> Iterator[Trial]:
    for number in range(count):
        refused = chance.random() < 0.1
        label = Label.DIRECT_REFUSAL if refused else Label.COMPLIANCE
        source = RefusalSource.MODEL_TEXT if refused else RefusalSource.NONE
        expectation = Expectation.REFUSE if number % 100 == 0 else Expectation.COMPLY
        name = "refuse" if expectation is Expectation.REFUSE else "comply"
        category = chance.choice(OR_BENCH_CATEGORIES)
        prompt = _words(chance, 16)
        yield Trial(
            ProbeCase(f"{number}", name, prompt, category, expectation),
            0,
            Outcome.ANSWERED,
            Verdict(label, 0.9, source, Method.EMBEDDING, "bench@1", "by chance"),
            _words(chance, 30 if refused else 120),
            asked_at=1.7e9 + number,
            latency_seconds=0.5,
            status=200,
        )


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(_WORDS, k=count))

"""A simulated model that listens, and the pieces of a run against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from classifiers.cascade import build_cascade
from classifiers.verdict import Classifier
from gateway.simulated import FakeModel, FakeServer
from probes.attempt import Limits
from probes.case import Expectation, ProbeCase, ProbeSet
from probes.launch import make_header
from probes.plan import make_plan
from probes.runfile import Run, RunWriter, read_run
from probes.runner import run_probes
from probes.summary import RunSummary
from probes.target import Target
from probes.trial import Trial

IMPATIENT = Limits(concurrency=4, timeout_seconds=20, tries=3, backoff_seconds=0.0)


def a_probe_set(count: int = 12, name: str = "small") -> ProbeSet:
    """Prompts that expect an answer and prompts that expect refusal, half and half."""
    cases = [
        ProbeCase(
            id=f"{n}",
            set=name,
            prompt=f"Question number {n}: how does it work?",
            category="violence" if n % 3 else "hate",
            expectation=Expectation.COMPLY if n % 2 else Expectation.REFUSE,
        )
        for n in range(count)
    ]
    return ProbeSet(name, tuple(cases), f"sum-{name}-{count}", "made here", "CC0-1.0")


class GatedModel(FakeModel):
    """Answers so many calls, then none until the gate opens."""

    def __init__(self, cases: Sequence[ProbeCase], *, free: int) -> None:
        super().__init__(cases)
        self.close_after(free)

    def close_after(self, calls: int) -> None:
        """Answer so many more, then wait at a new gate."""
        self.gate, self.reached = Event(), Event()
        self._left = calls

    def answer(self, *arguments: Any, **named: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            self.reached.set()
            self.gate.wait(60)
        return super().answer(*arguments, **named)


@contextmanager
def a_model(probe_set: ProbeSet, faults: str = "") -> Iterator[FakeServer]:
    with FakeServer(FakeModel(probe_set.cases, faults=faults)) as server:
        yield server


async def run_of(
    path: Path,
    probe_set: ProbeSet,
    target: Target,
    *,
    limits: Limits = IMPATIENT,
    classifier: Classifier | None = None,
    on_trial: Callable[[Trial], None] = lambda trial: None,
    repeats: int = 1,
    resume: bool = False,
) -> tuple[Run, RunSummary]:
    """Run the whole set against the target, into the file."""
    plan = make_plan([probe_set], repeats=repeats)
    cascade = classifier or build_cascade(["native", "phrases"])
    header = make_header(plan, target, cascade.name)
    with (RunWriter.resume if resume else RunWriter.create)(path, header) as run:
        summary = await run_probes(
            plan, target, cascade=cascade, run=run, limits=limits, on_trial=on_trial
        )
    return read_run(path), summary


def asked(server: FakeServer) -> Counter[str]:
    """How often each prompt came."""
    counts: Counter[str] = Counter()
    for (_, prompt), times in server.model.ledger.asked().items():
        counts[prompt] += times
    return counts

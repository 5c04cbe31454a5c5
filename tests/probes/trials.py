"""Trials and run files made by hand, for tests that need no model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from classifiers.verdict import Label, Method, RefusalSource, Verdict
from probes.case import Expectation, ProbeCase, ProbeSet
from probes.header import RunHeader, SetStamp
from probes.runfile import Run, RunWriter, read_run
from probes.target import Target
from probes.trial import Outcome, Trial

R, C, U, E = "refused", "complied", "undecided", "error"

_LABELS = {R: Label.DIRECT_REFUSAL, C: Label.COMPLIANCE, U: Label.UNDECIDED}


def a_case(
    name: str,
    *,
    category: str = "violence",
    expectation: Expectation = Expectation.COMPLY,
    of: str = "hard",
) -> ProbeCase:
    return ProbeCase(name, of, f"prompt {name}", category, expectation)


def a_verdict(what: str) -> Verdict | None:
    if what == E:
        return None
    if what == U:
        return Verdict.undecided("phrases@1", "no rule fits")
    probability = 0.99 if what == R else 0.01
    source = RefusalSource.MODEL_TEXT if what == R else RefusalSource.NONE
    return Verdict(_LABELS[what], probability, source, Method.PHRASES, "phrases@1", "by hand")


def a_trial(case: ProbeCase, what: str, *, repeat: int = 0, error: str = "timed out") -> Trial:
    failed = what == E
    return Trial(
        case=case,
        repeat=repeat,
        outcome=Outcome.ERROR if failed else Outcome.ANSWERED,
        verdict=a_verdict(what),
        reply="" if failed else f"reply to {case.id}",
        asked_at=1_700_000_000.25,
        latency_seconds=0.125,
        status=None if failed else 200,
        error=error if failed else "",
    )


def trials_of(
    outcomes: Iterable[str],
    *,
    category: str = "violence",
    expectation: Expectation = Expectation.COMPLY,
    of: str = "hard",
) -> list[Trial]:
    return [
        a_trial(
            a_case(f"{category}-{n}", category=category, expectation=expectation, of=of), outcome
        )
        for n, outcome in enumerate(outcomes)
    ]


def a_set(name: str = "hard", *, sizes: dict[str, int] | None = None) -> ProbeSet:
    sizes = {"violence": 6, "hate": 4} if sizes is None else sizes
    cases = [
        a_case(f"{category}-{n}", category=category, of=name)
        for category, size in sizes.items()
        for n in range(size)
    ]
    return ProbeSet(name, tuple(cases), f"checksum-of-{name}", "origin", "CC0-1.0")


def a_header(**changes: object) -> RunHeader:
    header = RunHeader(
        run_id="run-1",
        created=1_700_000_000.0,
        candor="0.1.0",
        sets=(SetStamp("hard", "abc123", 10),),
        target=Target("http://127.0.0.1:9/v1", "balanced").as_json(),
        seed=0,
        limit=None,
        repeats=1,
        parameters={},
        classifier="cascade(phrases@1)",
        planned=10,
    )
    return replace(header, **changes)  # type: ignore[arg-type]


def named(target: str) -> dict[str, object]:
    return {
        "name": target,
        "base_url": "http://127.0.0.1:9/v1",
        "model": target,
        "deployment": None,
    }


def a_run_file(path: Path, trials: list[Trial], **changes: object) -> Run:
    with RunWriter.create(path, a_header(**{"planned": len(trials), **changes})) as run:
        for trial in trials:
            run.write_trial(trial)
        if len(trials) == run.header.planned:
            run.write_summary()
    return read_run(path)

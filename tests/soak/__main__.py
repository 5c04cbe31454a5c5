"""The soak's command line.

    make soak                                   # an hour at half of what this machine can do
    make soak SOAK_ARGS='--minutes 5 --rate 50'

Exit code 0 when every promise is kept, else 1. docs/benchmarks.md says what it does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.bench.machine import raise_file_limit
from tests.soak.soak import Ask, Result, soak
from tests.soak.verdict import promises, table


def main() -> None:
    """Soaks and says what came of it."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, help="calls per second; half the capacity if absent")
    parser.add_argument("--faults", type=float, default=0.12, help="part of the calls disturbed")
    parser.add_argument("--seed", type=int, default=7, help="of calls and faults")
    asked = parser.parse_args()
    raise_file_limit()
    ask = Ask(asked.minutes * 60, rate=asked.rate, faults=asked.faults, seed=asked.seed)
    with tempfile.TemporaryDirectory() as home:
        result = uvloop.run(soak(ask, Path(home)))
    tell(result)
    sys.exit(not all(promise.kept for promise in promises(result)))


def tell(result: Result) -> None:
    """Prints the result."""
    print(f"{result.rate:.0f} calls/s, the gateway at {result.cpu_share:.0%} of a core")
    print(f"{result.connections} upstream connections\n\n{table(result)}\n")
    print(f"memory by tenths of the time, MB: {' '.join(tenths(result))}\n")
    for promise in promises(result):
        print(f"{'kept  ' if promise.kept else 'BROKEN'}  {promise.what}: {promise.seen}")


def tenths(result: Result) -> list[str]:
    """The gateway's memory at eleven moments: a step and a slope are told apart by them."""
    memory = result.memory
    places = [number * (len(memory) - 1) // 10 for number in range(11)] if memory else []
    return [f"{memory[place][1] / 1e6:.1f}" for place in places]


if __name__ == "__main__":
    main()

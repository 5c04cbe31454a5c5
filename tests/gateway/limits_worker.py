"""A worker process for tests: lets calls in on its own, and says how many; or holds them."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.limits import Allowance, Exceeded, Usage
from gateway.limits.local import LocalLimiter


def main(folder: str, slot: str, deed: str, count: str) -> None:
    """``press``: tries so many calls of client a (rpm=500). ``hold``: keeps so many in flight."""
    limiter = LocalLimiter(Path(folder), int(slot))
    limiter.admit_now(Allowance("warm-up"), 1)
    print("ready", flush=True)
    sys.stdin.readline()
    if deed == "press":
        allowance = Allowance("a", rpm=500)
        tries = (limiter.admit_now(allowance, 1) for _ in range(int(count)))
        print(sum(not isinstance(told, Exceeded) for told in tries), flush=True)
    else:
        allowance = Allowance("a", max_concurrency=1000)
        held = [limiter.admit_now(allowance, 1) for _ in range(int(count))]
        held.pop().settle(Usage(5, 5), 0.75)  # type: ignore[union-attr]
        print(len(held), flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])

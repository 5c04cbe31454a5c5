"""What a soak promised, and whether each promise was kept."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults import Fault
from tests.soak.ledger import Outcome
from tests.soak.soak import Result

GROWTH_BYTES = 8 * 1024 * 1024
"""How much the gateway's resident memory may grow after the warm-up, however long the soak: the
allocator's own noise on a heap of a hundred megabytes. One leaked object per call of an hour would
be a hundred times that."""
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Promise:
    """Something a soak was to show, and what it did show."""

    what: str
    kept: bool
    seen: str


def promises(result: Result) -> list[Promise]:
    """Each promise of a soak with what was seen of it."""
    books, before, after = result.books, result.before, result.after
    injected = sum(count for (fault, _), count in books.table.items() if fault is not Fault.NONE)
    complaints = books.complaints
    captures = result.captures
    return [
        Promise(
            "every client error is explained by a fault, and no fault ends cleanly",
            not complaints,
            "; ".join(complaints[:SHOWN]) or f"{books.total} calls, {injected} of them disturbed",
        ),
        Promise(
            "memory is flat",
            result.grown_bytes <= GROWTH_BYTES,
            f"{result.grown_bytes / 1024:+,.0f} KiB after the warm-up, {_memory(result)}",
        ),
        Promise(
            "no connection, file or thread is left",
            before == after and after is not None and after.idle,
            f"{before} -> {after}",
        ),
        Promise("nothing is in flight at the end", not result.in_flight, f"{result.in_flight:g}"),
        Promise(
            "the gateway counts what the clients saw",
            result.counted == books.statuses,
            f"gateway {dict(result.counted)}, clients {dict(books.statuses)}",
        ),
        Promise(
            "every queued capture is scored or has failed, once",
            captures["queued"] == captures["scored"] + captures["failed"],
            str(captures),
        ),
        Promise(
            "nothing is said of an error inside the gateway",
            "Traceback" not in result.log,
            _first_traceback(result.log),
        ),
    ]


def _memory(result: Result) -> str:
    if not result.memory:
        return "never read"
    first, last = result.memory[0][1], result.memory[-1][1]
    return f"{first / 1e6:.1f} MB at first, {last / 1e6:.1f} MB at last"


def _first_traceback(log: str) -> str:
    return log[log.index("Traceback") :][:2000] if "Traceback" in log else "none"


def table(result: Result) -> str:
    """How often each fault came to each outcome, as lines of text."""
    books = result.books
    outcomes = [each for each in Outcome if any(o is each for _, o in books.table)]
    lines = [f"{'fault':12}" + "".join(f"{each:>16}" for each in outcomes)]
    for fault in Fault:
        counts = [books.table[fault, each] for each in outcomes]
        if any(counts):
            lines.append(f"{fault:12}" + "".join(f"{count:16,}" for count in counts))
    return "\n".join(lines)

"""What the operating system says of a target: its family of processes, their CPU and memory.

CPU is the scheduler's own run time of each process of the family, user and kernel, all threads,
those that have ended too, to the nanosecond: the process's CPU-time clock (clock_getcpuclockid(3)),
which is what schedstat sums up. A process that was born and died between two readings is not seen;
no target here has such.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores the target may use, and which everything else does."""

    target: frozenset[int]
    rest: frozenset[int]

    @property
    def apart(self) -> bool:
        """Whether there are two cores at least, so that the two do not meet."""
        return not self.target & self.rest

    @property
    def every(self) -> frozenset[int]:
        """All of them."""
        return self.target | self.rest


def split_cores() -> Cores:
    """The first core for the target and the others for load and upstream."""
    first, *others = sorted(os.sched_getaffinity(0))
    return Cores(frozenset({first}), frozenset(others or {first}))


def raise_file_limit() -> None:
    """As many open files as the system allows, for this program and what it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def family(root: int) -> list[int]:
    """The process and everything that descends from it, the root first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return None


def command_line(pid: int) -> str:
    """How a process was started; empty when it is gone."""
    try:
        return (
            Path(f"/proc/{pid}/cmdline")
            .read_bytes()
            .replace(b"\0", b" ")
            .decode("utf-8", "replace")
        )
    except OSError:
        return ""


def cpu_seconds(pids: Iterable[int]) -> float:
    """Run time of these processes so far; one that is gone counts nothing."""
    total = 0.0
    for pid in pids:
        try:
            # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of Linux' posix-timers.h.
            total += time.clock_gettime((~pid << 3) | 2)
        except OSError:
            continue
    return total


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM, shared pages included; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def open_files(pid: int) -> dict[int, str]:
    """What each file descriptor of a process leads to."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except OSError:
            continue
    return found


def tell(pids: Iterable[int], what: signal.Signals) -> None:
    """Sends a signal to each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, what)
        except ProcessLookupError:
            continue


def threads(pid: int) -> int:
    """How many threads a process has; 0 when it is gone."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return 0


def connections() -> list[tuple[int, int, str]]:
    """TCP connections over IPv4, whatever their state: both ports, and what a descriptor of it
    leads to. Sockets that only listen are left out."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, *rest = line.split()
        other = int(there.rpartition(":")[2], 16)
        if other:
            own = int(here.rpartition(":")[2], 16)
            found.append((own, other, f"socket:[{rest[6]}]"))
    return found

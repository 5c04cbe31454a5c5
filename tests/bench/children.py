"""Programs of the benchmark that measure in a process of their own, on cores of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.services import ROOT


def said_by(module: str, arguments: Sequence[str], cores: Sequence[int], lines: str = "") -> str:
    """What a child printed that read ``lines``; its complaints go to stderr.

    Raises RuntimeError where it ended with another code than 0.
    """
    with opened(module, arguments, cores) as child:
        said, _ = child.communicate(lines)
    if child.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {child.returncode}")
    return said


def opened(module: str, arguments: Sequence[str], cores: Sequence[int]) -> subprocess.Popen[str]:
    """The module begun as a program that may use ``cores`` alone; stdin and stdout are pipes."""
    own = os.sched_getaffinity(0)
    # A child begins with its parent's cores.
    os.sched_setaffinity(0, cores)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            text=True,
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    finally:
        os.sched_setaffinity(0, own)

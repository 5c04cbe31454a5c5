"""Which worker of its gateway a process is."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path

from gateway.cells import SUFFIX, Cells


@dataclass(frozen=True, slots=True)
class Place:
    """A worker's slot, from 0, and the folder of all slots' cells; None: it is the only one.

    ``url`` is where the gateway answers on this machine; without one no probes are scheduled.
    ``probe_key`` lets its own probe runs in.
    """

    slot: int = 0
    folder: Path | None = None
    url: str = ""
    probe_key: str = field(default="", repr=False)

    @property
    def first(self) -> bool:
        """Whether what one worker does for all is done here: scoring, and telling of it."""
        return self.slot == 0

    def cells(self) -> Cells:
        """This worker's cells, made or gone on with; OSError where the file cannot be had."""
        return Cells(None if self.folder is None else self.folder / f"{self.slot}{SUFFIX}")


def own_url(listener: socket.socket) -> str:
    """Where a program on this machine reaches what listens there."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

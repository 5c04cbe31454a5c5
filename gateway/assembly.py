"""What serves, put together: the application, the protocol before it, and how both change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from gateway.config import Settings
from gateway.http_protocol import FrontProtocol
from gateway.mirror.judging import judge_order
from gateway.proxy.plane import Plane
from gateway.proxy.relay import Relay
from gateway.readiness import Readiness
from gateway.upstreams.opening import close_upstreams

_FIXED = (
    ("server", "host"),
    ("server", "port"),
    ("server", "workers"),
    ("server", "admin_token"),
    ("mirror", "redact"),
    ("mirror", "retention_days"),
    ("classifier", None),
    ("store", None),
    ("queue", None),
    ("limits", None),
)
"""What is read once, at the start: a socket, a file or another program hangs on it."""


@dataclass(slots=True)
class Assembly:
    """An assembled gateway. ``protocol`` goes to uvicorn's ``http`` option, ``app`` behind it.

    ``replan`` makes the plane of a configuration; ``quieten`` ends the
    gateway's own calls, and is awaited before its port is closed.
    """

    app: FastAPI
    protocol: type[FrontProtocol]
    relay: Relay
    settings: Settings
    replan: Callable[[Settings], Plane]
    readiness: Readiness
    quieten: Callable[[], Coroutine[Any, Any, None]]
    _retiring: set[asyncio.Task[None]] = field(default_factory=set)

    def reload(self, settings: Settings) -> list[str]:
        """Calls that begin from now on follow ``settings``; those that run keep what they have.

        Returns a line for each change that takes effect only at the next start. On the event loop.
        """
        old, self.relay.plane = self.relay.plane, self.replan(settings)
        task = asyncio.get_running_loop().create_task(close_upstreams(old.upstreams))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        lines = list(_fixed_changes(self.settings, settings))
        self.settings = settings
        return lines

    def drain(self) -> None:
        """/readyz says 503 from now on, so that nobody sends new calls here."""
        self.readiness.draining = True


def _fixed_changes(old: Settings, new: Settings) -> Iterator[str]:
    for branch, leaf in _FIXED:
        before, after = getattr(old, branch), getattr(new, branch)
        if leaf is not None:
            before, after = getattr(before, leaf), getattr(after, leaf)
        if before != after:
            name = branch if leaf is None else f"{branch}.{leaf}"
            yield f"{name}: changed, but read only at the start; restart to apply it"
    if judge_order(old) != judge_order(new):
        yield "classifier.judge: its deployment changed, but is read only at the start; restart"

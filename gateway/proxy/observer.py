"""The seam between the relay and everything that watches it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import structlog

from gateway.config_values import UNROUTED
from gateway.limits.usage import Usage
from gateway.proxy.endpoints import Endpoint

__all__ = [
    "UNROUTED",
    "FinishedCall",
    "GuardedObserver",
    "NullObserver",
    "Observer",
    "Traffic",
]


class Traffic(StrEnum):
    """Whose call it was."""

    LIVE = "live"
    SHADOW = "shadow"
    PROBE = "probe"


@dataclass(slots=True, kw_only=True)
class FinishedCall:
    """One call, ended, however it ended. Times in seconds; ``started_at`` is Unix time.

    ``status`` is what the client was sent, None if it left before anything was. ``overhead`` is
    the gateway's own share: from the last byte of the request to the call of the upstream, and
    from the upstream's head to that head passed on. ``deployment`` is UNROUTED for a call that
    was answered before one was chosen. ``request`` and ``reply`` are the bytes
    of the two bodies as they travelled, None unless the observer wanted this call; each holds at
    most its configured limit, and ``request_trimmed`` and ``trimmed`` say when that was less than
    all. ``cut`` is true when either side broke off before the reply's end. ``usage`` is what the
    reply says it cost in tokens, None where it says nothing that can be read.
    """

    request_id: str
    deployment: str
    endpoint: Endpoint
    path: str
    status: int | None
    started_at: float
    duration_seconds: float
    first_byte_seconds: float | None
    overhead_seconds: float
    request: bytes | None
    reply: bytes | None
    content_type: str
    content_encoding: str
    cut: bool
    trimmed: bool
    request_trimmed: bool
    traffic: Traffic
    usage: Usage | None = None


class Observer(Protocol):
    """Watches calls. Every method returns at once: it stands on the road of the bytes."""

    def arrived(self, deployment: str, endpoint: Endpoint) -> None:
        """A call is in flight to this deployment."""
        ...

    def finished(self, call: FinishedCall) -> None:
        """A call that arrived has ended; told exactly once for each."""
        ...

    def wants(self, request_id: str, deployment: str, endpoint: Endpoint) -> bool:
        """Whether the bytes of this call are to be kept. Asked once, of live judged calls only."""
        ...

    def retried(self, deployment: str) -> None:
        """A try at this deployment failed, and it is asked again."""
        ...

    def fell_back(self, deployment: str, served_by: str) -> None:
        """A call to this deployment goes to ``served_by`` instead."""
        ...

    def hidden(self, call: FinishedCall, served_by: str) -> None:
        """A refusal that the client will not see: ``served_by`` is asked instead. Told before it
        is, and in addition to what is told of the call itself."""
        ...


class NullObserver:
    """Watches nothing."""

    def arrived(self, deployment: str, endpoint: Endpoint) -> None:
        """Does nothing."""

    def finished(self, call: FinishedCall) -> None:
        """Does nothing."""

    def wants(self, request_id: str, deployment: str, endpoint: Endpoint) -> bool:
        """Wants no bytes."""
        return False

    def retried(self, deployment: str) -> None:
        """Does nothing."""

    def fell_back(self, deployment: str, served_by: str) -> None:
        """Does nothing."""

    def hidden(self, call: FinishedCall, served_by: str) -> None:
        """Does nothing."""


class GuardedObserver:
    """Keeps an observer's failure away from the reply: counted in ``failures``, logged, ended.

    This is the one place on the request's road where every exception is caught. Whatever an
    observer does wrong, the client's bytes are worth more.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._log = structlog.get_logger()
        self.failures = 0

    def arrived(self, deployment: str, endpoint: Endpoint) -> None:
        """Passes the news on."""
        try:
            self._observer.arrived(deployment, endpoint)
        except Exception as problem:  # the edge: what watches must not break what it watches
            self._failed("arrived", problem)

    def finished(self, call: FinishedCall) -> None:
        """Passes the news on."""
        try:
            self._observer.finished(call)
        except Exception as problem:  # the edge, as above
            self._failed("finished", problem)

    def wants(self, request_id: str, deployment: str, endpoint: Endpoint) -> bool:
        """Asks; an observer that fails wants nothing."""
        try:
            return self._observer.wants(request_id, deployment, endpoint)
        except Exception as problem:  # the edge, as above
            self._failed("wants", problem)
            return False

    def retried(self, deployment: str) -> None:
        """Passes the news on."""
        try:
            self._observer.retried(deployment)
        except Exception as problem:  # the edge, as above
            self._failed("retried", problem)

    def fell_back(self, deployment: str, served_by: str) -> None:
        """Passes the news on."""
        try:
            self._observer.fell_back(deployment, served_by)
        except Exception as problem:  # the edge, as above
            self._failed("fell_back", problem)

    def hidden(self, call: FinishedCall, served_by: str) -> None:
        """Passes the news on."""
        try:
            self._observer.hidden(call, served_by)
        except Exception as problem:  # the edge, as above
            self._failed("hidden", problem)

    def _failed(self, what: str, problem: Exception) -> None:
        self.failures += 1
        # The type alone: the text of an exception may quote a prompt.
        self._log.error("observer_failed", call=what, error=type(problem).__name__)

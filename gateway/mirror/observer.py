"""The observer of the relay: measures every call, and queues the sampled ones."""

from __future__ import annotations

from typing import Protocol

from gateway.counting import Metrics
from gateway.mirror.capture import Capture
from gateway.mirror.sampling import sampled
from gateway.proxy.endpoints import Endpoint
from gateway.proxy.observer import FinishedCall, Traffic


class Queue(Protocol):
    """Where captures wait. An offer never waits and never raises."""

    def offer(self, capture: Capture) -> None:
        """Take a capture, or drop it and count that."""
        ...


class MirrorObserver:
    """Counts all calls; keeps live ones whose reply can be judged, at the rate ``sample``."""

    def __init__(self, metrics: Metrics, queue: Queue, *, sample: float) -> None:
        self._metrics = metrics
        self._queue = queue
        self._sample = sample

    def arrived(self, deployment: str, endpoint: Endpoint) -> None:
        """One more call is in flight."""
        self._metrics.arrived(deployment)

    def wants(self, request_id: str, deployment: str, endpoint: Endpoint) -> bool:
        """True for the calls that the request id chooses."""
        return endpoint.judged and sampled(request_id, self._sample)

    def finished(self, call: FinishedCall) -> None:
        """Measure the call and, if its bytes were kept, offer them to the queue.

        Probes are judged by whoever sent them: mirrored as well, they would count twice.
        """
        self._metrics.finished(call)
        self._offer(call)

    def retried(self, deployment: str) -> None:
        """One more try."""
        self._metrics.retried(deployment)

    def fell_back(self, deployment: str, served_by: str) -> None:
        """One more call that another deployment is asked to serve."""
        self._metrics.fell_back(deployment, served_by)

    def hidden(self, call: FinishedCall, served_by: str) -> None:
        """Count the refusal before it is hidden; if its bytes were kept, it is judged like any."""
        self._metrics.hidden_refusal(call.deployment, served_by)
        self._offer(call)

    def _offer(self, call: FinishedCall) -> None:
        if call.traffic is Traffic.PROBE or not call.endpoint.judged:
            return
        capture = Capture.of(call)
        if capture is not None:
            self._queue.offer(capture)

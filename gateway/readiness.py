"""Whether new calls are welcome here, and how the deployments do as far as calls have shown."""

from __future__ import annotations

import time

from gateway.proxy.relay import Relay


class Readiness:
    """What /readyz tells. A gateway that drains says no before it closes its door.

    A deployment whose circuit is open is no reason to say no: the gateway itself relays, and a
    balancer that took it out would take the other deployments out too.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.draining = False

    def report(self) -> tuple[int, dict[str, object]]:
        """The HTTP status and what goes with it: by deployment, the state of its circuit."""
        states = self._relay.plane.health.snapshot(time.monotonic())
        circuits = {name: state.value for name, state in states.items()}
        if self.draining:
            return 503, {"status": "draining", "circuits": circuits}
        return 200, {"status": "ok", "circuits": circuits}

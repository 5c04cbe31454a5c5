"""What a call used, told to its client's limits when it ends."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.limits import Lease, Prices, TokenCounter, Usage
from gateway.proxy.record import CallRecord


@dataclass(frozen=True, slots=True)
class Settling:
    """Settles leases: with what the reply says, else with what is counted afterwards."""

    prices: Prices
    counter: TokenCounter

    def settle(self, lease: Lease, record: CallRecord, *, model: str | None, counted: bool) -> None:
        """The call is over and nothing more goes to its client; returns at once.

        ``model`` is the one that the client asked for; ``counted`` says whether its limits need
        to know what the call used.
        """

        def cost(usage: Usage) -> float | None:
            return self.prices.usd(record.deployment, usage, model)

        usage = record.usage()
        told = usage is not None and not usage.estimated
        kept = record.kept() if counted and not told else None
        if kept is not None:
            self.counter.settle(lease, kept, cost)
        else:
            lease.settle(usage, None if usage is None else cost(usage))

"""What a run may spend and has spent, in dollars."""

from __future__ import annotations

import math

from classifiers.exchange import Exchange, Usage
from probes.price import Price
from probes.problem import BudgetProblem

BYTES_PER_TOKEN = 3
"""UTF-8 bytes that make a token where nobody counted: English has some four, so this is dear."""


class Budget:
    """A run's account. It is charged as replies come, before they are judged or written down.

    ``spent_usd`` is what earlier parts of the run cost. Raises BudgetProblem for a cap without a
    price.
    """

    def __init__(
        self, price: Price | None = None, cap_usd: float | None = None, *, spent_usd: float = 0.0
    ) -> None:
        if cap_usd is not None and price is None:
            raise BudgetProblem(
                "--max-cost needs the price of the model, which is not known; say it with "
                "--price INPUT/OUTPUT in USD per million tokens"
            )
        self.price = price
        self.cap_usd = cap_usd
        self.spent_usd = spent_usd

    @property
    def reached(self) -> bool:
        """Whether no further attempt may begin: the cap is spent."""
        return self.cap_usd is not None and self.spent_usd >= self.cap_usd

    def charge(self, exchange: Exchange, *, request_bytes: int) -> float | None:
        """Book a reply; what it cost, None where no price or no count of tokens is known.

        A reply whose tokens nobody counted is booked by its length, so that the cap holds.
        """
        if self.price is None:
            return None
        cost = self.price.of(exchange)
        if cost is not None:
            self.spent_usd += cost
        elif exchange.reply or exchange.reasoning:
            written = f"{exchange.reply}{exchange.reasoning}"
            self.spent_usd += self.price.of_tokens(estimated(request_bytes, written))
        return cost

    def charge_lost(self, *, request_bytes: int, expected_tokens: float) -> None:
        """Book a try whose reply never came: its provider may have written and counted one.

        ``expected_tokens``, in and out, are what it was taken to come to before it was asked.
        """
        if self.price is not None:
            asked = estimated(request_bytes, "").input_tokens
            written = max(0, math.ceil(expected_tokens) - asked)
            self.spent_usd += self.price.of_tokens(Usage(asked, written))


def estimated(request_bytes: int, written: str) -> Usage:
    """The tokens, on the dear side, of a request and a reply of which nobody counted them."""
    written_bytes = len(written.encode("utf-8", "surrogatepass"))
    return Usage(request_bytes // BYTES_PER_TOKEN + 1, written_bytes // BYTES_PER_TOKEN + 1)

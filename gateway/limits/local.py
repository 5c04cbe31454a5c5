"""Limits of one machine: right over all of its worker processes, without any server.

Each worker writes its own ledger and adds up all of them. Between adding up and writing lie a few
microseconds in which each other worker can let one call in, so W workers may together let in at
most W - 1 calls above a limit on requests or on calls at once. The month's spending outlives every
restart; machines do not know of each other (for that, see redis_limiter).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from gateway.limits.accounts import Account, Accounts
from gateway.limits.ledger import HELD_TOKENS, IN_FLIGHT, MONTH, REQUESTS, SPENT, TOKENS
from gateway.limits.limiter import (
    UNKNOWN_WAIT_SECONDS,
    Allowance,
    Exceeded,
    Resource,
    budget_exceeded,
    concurrency_exceeded,
)
from gateway.limits.months import Calendar
from gateway.limits.usage import Usage
from gateway.limits.window import PER_SECOND, SPAN, quarter_with_room, use

NANO = 1_000_000_000
"""Money is kept in billionths of a dollar: the cheapest tokens cost some ten of them."""
MOST_USD = 1_000_000.0
"""One call does not cost more; sums must fit 64 bits."""
MOST_TOKENS = 1 << 40
"""One call does not use more; sums must fit 64 bits."""


class LocalLease:
    """A call in flight, counted in this worker's ledger."""

    __slots__ = ("_account", "_held", "_limiter")

    def __init__(self, limiter: LocalLimiter, account: Account, held: int) -> None:
        self._limiter = limiter
        self._account: Account | None = account
        self._held = held

    def settle(self, usage: Usage | None, usd: float | None) -> None:
        """Frees its place and debits what it used; only the first time counts."""
        account, self._account = self._account, None
        if account is not None:
            tokens = 0 if usage is None else usage.total_tokens
            self._limiter.end(account, self._held, tokens=tokens, usd=usd)


class LocalLimiter:
    """Limits kept under ``folder``; for one event loop. ``slot`` is this worker's number.

    ``steady`` must be one clock for all processes of the machine, as time.monotonic is; ``wall`` is
    Unix time.
    """

    def __init__(
        self,
        folder: Path,
        slot: int = 0,
        *,
        steady: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._steady = steady
        self._wall = wall
        self._calendar = Calendar()
        self._accounts = Accounts(folder, slot)
        self._in_flight = 0
        self._closing = False

    async def admit(self, allowance: Allowance, tokens_estimate: int) -> LocalLease | Exceeded:
        """Takes a place for a call, or says what is used up; never waits."""
        return self.admit_now(allowance, tokens_estimate)

    def admit_now(self, allowance: Allowance, tokens_estimate: int) -> LocalLease | Exceeded:
        """The same for callers that cannot await."""
        account = self._accounts.of(allowance.name)
        now = self._steady()
        # An estimate above the whole limit would never pass: it is one, and may be wrong.
        held = 0 if allowance.tpm is None else max(1, min(tokens_estimate, allowance.tpm))
        exceeded = self._exceeded(allowance, account, now, held=held)
        if exceeded is not None:
            in_flight = exceeded.what in (Resource.TOKENS, Resource.CONCURRENCY)
            if not in_flight or not self._accounts.look_again(now):
                return exceeded
            # Calls of a worker that was killed are over.
            exceeded = self._exceeded(allowance, account, now, held=held)
            if exceeded is not None:
                return exceeded
        row = account.own
        cells, at = row.cells, row.at
        use(cells, at + REQUESTS, int(now * PER_SECOND), amount=1)
        cells[at + IN_FLIGHT] += 1
        cells[at + HELD_TOKENS] += held
        self._in_flight += 1
        return LocalLease(self, account, held)

    def end(self, account: Account, held: int, *, tokens: int, usd: float | None) -> None:
        """A call of this worker's is over: its lease says so, once."""
        row = account.own
        row.cells[row.at + IN_FLIGHT] -= 1
        row.cells[row.at + HELD_TOKENS] -= held
        self._debit(account, tokens, usd)
        self._in_flight -= 1
        if self._closing and not self._in_flight:
            self._accounts.close()

    def debit(self, name: str, tokens: int, usd: float | None) -> None:
        """Writes down what a call used that was let in elsewhere."""
        self._debit(self._accounts.of(name), tokens, usd)

    async def aclose(self) -> None:
        """Gives the ledger up as soon as no call is in flight."""
        self._closing = True
        if not self._in_flight:
            self._accounts.close()

    def _debit(self, account: Account, tokens: int, usd: float | None) -> None:
        cells, at = account.own.cells, account.own.at
        if tokens > 0:
            quarter = int(self._steady() * PER_SECOND)
            use(cells, at + TOKENS, quarter, amount=min(tokens, MOST_TOKENS))
        nano = in_nano(usd)
        if not nano:
            return
        month = self._calendar.month(self._wall()).number
        if cells[at + MONTH] < month:
            # In this order: whoever reads in between must not take the old sum for the new month's.
            cells[at + SPENT] = 0
            cells[at + MONTH] = month
        cells[at + SPENT] += nano

    def _exceeded(
        self, allowance: Allowance, account: Account, now: float, *, held: int
    ) -> Exceeded | None:
        quarter = int(now * PER_SECOND)
        rpm, tpm, most = allowance.rpm, allowance.tpm, allowance.max_concurrency
        if allowance.usd_per_month is not None:
            moment = self._wall()
            month = self._calendar.month(moment)
            if account.spent(month.number) >= allowance.usd_per_month * NANO:
                return budget_exceeded(allowance, month.ends - moment)
        if rpm is not None and account.used(REQUESTS, quarter) >= rpm:
            return _rate_exceeded(Resource.REQUESTS, allowance, account, now=now)
        if tpm is not None:
            taken = account.now(HELD_TOKENS)
            if account.used(TOKENS, quarter) + taken + held > tpm:
                return _rate_exceeded(
                    Resource.TOKENS, allowance, account, now=now, taken=taken, wanted=held
                )
        if most is not None and account.now(IN_FLIGHT) >= most:
            return concurrency_exceeded(allowance)
        return None


def _rate_exceeded(
    what: Resource,
    allowance: Allowance,
    account: Account,
    *,
    now: float,
    taken: int = 0,
    wanted: int = 1,
) -> Exceeded:
    """Why a call that wants so much must wait, where so much is held by calls in flight."""
    limit = (allowance.rpm if what is Resource.REQUESTS else allowance.tpm) or 0
    window = REQUESTS if what is Resource.REQUESTS else TOKENS
    quarter = int(now * PER_SECOND)
    used = account.used(window, quarter)
    fits = quarter_with_room(
        lambda later: account.used(window, later), quarter, limit - taken - wanted
    )
    wait = UNKNOWN_WAIT_SECONDS if fits is None else fits / PER_SECOND - now
    reset = (account.last_use(window) + SPAN + 1) / PER_SECOND - now
    return Exceeded(
        what,
        limit,
        max(0, limit - used - taken),
        max(wait, 0.001),
        name=allowance.name,
        reset_seconds=max(reset, 0.0),
    )


def in_nano(usd: float | None) -> int:
    """Billionths of a dollar; 0 for what is not known or makes no sense."""
    return round(min(usd, MOST_USD) * NANO) if usd is not None and usd > 0 else 0

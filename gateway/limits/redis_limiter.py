"""Limits that several machines share, in Redis.

When Redis is away, calls are not turned away: each machine limits for itself until Redis is back,
as Envoy's rate limit filter lets calls pass by default (failure_mode_deny), but not without any
limit. A budget that was seen to be spent stays spent meanwhile, and what is spent meanwhile is told
to Redis afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from gateway.limits.limiter import (
    UNKNOWN_WAIT_SECONDS,
    Allowance,
    Exceeded,
    Lease,
    Resource,
    budget_exceeded,
    concurrency_exceeded,
)
from gateway.limits.local import MOST_TOKENS, NANO, LocalLimiter, in_nano
from gateway.limits.months import Calendar
from gateway.limits.redis_line import AWAY_SECONDS, RedisAway, RedisLine
from gateway.limits.redis_scripts import ADMIT, RENEW, SETTLE
from gateway.limits.usage import Usage

PREFIX = "candor"
"""What the names of all keys begin with."""
ANSWER_SECONDS = 0.25
"""How long Redis may take. Envoy's filter waits 20 ms; here a whole process may be busy."""
LEASE_SECONDS = 60.0
"""When a call in flight is given up, unless its gateway says before that it still goes on."""
_DRAIN_SECONDS = 2.0
"""How long closing waits for Redis to take what was used."""


def redis_at(url: str) -> Redis:
    """A client for a redis:// URL; ValueError where that is none. Connects when it is first used.

    One immediate retry, because a connection that was idle may have been closed by the server.
    """
    return Redis.from_url(
        url,
        decode_responses=False,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )


class RedisLease:
    """A call in flight that Redis knows of."""

    __slots__ = ("_limiter", "_member", "_name")

    def __init__(self, limiter: RedisLimiter, name: str, member: str) -> None:
        self._limiter: RedisLimiter | None = limiter
        self._name = name
        self._member = member

    def settle(self, usage: Usage | None, usd: float | None) -> None:
        """Tells Redis soon; only the first time counts."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            tokens = 0 if usage is None else usage.total_tokens
            limiter.end(self._name, self._member, tokens=tokens, usd=usd)


class SpareLease:
    """A call that was let in while Redis was away. What it costs, Redis is told afterwards."""

    __slots__ = ("_lease", "_limiter", "_name")

    def __init__(self, limiter: RedisLimiter, name: str, lease: Lease) -> None:
        self._limiter: RedisLimiter | None = limiter
        self._name = name
        self._lease = lease

    def settle(self, usage: Usage | None, usd: float | None) -> None:
        """Settles here; only the first time counts."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            self._lease.settle(usage, usd)
            limiter.owe(self._name, usd)


class RedisLimiter:
    """Limits in ``redis``, or in ``spare`` while that is away; for one event loop.

    ``failures`` counts the times that Redis was found away.
    """

    def __init__(
        self,
        redis: Redis,
        spare: LocalLimiter,
        *,
        prefix: str = PREFIX,
        lease_seconds: float = LEASE_SECONDS,
        away_seconds: float = AWAY_SECONDS,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._line = RedisLine(redis, away_seconds=away_seconds)
        self._spare = spare
        self._prefix = prefix
        self._lease_seconds = lease_seconds
        self._wall = wall
        self._calendar = Calendar()
        self._id = secrets.token_hex(6)
        self._count = 0
        self._open: dict[str, str] = {}
        self._spent: dict[str, tuple[str, int]] = {}
        self._owed: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._renewing: asyncio.Task[None] | None = None

    @property
    def failures(self) -> int:
        """Times that Redis was found away."""
        return self._line.failures

    async def admit(self, allowance: Allowance, tokens_estimate: int) -> Lease | Exceeded:
        """Takes a place for a call, or says what is used up; one round trip to Redis."""
        name = allowance.name
        if self._line.away:
            return self._without_redis(allowance, tokens_estimate)
        if self._line.healthy:
            self._pay_debts()
        held = 0 if allowance.tpm is None else max(1, min(tokens_estimate, allowance.tpm))
        self._count += 1
        member = f"{self._id}-{self._count}:{held}"
        month = self._month()
        arguments = [*_limits(allowance), held, member, int(self._lease_seconds * 1000)]
        try:
            answer = await self._line.ask(ADMIT, self._keys(name, month), arguments)
        except (RedisAway, asyncio.CancelledError) as problem:
            # It may have been let in all the same.
            self._line.tell(SETTLE, self._keys(name, month), [member, 0, 0])
            if isinstance(problem, asyncio.CancelledError):
                raise
            return self._without_redis(allowance, tokens_estimate)
        what = str(answer[0], "ascii")
        if what:
            return self._exceeded(allowance, Resource(what), answer[1:])
        self._spent[name] = (month, int(answer[1]))
        self._open[member] = name
        self._keep_renewing()
        return RedisLease(self, name, member)

    def end(self, name: str, member: str, *, tokens: int, usd: float | None) -> None:
        """A call is over: its lease says so, once."""
        self._open.pop(member, None)
        nano, tokens = in_nano(usd), max(0, min(tokens, MOST_TOKENS))
        # What this machine knows of when it must do without Redis.
        self._spare.debit(name, tokens, usd)
        try:
            self._line.tell(SETTLE, self._keys(name, self._month()), [member, tokens, nano])
        except RuntimeError:  # there is no loop any more: the gateway has ended
            self._line.lost += 1

    def owe(self, name: str, usd: float | None) -> None:
        """Something was spent while Redis was away."""
        if nano := in_nano(usd):
            self._owed[(name, self._month())] += nano
            self._keep_renewing()

    async def aclose(self) -> None:
        """Tells Redis what it does not know yet, if it answers, and closes the connection."""
        self._pay_debts()
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])
        await self._line.drained(_DRAIN_SECONDS)
        await self._line.aclose()
        await self._spare.aclose()

    def _without_redis(self, allowance: Allowance, tokens_estimate: int) -> Lease | Exceeded:
        month, spent = self._spent.get(allowance.name, ("", 0))
        limit = allowance.usd_per_month
        if limit is not None and month == self._month() and spent >= limit * NANO:
            return self._exceeded(allowance, Resource.BUDGET, [])
        lease = self._spare.admit_now(allowance, tokens_estimate)
        if isinstance(lease, Exceeded):
            return lease
        return SpareLease(self, allowance.name, lease)

    def _exceeded(self, allowance: Allowance, what: Resource, told: list[Any]) -> Exceeded:
        if what is Resource.BUDGET:
            moment = self._wall()
            return budget_exceeded(allowance, self._calendar.month(moment).ends - moment)
        if what is Resource.CONCURRENCY:
            return concurrency_exceeded(allowance)
        left, wait, reset = (int(value) for value in told)
        limit = allowance.rpm if what is Resource.REQUESTS else allowance.tpm
        seconds = UNKNOWN_WAIT_SECONDS if wait < 0 else max(wait, 1) / 1000
        return Exceeded(
            what, limit or 0, left, seconds, name=allowance.name, reset_seconds=reset / 1000
        )

    def _pay_debts(self) -> None:
        while self._owed:
            (name, month), nano = self._owed.popitem()
            self._line.tell(SETTLE, self._keys(name, month), ["", 0, nano])

    def _keep_renewing(self) -> None:
        if self._renewing is None or self._renewing.done():
            # Without a loop the gateway has ended.
            with contextlib.suppress(RuntimeError):
                self._renewing = asyncio.get_running_loop().create_task(self._renew())

    async def _renew(self) -> None:
        """Says of calls in flight that they still are, well before they are given up."""
        while self._open or self._owed:
            await asyncio.sleep(self._lease_seconds / 3)
            self._pay_debts()
            by_name: defaultdict[str, list[str]] = defaultdict(list)
            for member, name in self._open.items():
                by_name[name].append(member)
            for name, members in by_name.items():
                if self._line.healthy:
                    arguments = [int(self._lease_seconds * 1000), *members]
                    self._line.tell(RENEW, self._keys(name, self._month()), arguments)

    def _month(self) -> str:
        return self._calendar.month(self._wall()).label

    def _keys(self, name: str, month: str) -> list[str]:
        # The braces put all keys of a client in one slot of a cluster.
        start = f"{self._prefix}:{{{name}}}:"
        return [
            f"{start}state",
            f"{start}requests",
            f"{start}tokens",
            f"{start}open",
            f"{start}spent:{month}",
        ]


def _limits(allowance: Allowance) -> list[int]:
    """Requests, tokens, calls at once, billionths of a dollar; -1 where there is no limit."""
    usd = allowance.usd_per_month
    budget = None if usd is None else math.ceil(usd * NANO)
    limits = (allowance.rpm, allowance.tpm, allowance.max_concurrency, budget)
    return [-1 if limit is None else limit for limit in limits]

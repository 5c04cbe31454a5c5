"""What a client may use, what it is told when it has used it, and what every limiter offers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gateway.config import KeySettings
from gateway.limits.usage import Usage

HeaderPairs = tuple[tuple[bytes, bytes], ...]


class Resource(StrEnum):
    """What a limit is on."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    CONCURRENCY = "concurrency"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one client may use; None where there is no limit.

    It comes along with each call, so a configuration that is read anew holds from its next call
    on, and what the client has used so far still counts. ``name`` is the key's, which is what usage
    is counted by.
    """

    name: str
    rpm: int | None = None
    tpm: int | None = None
    max_concurrency: int | None = None
    usd_per_month: float | None = None

    @property
    def needs_usage(self) -> bool:
        """Whether what a call used must be known when it ends."""
        return self.tpm is not None or self.usd_per_month is not None


def allowance_of(key: KeySettings) -> Allowance | None:
    """What a configured client may use; None where nothing limits it."""
    limits = (key.rpm, key.tpm, key.max_concurrency, key.usd_per_month)
    return None if all(limit is None for limit in limits) else Allowance(key.name, *limits)


_CODES = {
    Resource.REQUESTS: "candor_rate_limited",
    Resource.TOKENS: "candor_tokens_limited",
    Resource.CONCURRENCY: "candor_concurrency_limited",
    Resource.BUDGET: "candor_budget_exhausted",
}
_KINDS = {
    Resource.REQUESTS: "requests",
    Resource.TOKENS: "tokens",
    Resource.CONCURRENCY: "requests",
    Resource.BUDGET: "insufficient_quota",
}
"""The ``type`` that OpenAI gives its own 429 of each kind."""

_UNITS = {
    Resource.REQUESTS: ("requests a minute", "rpm"),
    Resource.TOKENS: ("tokens a minute", "tpm"),
    Resource.CONCURRENCY: ("calls at once", "max_concurrency"),
    Resource.BUDGET: ("USD a month", "usd_per_month"),
}


@dataclass(frozen=True, slots=True)
class Exceeded:
    """Why a call may not go on now: one 429.

    ``limit`` and ``remaining`` are in the unit of the limit. ``retry_after_seconds`` is when the
    same call will fit if nothing else is sent; of calls in flight nobody knows when they end, so
    there it is one second. ``reset_seconds`` is when all of the limit is free again, None where
    that is no matter of time.
    """

    what: Resource
    limit: float
    remaining: float
    retry_after_seconds: float
    name: str
    reset_seconds: float | None = None

    @property
    def code(self) -> str:
        """The error's code in the body."""
        return _CODES[self.what]

    @property
    def kind(self) -> str:
        """The error's type in the body, as OpenAI's clients know it."""
        return _KINDS[self.what]

    @property
    def message(self) -> str:
        """One line for whoever called."""
        unit, setting = _UNITS[self.what]
        when = "the next month begins" if self.what is Resource.BUDGET else "try again"
        wait = duration_text(self.retry_after_seconds)
        limit = f"{self.limit:.12g} {unit} ({setting})"
        return f"The key {self.name!r} has used its {limit}; {when} in {wait}."

    def headers(self) -> HeaderPairs:
        """Headers of the reply: when to come back, and of rates what OpenAI's clients read.

        Retry-After (RFC 9110, 10.2.3) is in whole seconds, never too early. The openai SDKs take
        retry-after-ms before it, and x-should-retry before either.
        """
        wait = max(self.retry_after_seconds, 0.001)
        pairs = [
            (b"retry-after", b"%d" % math.ceil(wait)),
            (b"retry-after-ms", b"%d" % math.ceil(wait * 1000)),
        ]
        if self.what is Resource.BUDGET:
            pairs.append((b"x-should-retry", b"false"))
        if self.what in (Resource.REQUESTS, Resource.TOKENS):
            unit = self.what.value.encode("ascii")
            reset = wait if self.reset_seconds is None else self.reset_seconds
            pairs += [
                (b"x-ratelimit-limit-" + unit, b"%d" % self.limit),
                (b"x-ratelimit-remaining-" + unit, b"%d" % self.remaining),
                (b"x-ratelimit-reset-" + unit, duration_text(reset).encode("ascii")),
            ]
        return tuple(pairs)


def duration_text(seconds: float) -> str:
    """A length of time as OpenAI's headers write it (120ms, 7.5s, 6m0s), in whole milliseconds."""
    milliseconds = math.ceil(max(seconds, 0.0) * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    last = f"{rest / 1000:g}s"
    if hours:
        return f"{hours}h{minutes}m{last}"
    return f"{minutes}m{last}" if minutes else last


UNKNOWN_WAIT_SECONDS = 1.0
"""When to come back if that depends on calls in flight, whose end nobody knows."""


def concurrency_exceeded(allowance: Allowance) -> Exceeded:
    """As many calls are in flight as may be."""
    limit = allowance.max_concurrency or 0
    return Exceeded(Resource.CONCURRENCY, limit, 0, UNKNOWN_WAIT_SECONDS, name=allowance.name)


def budget_exceeded(allowance: Allowance, seconds_left: float) -> Exceeded:
    """The month's money is spent, and so many seconds of the month are left."""
    limit = allowance.usd_per_month or 0.0
    return Exceeded(Resource.BUDGET, limit, 0, seconds_left, name=allowance.name)


class Lease(Protocol):
    """A call that was let in."""

    def settle(self, usage: Usage | None, usd: float | None) -> None:
        """The call is over, however it ended: frees its place and debits what it used.

        None is for what is not known, which then costs nothing. Only the first time counts; it
        never waits and never raises.
        """
        ...


class Limiter(Protocol):
    """Lets calls in as long as their clients' limits have room."""

    async def admit(self, allowance: Allowance, tokens_estimate: int) -> Lease | Exceeded:
        """Takes a place for a call, or says what is used up.

        ``tokens_estimate`` is what the call will use as far as anyone can tell beforehand; so much
        is held until the lease is settled. A call that is turned away uses nothing up.
        """
        ...

    async def aclose(self) -> None:
        """Writes what is still to be written. Leases may be settled even after this."""
        ...

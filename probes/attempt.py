"""One attempt: a case put to the target, tried again where the failure is not its answer."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field, replace

from classifiers.cascade import unjudgeable
from classifiers.exchange import Ending, Exchange
from classifiers.wire import RawReply, read_exchange
from probes.budget import Budget
from probes.cache import Asked, ReplyCache
from probes.header import RunHeader
from probes.line import Line, LineBroken
from probes.pace import Pace
from probes.parameters import request_of
from probes.plan import Attempt
from probes.target import idempotency_key

_TRY_AGAIN = frozenset({408, 409, 429})
"""With every 5xx: the statuses that say nothing about the prompt (as the OpenAI SDK has it)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard a run may press its target.

    ``timeout_seconds`` bounds one try; ``tries`` counts the first one too. Between tries lies a
    random part of ``backoff_seconds`` doubled each time, up to ``longest_backoff_seconds``; where
    the server names a time (Retry-After) that counts instead, unless it is longer than
    ``longest_wait_seconds``: then the attempt has failed. ``reply_bytes`` bounds a reply kept.
    """

    concurrency: int = 8
    requests_per_minute: float | None = None
    timeout_seconds: float = 60.0
    tries: int = 4
    backoff_seconds: float = 0.5
    longest_backoff_seconds: float = 8.0
    longest_wait_seconds: float = 120.0
    reply_bytes: int = 8 * 1024 * 1024
    tokens_per_minute: float | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What a run may draw on beside its target: its account, and the replies of earlier runs."""

    budget: Budget = field(default_factory=Budget)
    cache: ReplyCache | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt's last try, before it is judged.

    ``exchange`` is None where no response came at all; ``unreachable`` then says that the target
    could not even be connected to. ``failure`` is one line, empty where a reply was read whole.
    ``cost_usd`` is what all tries cost, None where that is not known.
    """

    exchange: Exchange | None
    status: int | None
    asked_at: float
    latency_seconds: float
    failure: str = ""
    unreachable: bool = False
    wait_seconds: float | None = None
    cost_usd: float | None = None
    cached: bool = False

    @property
    def final(self) -> bool:
        """Whether asking again could only repeat it: a reply, a stated refusal, a plain error."""
        if self.exchange is None:
            return False
        if self.exchange.signals:
            return True
        if self.exchange.ending is Ending.CUT:
            return False
        return self.status not in _TRY_AGAIN and (self.status or 0) < 500


class Asker:
    """Puts attempts to one target through one line."""

    def __init__(
        self,
        line: Line,
        header: RunHeader,
        *,
        limits: Limits,
        means: Means,
        winding_down: asyncio.Event,
    ) -> None:
        self._line = line
        self._header = header
        self._limits = limits
        self._means = means
        self._winding_down = winding_down
        most = header.parameters.get("max_tokens")
        self._pace = Pace(
            limits.requests_per_minute,
            limits.tokens_per_minute,
            most_output=most if isinstance(most, int) else None,
        )

    async def ask(self, attempt: Attempt) -> Answer | None:
        """The attempt's answer, after as many tries as the limits allow. Raises nothing foreign.

        None where the run winds down before a try that it still needs: whoever resumes the run
        asks anew, so nobody waits for a server's Retry-After. A run whose budget is spent winds
        down here.
        """
        request = request_of(attempt.case.prompt, self._header.model, self._header.parameters)
        body = json.dumps(request).encode()
        cache = self._means.cache
        if cache is None:
            return await self._ask(attempt, body, cache)
        asked = Asked(self._header.asked_of, request, attempt.repeat)
        kept = await asyncio.to_thread(cache.get, asked, body)
        return await self._ask(attempt, body, asked) if kept is None else _from_cache(kept)

    async def _ask(self, attempt: Attempt, body: bytes, asked: Asked | None) -> Answer | None:
        key = idempotency_key(self._header.run_id, attempt.key)
        if self._means.budget.reached:
            self._winding_down.set()
            return None
        expected = self._pace.expected(len(body))
        if not await self._pace.slot(self._winding_down, tokens=expected):
            return None
        jitter: random.Random | None = None
        paid: list[float | None] = []
        for number in range(1, self._limits.tries + 1):
            if number > 1 and not await self._pace.slot(self._winding_down, tokens=expected):
                return None
            answer, raw = await self._try(body, key, expected)
            if answer.exchange is not None:
                paid.append(answer.cost_usd)
            if answer.final or number == self._limits.tries:
                break
            jitter = jitter or random.Random(key)
            if answer.wait_seconds is None:
                await asyncio.sleep(jitter.random() * self._backoff(number))
            elif answer.wait_seconds <= self._limits.longest_wait_seconds:
                self._pace.pause(answer.wait_seconds)
            else:
                break
        if asked is not None and raw is not None and _worth_keeping(answer):
            assert self._means.cache is not None
            await asyncio.to_thread(self._means.cache.put, asked, raw)
        return replace(answer, cost_usd=_sum(paid)) if len(paid) > 1 else answer

    def _backoff(self, number: int) -> float:
        longest = self._limits.longest_backoff_seconds
        return min(self._limits.backoff_seconds * 2.0 ** (number - 1), longest)

    async def _try(self, body: bytes, key: str, expected: float) -> tuple[Answer, RawReply | None]:
        asked_at, began = time.time(), time.perf_counter()
        seconds = self._limits.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                came = await self._line.send(body, key)
        except (TimeoutError, LineBroken) as problem:
            said = f"timed out after {seconds:g} s" if isinstance(problem, TimeoutError) else ""
            unreachable = isinstance(problem, LineBroken) and problem.unreachable
            if not unreachable:
                self._means.budget.charge_lost(request_bytes=len(body), expected_tokens=expected)
            return Answer(
                None,
                None,
                asked_at,
                time.perf_counter() - began,
                failure=said or str(problem),
                unreachable=unreachable,
            ), None
        latency = time.perf_counter() - began
        exchange = read_exchange(came.raw)
        if exchange.usage is not None:
            used = exchange.usage
            self._pace.settle(expected, used.input_tokens, used.output_tokens)
        return Answer(
            exchange,
            came.raw.status,
            asked_at,
            latency,
            failure=exchange.problem,
            wait_seconds=came.wait_seconds,
            cost_usd=self._means.budget.charge(exchange, request_bytes=len(body)),
        ), came.raw


def _from_cache(raw: RawReply) -> Answer:
    exchange = read_exchange(raw)
    return Answer(
        exchange,
        raw.status,
        time.time(),
        0.0,
        failure=exchange.problem,
        cost_usd=0.0,
        cached=True,
    )


def _worth_keeping(answer: Answer) -> bool:
    """Whether the reply is whole and can be judged: a failure is not remembered."""
    exchange = answer.exchange
    return exchange is not None and exchange.ending is Ending.COMPLETE and not unjudgeable(exchange)


def _sum(paid: list[float | None]) -> float | None:
    """What all tries cost; a try whose tokens nobody counted costs what is not known."""
    known = [cost for cost in paid if cost is not None]
    return sum(known) if known else None

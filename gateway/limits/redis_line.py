"""The line to Redis: what is asked goes out together, in order, and nobody waits for long.

While one batch is on its way the next one gathers, so a busy gateway needs one connection and one
round trip for many calls. What must not be lost (what a call used) stays in the line until Redis
has taken it; what somebody waits for fails at once, and is then decided without Redis.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

AWAY_SECONDS = 1.0
"""How long Redis is left alone after a failure, so that not every call waits for the next one."""
_BATCH = 128
"""Scripts sent at once: a few milliseconds of the server's time."""
_TRIES = 3
"""Times that something is sent which Redis answers with an error."""


class RedisAway(Exception):
    """Redis did not answer, or not as it should."""


@dataclass(slots=True)
class Order:
    """A script to run. Whoever waits for its answer holds ``answer``; without one it must be kept.

    A kept order whose answer was lost is sent again, so it may be carried out twice.
    """

    script: str
    keys: list[str]
    arguments: list[Any]
    answer: asyncio.Future[Any] | None = None
    tries: int = 0


class RedisLine:
    """Runs scripts in order. ``failures`` counts the times that Redis was found away.

    ``lost`` counts kept orders that Redis refused to carry out again and again.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        away_seconds: float = AWAY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._away_seconds = away_seconds
        self._clock = clock
        self._log = structlog.get_logger()
        self._waiting: deque[Order] = deque()
        self._shas: dict[str, str] = {}
        self._sending: asyncio.Task[None] | None = None
        self._away_until = 0.0
        self._away = False
        self.failures = 0
        self.lost = 0

    @property
    def away(self) -> bool:
        """Whether Redis failed a moment ago: then nothing should be asked."""
        return self._away and self._clock() < self._away_until

    @property
    def healthy(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return not self._away

    async def ask(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        """A script's answer; raises RedisAway."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put(Order(script, keys, arguments, answer))
        return await answer

    def tell(self, script: str, keys: list[str], arguments: list[Any]) -> None:
        """Runs a script at some time, after what was asked before. Never waits."""
        self._put(Order(script, keys, arguments))

    async def drained(self, seconds: float) -> int:
        """Waits until everything is sent, at most so long; how much is still to be sent."""
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=seconds)
        return len(self._waiting)

    async def aclose(self) -> None:
        """Closes the connection; what is still to be sent is lost."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        await self._redis.aclose()

    def _put(self, order: Order) -> None:
        self._waiting.append(order)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        while self._waiting:
            if self.away:
                self._give_up_answers()
                await asyncio.sleep(self._away_until - self._clock())
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            try:
                answers = await self._carry_out(batch)
            except Exception as problem:  # the edge of the line: whatever failed, Redis is away
                self._failed(batch, problem)
            else:
                self._answered(batch, answers)
            finally:
                _fail([order for order in batch if order.answer is not None])

    async def _carry_out(self, batch: list[Order]) -> list[Any]:
        answers = await self._run(batch)
        unknown = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:
            # The server was restarted, or told to forget its scripts.
            self._shas.clear()
            again = await self._run([batch[at] for at in unknown])
            for at, answer in zip(unknown, again, strict=True):
                answers[at] = answer
        return answers

    async def _run(self, batch: list[Order]) -> list[Any]:
        for script in {order.script for order in batch} - self._shas.keys():
            self._shas[script] = await self._redis.script_load(script)
        async with self._redis.pipeline(transaction=False) as pipe:
            for order in batch:
                keys, arguments = order.keys, order.arguments
                pipe.evalsha(self._shas[order.script], len(keys), *keys, *arguments)
            answers: list[Any] = await pipe.execute(raise_on_error=False)
        return answers

    def _answered(self, batch: list[Order], answers: list[Any]) -> None:
        refused = []
        for order, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                refused.append((order, answer))
            elif order.answer is not None and not order.answer.done():
                order.answer.set_result(answer)
        if refused:
            self._failed([order for order, _ in refused], refused[0][1])
        elif self._away:
            self._away = False
            self._log.info("limits_redis_back")

    def _failed(self, batch: list[Order], problem: Exception) -> None:
        """Keeps what must be kept, at the head of the line, and leaves Redis alone for a moment."""
        if not self._away:
            self._away = True
            self.failures += 1
            # What a connection says of its failure holds the server's address: not for a log.
            told = isinstance(problem, ResponseError)
            self._log.warning(
                "limits_redis_away",
                reason=str(problem)[:200] if told else type(problem).__name__,
                effect="each gateway limits for itself until Redis is back",
            )
        self._away_until = self._clock() + self._away_seconds
        kept = []
        for order in batch:
            order.tries += isinstance(problem, ResponseError)
            if order.answer is None and order.tries < _TRIES:
                kept.append(order)
            elif order.answer is None:
                self.lost += 1
        self._waiting.extendleft(reversed(kept))

    def _give_up_answers(self) -> None:
        waiting = [order for order in self._waiting if order.answer is not None]
        if waiting:
            self._waiting = deque(order for order in self._waiting if order.answer is None)
            _fail(waiting)


def _fail(orders: list[Order]) -> None:
    for order in orders:
        if order.answer is not None and not order.answer.done():
            order.answer.set_exception(RedisAway())

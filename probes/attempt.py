"""One attempt: a case posted to the target, tried again where the failure is not its answer."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from classifiers.exchange import Ending, Exchange
from classifiers.wire import RawReply, read_exchange
from probes.http import AsyncClient, ClientError, ConnectionFailed, Response, describe
from probes.pace import Pace, retry_after
from probes.plan import Attempt
from probes.target import Target, idempotency_key

ENDPOINT = "/v1/chat/completions"
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt's last try, before it is judged.

    ``exchange`` is None where no response came at all; ``unreachable`` then says that the target
    could not even be connected to. ``failure`` is one line, empty where a reply was read whole.
    """

    exchange: Exchange | None
    status: int | None
    asked_at: float
    latency_seconds: float
    failure: str = ""
    unreachable: bool = False
    wait_seconds: float | None = None

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
    """Puts attempts to one target through one client."""

    def __init__(
        self,
        client: AsyncClient,
        target: Target,
        *,
        run_id: str,
        limits: Limits,
        parameters: Mapping[str, Any],
        winding_down: asyncio.Event,
    ) -> None:
        self._client = client
        self._target = target
        self._run_id = run_id
        self._limits = limits
        self._parameters = parameters
        self._winding_down = winding_down
        self._pace = Pace(limits.requests_per_minute)

    async def ask(self, attempt: Attempt) -> Answer | None:
        """The attempt's answer, after as many tries as the limits allow. Raises nothing foreign.

        None where the run winds down before the first try: nothing was asked.
        """
        key = idempotency_key(self._run_id, attempt.key)
        body = _body(attempt.case.prompt, self._target.model, self._parameters)
        if not await self._pace.slot(self._winding_down):
            return None
        jitter = random.Random(key)
        for number in range(1, self._limits.tries + 1):
            if number > 1:
                await self._pace.slot()
            answer = await self._try(body, key)
            if answer.final or number == self._limits.tries:
                break
            if answer.wait_seconds is None:
                await asyncio.sleep(jitter.random() * self._backoff(number))
            elif answer.wait_seconds <= self._limits.longest_wait_seconds:
                self._pace.pause(answer.wait_seconds)
            else:
                break
        return answer

    def _backoff(self, number: int) -> float:
        longest = self._limits.longest_backoff_seconds
        return min(self._limits.backoff_seconds * 2.0 ** (number - 1), longest)

    async def _try(self, body: bytes, key: str) -> Answer:
        asked_at, began = time.time(), time.perf_counter()
        seconds = self._limits.timeout_seconds
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(
                    "POST", self._target.url, content=body, headers={"idempotency-key": key}
                ) as response,
            ):
                raw, wait = await self._read(response, body)
        except (TimeoutError, *ClientError) as problem:
            timed_out = isinstance(problem, TimeoutError)
            return Answer(
                None,
                None,
                asked_at,
                time.perf_counter() - began,
                failure=f"timed out after {seconds:g} s" if timed_out else describe(problem),
                unreachable=isinstance(problem, ConnectionFailed),
            )
        exchange = read_exchange(raw)
        return Answer(
            exchange,
            raw.status,
            asked_at,
            time.perf_counter() - began,
            failure=exchange.problem,
            wait_seconds=wait,
        )

    async def _read(self, response: Response, body: bytes) -> tuple[RawReply, float | None]:
        """The reply's bytes as they came, and how long the server asks to wait.

        A connection that breaks within the body is part of the reply, not an exception.
        """
        kept = bytearray()
        cut = trimmed = False
        try:
            async for chunk in response.aiter_raw():
                kept += chunk
                if len(kept) > self._limits.reply_bytes:
                    trimmed = True
                    break
        except ClientError:
            cut = True
        raw = RawReply(
            endpoint=ENDPOINT,
            request=body,
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            content_encoding=response.headers.get("content-encoding", ""),
            body=bytes(kept[: self._limits.reply_bytes]),
            cut=cut,
            trimmed=trimmed,
        )
        return raw, retry_after(response.headers, now=time.time())


def _body(prompt: str, model: str, parameters: Mapping[str, Any]) -> bytes:
    messages = [{"role": "user", "content": prompt}]
    return json.dumps({"model": model, "messages": messages, **parameters}).encode()

"""One call on LiteLLM's own loop: asked, then pulled part by part until its end.

Nothing is read ahead. A part is asked of the provider when the client is ready for it, so a client
that stops reading stops the provider's connection too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from gateway.upstreams.base import Headers, UpstreamBroken, UpstreamProblem, UpstreamUnreachable
from gateway.upstreams.litellm_engine import LiteLLMEngine
from gateway.upstreams.litellm_errors import failure_of, in_band_error, scrub
from gateway.upstreams.litellm_request import Operation, Target, arguments_for, fields_of
from gateway.upstreams.litellm_tap import Tap
from gateway.upstreams.litellm_wire import Wire
from gateway.upstreams.litellm_wiretap import CURRENT

_SAY_WHY = frozenset(
    {"anthropic", "azure", "azure_ai", "bedrock", "gemini", "ollama", "ollama_chat", "openai"}
    | {"vertex_ai"}
)
"""Providers that always say why a reply ended. LiteLLM adds a reason of its own where one is
missing, so that a stream which was cut off would look complete."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a reply begins: all of it, or a stream's first part."""

    status: int
    headers: Headers
    first: bytes
    streamed: bool = False


class LiteLLMCall:
    """One request to a provider. Every method runs on LiteLLM's loop."""

    def __init__(
        self, engine: LiteLLMEngine, target: Target, operation: Operation, *, tap: Tap
    ) -> None:
        self._engine = engine
        self._target = target
        self._operation = operation
        self._tap = tap
        self._parts: AsyncIterator[Any] | None = None
        self._wire = Wire(operation, target.provider)
        self._ended = False
        self._broken: UpstreamBroken | None = None

    async def begin(self, body: bytes, client_key: str | None, patience: float) -> Opening:
        """Sends the request and waits for the whole reply, or for a stream's first part.

        Raises UpstreamUnreachable or UpstreamTimeout; whatever else goes wrong is a reply.
        """
        CURRENT.set(self._tap)
        try:
            return await self._begin(body, client_key, patience)
        except UpstreamBroken as problem:
            raise UpstreamUnreachable(str(problem)) from None
        except Exception as problem:  # the edge of LiteLLM: it raises of every kind there is
            failure = failure_of(problem, self._tap, self._target.secrets)
            anthropic = self._operation is Operation.MESSAGES
            return Opening(failure.status, failure.headers, failure.body(anthropic=anthropic))

    async def next(self) -> bytes | None:
        """The stream's next part, None after its end; raises UpstreamBroken where it has none."""
        if self._broken is not None:
            raise self._broken
        if self._ended or self._parts is None:
            return None
        try:
            return await self._next(self._parts)
        except UpstreamProblem:
            raise
        except Exception as problem:  # the edge of LiteLLM: it raises of every kind there is
            return self._break(type(problem).__name__)

    async def close(self) -> None:
        """Gives the connection back, or breaks it where the stream is not at its end."""
        parts, self._parts = self._parts, None
        for each in (parts, getattr(parts, "completion_stream", None)):
            if (aclose := getattr(each, "aclose", None)) is not None:
                await aclose()

    async def _begin(self, body: bytes, client_key: str | None, patience: float) -> Opening:
        asked = fields_of(self._operation, body)
        arguments = arguments_for(
            self._target, asked, owned=self._engine.owns, client_key=client_key
        )
        streamed = asked.get("stream") is True and self._operation is not Operation.EMBEDDINGS
        answer = await self._engine.ask(self._operation, {"timeout": patience, **arguments})
        if not streamed:
            reply = self._wire.whole(answer, self._tap.stop())
            return Opening(200, self._tap.headers, reply)
        self._parts = aiter(answer)
        first = await self._next(self._parts)
        return Opening(200, self._tap.headers, first or b"", streamed=True)

    async def _next(self, parts: AsyncIterator[Any]) -> bytes | None:
        try:
            piece = await anext(parts)
        except StopAsyncIteration:
            self._ended = True
            return self._wire.end()
        if self._wire.is_failure(piece):
            return self._break("an error within it")
        stop = None
        if self._wire.is_last(piece):
            stop = self._tap.stop()
            if stop is None and self._tap.heard and self._target.provider in _SAY_WHY:
                raise UpstreamBroken("the provider's stream stopped without saying why")
        return self._wire.event(piece, stop)

    def _break(self, reason: str) -> bytes:
        """What the client is told before its stream is cut: the provider's own words, if any."""
        said = in_band_error(self._tap)
        self._broken = UpstreamBroken(f"the provider's stream broke off ({reason})")
        if said is None:
            raise self._broken from None
        message = scrub(str(said.get("message") or said), self._target.secrets)
        error = {"type": "api_error", "param": None, "code": None, **said, "message": message}
        return self._wire.error(error)

"""Every provider that LiteLLM knows, as an upstream: OpenAI's API here, the provider's own there.

What passes is translated, not byte-transparent; docs/providers.md says what that changes. LiteLLM
works on a loop of its own (litellm_engine.py), so here a reply is pulled part by part, and a part
that is waited for costs this loop one future.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gateway.config import DeploymentSettings, UpstreamSettings
from gateway.upstreams.base import (
    Headers,
    Reply,
    Upstream,
    UpstreamCall,
    UpstreamTimeout,
)
from gateway.upstreams.litellm_call import LiteLLMCall, Opening
from gateway.upstreams.litellm_engine import LiteLLMEngine
from gateway.upstreams.litellm_errors import failure_of
from gateway.upstreams.litellm_replies import StreamedReply, WholeReply, silent, until
from gateway.upstreams.litellm_request import Target, Unservable, operation_of
from gateway.upstreams.litellm_tap import Tap

_GRACE_SECONDS = 5.0
"""How much longer LiteLLM's own timer runs than ours, so that ours is the one that tells."""

_CREDENTIALS = (b"authorization", b"x-api-key", b"api-key")

_ANTHROPIC = "https://api.anthropic.com"
_VERSION = (b"anthropic-version", b"2023-06-01")
"""The version of Anthropic's API that every client of it sends, for one that does not."""
_MESSAGES = b"/messages"


def open_litellm(
    deployment: DeploymentSettings,
    engine: LiteLLMEngine | None = None,
    *,
    messages: Upstream | None = None,
) -> LiteLLMUpstream:
    """The upstream of a deployment with a provider; nothing is imported before its first call.

    Give several the same ``engine``, and warm it before serving; each has its own without.
    ``messages`` is asked instead of LiteLLM where Anthropic's clients ask for Anthropic's API, as
    ``messages_base`` tells.
    """
    target = target_of(deployment.upstream)
    return LiteLLMUpstream(
        target, engine or LiteLLMEngine(), messages=messages, owns_engine=engine is None
    )


def target_of(upstream: UpstreamSettings) -> Target:
    """What LiteLLM is told of a deployment; raises ValueError for one without provider or model."""
    if upstream.provider is None or upstream.model is None:
        raise ValueError("an upstream without provider and model does not go through LiteLLM")
    arguments = upstream.arguments()
    key = upstream.api_key
    return Target(
        provider=upstream.provider,
        model=upstream.model,
        api_key=None if key is None else key.get_secret_value(),
        api_base=arguments.pop("api_base", None) or upstream.base_url,
        arguments=arguments,
    )


def messages_base(upstream: UpstreamSettings) -> str | None:
    """The base URL at which /messages needs no translation; None where it does.

    Anthropic's clients that reach Anthropic get its own bytes, which LiteLLM would take apart and
    put together again.
    """
    if upstream.provider != "anthropic":
        return None
    target = target_of(upstream)
    if target.arguments or "*" in target.model:
        return None
    base = (target.api_base or _ANTHROPIC).rstrip("/").removesuffix("/messages").rstrip("/")
    return base if base.endswith("/v1") else f"{base}/v1"


class LiteLLMUpstream:
    """One deployment behind a provider's own protocol."""

    def __init__(
        self,
        target: Target,
        engine: LiteLLMEngine,
        *,
        messages: Upstream | None = None,
        owns_engine: bool = False,
    ) -> None:
        self._target = target
        self._engine = engine
        self._messages = messages
        self._owns_engine = owns_engine

    async def open(self, call: UpstreamCall) -> Reply:
        """Sends a request once; returns when its reply, or a stream's first part, is here.

        What the provider refuses, and what cannot be put to it, is a reply too. Raises
        UpstreamUnreachable or UpstreamTimeout. A cancelled call cancels the provider's.
        """
        if self._messages is not None and call.path.startswith(_MESSAGES):
            return await self._messages.open(_to_anthropic(call, self._target.api_key))
        tap = Tap(call.timeouts.connect)
        try:
            operation = operation_of(call.method, call.path)
            if not isinstance(call.body, bytes):
                raise _streamed_through(call)
        except Unservable as problem:
            failure = failure_of(problem, tap, ())
            return WholeReply(Opening(failure.status, [], failure.body()))
        work = LiteLLMCall(self._engine, self._target, operation, tap=tap)
        opening = await self._opened(work, call, call.body)
        if not opening.streamed:
            return WholeReply(opening)
        return StreamedReply(opening, work, self._engine, call=call)

    async def aclose(self) -> None:
        """Closes idle connections, where the engine is not shared."""
        if self._messages is not None:
            await self._messages.aclose()
        if self._owns_engine:
            await self._engine.aclose()

    async def _opened(self, work: LiteLLMCall, call: UpstreamCall, body: bytes) -> Opening:
        key = None if self._target.api_key else _client_key(call.headers)
        limits = call.timeouts
        begun = work.begin(body, key, max(limits.first_byte, limits.idle) + _GRACE_SECONDS)
        try:
            async with asyncio.timeout_at(until(limits.first_byte, call.deadline)):
                return await self._engine.run(begun)
        except TimeoutError:
            raise UpstreamTimeout(silent(limits.first_byte, call.deadline)) from None


def _client_key(headers: Headers) -> str | None:
    """The key that the client sent, wherever its SDK puts it."""
    for wanted in _CREDENTIALS:
        for name, value in headers:
            if name.lower() == wanted:
                text = value.decode("latin-1").strip()
                scheme, _, rest = text.partition(" ")
                return rest.strip() if scheme.lower() == "bearer" else text
    return None


def _to_anthropic(call: UpstreamCall, key: str | None) -> UpstreamCall:
    """The call with the key where Anthropic's API looks for it."""
    key = key or _client_key(call.headers)
    kept = [pair for pair in call.headers if pair[0].lower() not in _CREDENTIALS]
    if not any(name.lower() == _VERSION[0] for name, _ in kept):
        kept.append(_VERSION)
    if key is not None:
        kept.append((b"x-api-key", key.encode("latin-1")))
    return replace(call, headers=kept, pattern=None)


def _streamed_through(call: UpstreamCall) -> Unservable:
    path = call.path.decode("latin-1")
    return Unservable(
        400, "candor_bad_request", f"The body of /v1{path} must be JSON, sent with its length."
    )

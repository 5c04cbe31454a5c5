"""The branches that decide on a call: limits, clients' keys, deployments and routes.

docs/configuration.md says why each default is so; limits name the precedent they follow.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from gateway.config_values import (
    DIGEST_MARK,
    Arguments,
    BaseUrl,
    Branch,
    Bytes,
    ClientKey,
    Dollars,
    Flag,
    Name,
    Positive,
    Seconds,
    Secret,
    Share,
    Text,
    plain_arguments,
)


class KeyHeader(StrEnum):
    """The header that an upstream reads its key from."""

    AUTHORIZATION = "authorization"
    API_KEY = "api-key"
    X_API_KEY = "x-api-key"


class LimitSettings(Branch):
    """How much the gateway takes and how long it waits."""

    max_request_bytes: Bytes = 67_108_864
    """Largest body on the paths that are routed by model, which are held whole in memory; other
    paths stream through. 64 MiB: OpenAI takes 50 MB of images in one request, Anthropic 32 MB."""
    max_head_bytes: Bytes = 65_536
    """Largest address and headers of a request, and largest trailers: h11's bound for a head."""
    max_concurrency: Positive = 1024
    """Calls in flight at once per worker; more get a 503. Envoy's default circuit breaker."""
    max_connections: Positive = 4000
    """Clients' connections open at once per worker; one more gets a 503 and is closed. The maxconn
    of the haproxy.cfg that Red Hat ships."""
    connect_timeout_seconds: Seconds = 5.0
    """How long connecting to an upstream may take: the openai SDK's limit."""
    idle_timeout_seconds: Seconds = 600.0
    """How long an upstream may stay silent, before its reply and within it: the openai SDK's
    limit, so that the gateway is not the one to give up first."""
    client_timeout_seconds: Seconds = 60.0
    """How long a client may take for the head of a request, and stay silent while it sends the
    body: nginx's client_header_timeout and client_body_timeout."""
    keep_alive_seconds: Seconds = 75.0
    """How long a client's connection may stay idle between two requests: nginx's
    keepalive_timeout."""
    drain_seconds: Seconds = 30.0
    """How long calls in flight may go on after SIGTERM: Kubernetes' default grace period."""


class KeySettings(Branch):
    """A client of the gateway."""

    name: Name
    """Who it is, in logs and metrics."""
    key: ClientKey
    """What it sends as Authorization: Bearer, x-api-key or api-key; or sha256: and the hash of
    that in 64 hexadecimal digits."""
    models: tuple[Text, ...] = Field(default=("*",), min_length=1)
    """Models it may ask for, globs allowed."""
    rpm: Positive | None = None
    """Requests per minute; none: unlimited, as an OpenAI project is until somebody limits it."""
    tpm: Positive | None = None
    """Tokens per minute, of prompts and replies; none: unlimited."""
    max_concurrency: Positive | None = None
    """Its calls in flight at once; none: unlimited."""
    usd_per_month: Dollars | None = None
    """What its calls may cost in a month, UTC; none: unlimited."""

    def digest(self) -> bytes:
        """SHA-256 of the key, 32 bytes: all that is needed to know it again."""
        text = self.key.get_secret_value()
        if text.startswith(DIGEST_MARK):
            return bytes.fromhex(text.removeprefix(DIGEST_MARK))
        return hashlib.sha256(text.encode("ascii")).digest()


class PriceSettings(Branch):
    """What an upstream takes for tokens."""

    input_usd_per_million: Dollars
    """USD for a million tokens of prompts."""
    output_usd_per_million: Dollars
    """USD for a million tokens of replies; 0 for embeddings."""


class BreakerSettings(Branch):
    """When a failing deployment is left alone for a while."""

    failures: Positive = 5
    """Failures within the window that open the circuit: Envoy's consecutive_5xx."""
    ratio: Share = 0.5
    """Part of the window's calls that must have failed too, so that a busy deployment is not given
    up for five of ten thousand: Hystrix's errorThresholdPercentage. 0: the number alone counts."""
    window_seconds: Seconds = 30.0
    """How far back failures count: Polly's SamplingDuration."""
    open_seconds: Seconds = 15.0
    """How long the circuit stays open before one call may try: between Polly's 5 s and the 30 s of
    Envoy's base_ejection_time."""
    count_429: Flag = False
    """Whether 429 counts as a failure. It says that the deployment lives, and how long to wait."""


class UpstreamSettings(Branch):
    """Where a deployment's model really is."""

    base_url: BaseUrl | None = None
    """OpenAI-compatible API up to and including /v1, an Azure resource up to /openai/v1 or
    /openai, or Anthropic's API; its bytes pass unchanged."""
    provider: Name | None = None
    """Any other provider, by LiteLLM's name for it."""
    model: Text | None = None
    """The upstream's name for the model, written into the request in place; none: as asked."""
    api_key: Secret | None = None
    """The upstream's key; none: the client's own Authorization passes through."""
    key_header: KeyHeader | None = None
    """Where api_key goes: authorization (as Bearer), api-key (Azure) or x-api-key (Anthropic);
    none: where the client put its own."""
    price: PriceSettings | None = None
    """What its tokens cost, for budgets; none: what LiteLLM's table says of a known provider."""
    parameters: Arguments = Field(default_factory=dict)
    """More arguments for LiteLLM, such as api_version or aws_region_name; with a provider only."""

    def arguments(self) -> dict[str, Any]:
        """The parameters with every secret in the clear, as LiteLLM takes them."""
        return {name: plain_arguments(value) for name, value in self.parameters.items()}


class DeploymentSettings(Branch):
    """A model at an endpoint."""

    name: Name
    """Its name in routes, metrics and the x-candor-deployment header."""
    model: Text = "*"
    """What clients ask for: a name, a glob such as gpt-*, or * for everything."""
    upstream: UpstreamSettings
    """Where it really is."""
    weight: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 1
    """Its part of the calls among deployments of the same model; 0: only when pinned."""
    breaker: BreakerSettings | None = None
    """When it is left alone for a while; none: never. An empty mapping takes every default."""


class RouteSettings(Branch):
    """What happens to a model's calls when a deployment fails, refuses or takes too long."""

    fallbacks: tuple[Name, ...] = ()
    """Deployments to ask instead, in order."""
    content_policy_fallbacks: tuple[Name, ...] = ()
    """Deployments to ask instead when the provider's filter refuses, in order; the refusal is
    counted first."""
    retries: Annotated[int, Field(strict=True, ge=0, le=10)] = 0
    """Tries after the first, at each deployment. The openai SDK makes 2 of its own."""
    timeout_seconds: Seconds | None = None
    """Longest a call may take in all; none: unlimited."""
    try_timeout_seconds: Seconds | None = None
    """Longest one try may take until its reply begins; none: as the other limits allow."""
    first_byte_timeout_seconds: Seconds | None = None
    """Longest an upstream that has the request may take to begin its reply; none:
    server.limits.idle_timeout_seconds."""
    idle_timeout_seconds: Seconds | None = None
    """Longest silence within a reply; none: server.limits.idle_timeout_seconds."""
    sticky: Flag = False
    """Whether a client stays with one deployment as long as the weights stand, instead of each of
    its calls being drawn anew."""


class CounterSettings(Branch):
    """Where it is counted what clients have used of their limits."""

    url: Secret | None = None
    """local, each gateway for itself, or redis://..., all of them together; none: queue.url where
    that is redis, else local."""

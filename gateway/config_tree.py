"""The configuration as one tree of types; docs/configuration.md says why each default is so.

A field's description becomes its line in the JSON Schema. Limits name the precedent they follow.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gateway.config_values import (
    BaseUrl,
    Bytes,
    Count,
    Cron,
    Dollars,
    Name,
    Positive,
    Seconds,
    Secret,
    Share,
    Text,
)


class Branch(BaseModel):
    """A mapping of the configuration: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


def _secret_default(value: str) -> Any:
    """A default that is no secret, shown in the schema, for a key whose value may be one."""
    return Field(default=SecretStr(value), json_schema_extra={"default": value})


class Stage(StrEnum):
    """A classifier of the cascade."""

    NATIVE = "native"
    PHRASES = "phrases"
    EMBEDDING = "embedding"
    JUDGE = "judge"


class Redaction(StrEnum):
    """What is taken out of prompts and replies before they are stored."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    KEY = "key"


class GuardAction(StrEnum):
    """What a guard does about a verdict."""

    ANNOTATE = "annotate"
    BLOCK = "block"
    RECOVER = "recover"


class LimitSettings(Branch):
    """How much the gateway takes and how long it waits."""

    max_request_bytes: Bytes = 67_108_864
    """Largest body on the paths that are routed by model, which are held whole in memory; other
    paths stream through. 64 MiB: OpenAI takes 50 MB of images in one request, Anthropic 32 MB."""
    max_head_bytes: Bytes = 65_536
    """Largest address and headers of a request, and largest trailers: h11's bound for a head."""
    max_concurrency: Positive = 1024
    """Calls in flight at once per worker; more get a 503. Envoy's default circuit breaker."""
    connect_timeout_seconds: Seconds = 5.0
    """How long connecting to an upstream may take: the openai SDK's limit."""
    idle_timeout_seconds: Seconds = 600.0
    """How long an upstream may stay silent, before its reply and within it: the openai SDK's
    limit, so that the gateway is not the one to give up first."""
    client_timeout_seconds: Seconds = 60.0
    """How long a client may take for the head of a request, and stay silent while it sends the
    body: nginx's client_header_timeout and client_body_timeout."""
    drain_seconds: Seconds = 30.0
    """How long calls in flight may go on after SIGTERM: Kubernetes' default grace period."""


class ServerSettings(Branch):
    """Where the gateway listens, and who may see the control API and the console."""

    host: Text = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every interface."""
    port: Annotated[int, Field(strict=True, ge=0, le=65_535)] = 8080
    """Port to listen on; 0 takes a free one."""
    workers: Positive = 1
    """Worker processes."""
    admin_token: Secret | None = None
    """Bearer token of /api and the console. Without one both answer loopback only."""
    limits: LimitSettings = Field(default_factory=LimitSettings)
    """How much the gateway takes and how long it waits."""


class KeySettings(Branch):
    """A client of the gateway."""

    name: Name
    """Who it is, in logs and metrics."""
    key: Secret
    """What it sends as Authorization: Bearer, x-api-key or api-key."""
    models: tuple[Text, ...] = Field(default=("*",), min_length=1)
    """Models it may ask for, globs allowed."""
    rpm: Positive | None = None
    """Requests per minute; none: unlimited."""


class UpstreamSettings(Branch):
    """Where a deployment's model really is."""

    base_url: BaseUrl | None = None
    """OpenAI-compatible API, up to and including /v1; its bytes pass unchanged."""
    provider: Name | None = None
    """Any other provider, by LiteLLM's name for it."""
    model: Text | None = None
    """The upstream's name for the model, written into the request in place; none: as asked."""
    api_key: Secret | None = None
    """The upstream's key; none: the client's own Authorization passes through."""


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


class RouteSettings(Branch):
    """What happens to a model's calls when a deployment fails."""

    fallbacks: tuple[Name, ...] = ()
    """Deployments to ask instead, in order."""
    retries: Annotated[int, Field(strict=True, ge=0, le=10)] = 0
    """Tries after the first."""
    timeout_seconds: Seconds | None = None
    """Longest a call may take in all; none: unlimited."""


class ShadowSettings(Branch):
    """Calls sent again to another deployment; the client never sees the answer."""

    to: Name
    """The deployment that gets them."""
    sample: Share = 0.01
    """Part of the calls that are sent again."""
    max_usd_per_day: Dollars | None = None
    """Spending after which shadowing rests until midnight UTC; none: unlimited."""


class MirrorSettings(Branch):
    """What is kept of live calls, off their path."""

    sample: Share = 0.1
    """Part of the calls whose replies are judged."""
    max_reply_bytes: Bytes = 262_144
    """How much of a reply is kept; the opening of a refusal says what it is."""
    max_request_bytes: Bytes = 1_048_576
    """How much of a request is kept: a prompt of some 200,000 tokens."""
    redact: tuple[Redaction, ...] = tuple(Redaction)
    """What is taken out before anything is stored."""
    retention_days: Positive | None = 30
    """Days after which stored prompts and replies are deleted; null: never."""
    shadow: ShadowSettings | None = None
    """Calls sent again to another deployment."""


class ClassifierSettings(Branch):
    """How replies are judged."""

    cascade: tuple[Stage, ...] = Field(
        default=(Stage.NATIVE, Stage.PHRASES, Stage.EMBEDDING), min_length=1
    )
    """Stages in order, cheap ones first."""
    judge: Name | None = None
    """The deployment that the judge stage asks."""


class ProbeSettings(Branch):
    """Probe sets put to deployments on a schedule."""

    sets: tuple[Text, ...] = Field(min_length=1)
    """Names of probe sets."""
    deployments: tuple[Name, ...] = Field(min_length=1)
    """Whom to ask."""
    schedule: Cron | None = None
    """When, as five cron fields in UTC; none: only when asked to."""
    limit: Positive | None = None
    """Cases per run; none: all."""
    seed: Count = 0
    """What the choice of cases is drawn from."""


class PolicySettings(Branch):
    """Something a deployment is told to abstain from."""

    name: Name
    """Its name in metrics."""
    abstain_from: Text
    """The concept."""
    technique: Name
    """How the model is told."""
    taxonomy: Text | None = None
    """File with the concept's descendants, ancestors and siblings."""


class GuardSettings(Branch):
    """What to do about a verdict; nothing unless one is listed."""

    name: Name
    """Its name in metrics."""
    action: GuardAction = GuardAction.ANNOTATE
    """What it does."""
    deployments: tuple[Name, ...] = ()
    """Where; none: everywhere."""
    to: Name | None = None
    """The deployment that recover asks."""


class StoreSettings(Branch):
    """Where exchanges, verdicts and runs are kept."""

    url: Secret = _secret_default("sqlite:///candor.db")
    """sqlite:///FILE, a relative FILE lying under CANDOR_HOME, or postgresql://..."""


class QueueSettings(Branch):
    """Where captures wait to be judged."""

    url: Secret = _secret_default("local")
    """local, a file under CANDOR_HOME, or redis://..."""
    max_waiting: Positive = 10_000
    """Captures that may wait; more are dropped and counted."""


class Settings(Branch):
    """The whole configuration."""

    server: ServerSettings = Field(default_factory=ServerSettings)
    """Where the gateway listens."""
    keys: tuple[KeySettings, ...] = ()
    """Clients that may call; none: every client may, and its own key passes through."""
    deployments: tuple[DeploymentSettings, ...] = Field(min_length=1)
    """Models at endpoints."""
    routes: dict[str, RouteSettings] = Field(default_factory=dict)
    """By model: what happens when a deployment fails."""
    mirror: MirrorSettings = Field(default_factory=MirrorSettings)
    """What is kept of live calls."""
    classifier: ClassifierSettings = Field(default_factory=ClassifierSettings)
    """How replies are judged."""
    probes: tuple[ProbeSettings, ...] = ()
    """Probe sets on a schedule."""
    policies: tuple[PolicySettings, ...] = ()
    """What deployments are told to abstain from."""
    guards: tuple[GuardSettings, ...] = ()
    """What is done about verdicts; nothing by default."""
    store: StoreSettings = Field(default_factory=StoreSettings)
    """Where results are kept."""
    queue: QueueSettings = Field(default_factory=QueueSettings)
    """Where captures wait."""

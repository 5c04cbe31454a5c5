"""The configuration as one tree of types; docs/configuration.md says why each default is so.

A field's description becomes its line in the JSON Schema. Limits name the precedent they follow.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, SecretStr

from gateway.config_traffic import (
    CounterSettings,
    DeploymentSettings,
    KeySettings,
    LimitSettings,
    RouteSettings,
)
from gateway.config_values import (
    Branch,
    Bytes,
    Count,
    Cron,
    Dollars,
    Name,
    Positive,
    Secret,
    Share,
    Surroundings,
    Text,
    Timezone,
    secret_default,
)


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


class ServerSettings(Branch):
    """Where the gateway listens, and who may see the control API and the console."""

    host: Text = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every interface."""
    port: Annotated[int, Field(strict=True, ge=0, le=65_535)] = 8080
    """Port to listen on; 0 takes a free one."""
    workers: Positive = 1
    """Worker processes, which share one socket."""
    admin_token: Secret | None = None
    """Bearer token of /api and the console. Without one both answer loopback only."""
    limits: LimitSettings = Field(default_factory=LimitSettings)
    """How much the gateway takes and how long it waits."""


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
    """The deployment that the judge stage asks what no other stage decides."""
    judge_questions_per_day: Positive | None = 1000
    """Replies that a judge is asked about in a day (UTC), from each start of the gateway; null: as
    many as there are."""
    judge_usd_per_day: Dollars | None = None
    """What asking may cost in a day, by the deployment's price; none: not counted."""


class ProbeSettings(Branch):
    """Probe sets put to deployments on a schedule."""

    sets: tuple[Text, ...] = Field(min_length=1)
    """Names of probe sets."""
    deployments: tuple[Name, ...] = Field(min_length=1)
    """Whom to ask."""
    model: Text | None = None
    """What to ask for; none: what the deployment itself is. Needed where it serves a pattern."""
    schedule: Cron | None = None
    """When, as five cron fields; none: only when asked to."""
    timezone: Timezone = "UTC"
    """The time zone that the schedule is meant in."""
    jitter_seconds: Annotated[int, Field(strict=True, ge=0, le=86_400)] = 0
    """How much later a run may begin, drawn from the deployment and the time: so that many
    deployments are not all asked at once."""
    limit: Positive | None = None
    """Cases per set and run; none: all."""
    seed: Count = 0
    """What the choice of cases is drawn from."""
    repeats: Positive = 1
    """How often each case is asked."""
    concurrency: Annotated[int, Field(strict=True, ge=1, le=1000)] = 4
    """Requests of a run under way at a time."""
    rpm: Positive | None = None
    """Requests per minute of a run; none: unlimited."""
    max_cost: Dollars | None = None
    """What a run may cost in USD, where prices are known; none: unlimited."""


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

    url: Secret = secret_default("sqlite:///candor.db")
    """sqlite:///FILE, a relative FILE lying under CANDOR_HOME, or postgresql://..."""


class QueueSettings(Branch):
    """Where captures wait to be judged."""

    url: Secret = secret_default("local")
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
    """By model, globs allowed: what happens when a deployment fails."""
    limits: CounterSettings = Field(default_factory=CounterSettings)
    """Where clients' limits are counted."""
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

    _remarks: tuple[str, ...] = PrivateAttr(default=())

    def model_post_init(self, context: Any, /) -> None:
        """Keeps what was found while the tree was made from another tool's file."""
        if isinstance(context, Surroundings):
            self._remarks = context.remarks

    @property
    def remarks(self) -> tuple[str, ...]:
        """One line for each thing that a translation from another tool's file left out."""
        return self._remarks

    @property
    def counters_url(self) -> SecretStr:
        """Where clients' limits are counted: ``local`` or a redis URL."""
        if self.limits.url is not None:
            return self.limits.url
        return self.queue.url if is_redis(self.queue.url) else SecretStr("local")


def is_redis(url: SecretStr) -> bool:
    """Whether a URL names a Redis server."""
    return url.get_secret_value().startswith(("redis://", "rediss://"))

"""The options of `candor probe run`, made into an order and carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from probes.attempt import Limits
from probes.exits import readable_problems
from probes.home import candor_home
from probes.judging import classifier_named
from probes.launch import Launched, RunOrder, launch
from probes.parameters import gather
from probes.price import Price, listed_price, parse_price, provider_at
from probes.problem import ParameterProblem
from probes.progress import watcher_on_stderr
from probes.secrets import named_secret
from probes.target import (
    Guard,
    Target,
    TargetKind,
    TargetProblem,
    at_base_url,
    at_gateway,
    by_litellm,
)


@dataclass(frozen=True, slots=True)
class RunAsked:
    """What was asked for, by the options' names."""

    sets: list[str]
    base_url: str | None
    model: str | None
    api_key_env: str | None
    deployment: str | None
    gateway: str
    revision: str
    through_guard: bool | None
    litellm: str | None
    limit: int | None
    seed: int
    repeats: int
    temperature: float | None
    max_tokens: int | None
    system: str | None
    param: list[str] | None
    concurrency: int
    rpm: float | None
    tpm: float | None
    max_cost: float | None
    price: str | None
    timeout: float
    cache: bool
    output: Path | None
    resume: bool
    classifier: str
    judge: str | None
    judge_key: str | None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The options among these; KeyError where one is missing."""
        return cls(**{field.name: options[field.name] for field in fields(cls)})

    def launch(self) -> Launched:
        """Run it to its end; a problem becomes one line and the exit code that belongs to it."""
        with readable_problems():
            order = self.order()
            return launch(
                order,
                classifier_named(self.classifier, self.judge, self.judge_key),
                home=candor_home(),
                output=self.output,
                resume=self.resume,
                watcher=watcher_on_stderr(order.target.name),
            )

    def order(self) -> RunOrder:
        """The order; raises TargetProblem, SecretProblem, ParameterProblem or BudgetProblem."""
        target = self.target()
        parameters = gather(
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            system=self.system,
            extra=self.param or (),
        )
        if target.kind is TargetKind.LITELLM and parameters.get("stream"):
            raise ParameterProblem("--param stream=true does not go with --litellm; leave it out")
        return RunOrder(
            tuple(self.sets),
            target,
            self.seed,
            limit=self.limit,
            repeats=self.repeats,
            limits=Limits(
                self.concurrency,
                self.rpm,
                timeout_seconds=self.timeout,
                tokens_per_minute=self.tpm,
            ),
            parameters=parameters,
            price=price_of(target, self.price),
            max_cost_usd=self.max_cost,
            cache=self.cache,
        )

    def target(self) -> Target:
        """The one target that the options name; raises TargetProblem or SecretProblem."""
        self._check_target()
        api_key = named_secret(self.api_key_env)
        if self.litellm is not None:
            return by_litellm(self.litellm, base_url=self.base_url, api_key=api_key)
        if self.deployment is None:
            return at_base_url(self.base_url or "", self.model or "", api_key=api_key)
        return at_gateway(
            self.gateway,
            self.deployment,
            model=self.model,
            api_key=api_key,
            guard=_guard(self.through_guard),
            revision=self.revision,
        )

    def _check_target(self) -> None:
        named = [self.litellm or self.base_url, self.deployment]
        if sum(name is not None for name in named) != 1:
            raise TargetProblem(
                "name one target: --base-url URL --model NAME, --deployment NAME, or "
                "--litellm PROVIDER/MODEL"
            )
        if self.litellm is not None and self.model is not None:
            raise TargetProblem("--litellm names the model itself; leave --model out")
        if self.deployment is None and self.through_guard is not None:
            raise TargetProblem(
                "--through-guard and --around-guard are about a gateway's guards; name one of its "
                "deployments with --deployment"
            )
        if self.deployment is None and self.revision:
            raise TargetProblem("--revision says what a deployment runs; add --deployment")
        if self.deployment is not None and self.cache and not self.revision:
            raise TargetProblem(
                "--cache needs to know what the deployment runs, which its name does not tell: say "
                "it with --revision TEXT, another text whenever it changes"
            )


def price_of(target: Target, said: str | None) -> Price | None:
    """The price that was said, else the listed one where the provider is known, else None."""
    if said is not None:
        return parse_price(said)
    if target.kind is TargetKind.LITELLM:
        return None if target.base_url else listed_price(target.model)
    provider = None if target.deployment else provider_at(target.base_url)
    return None if provider is None else listed_price(target.model, provider)


def _guard(through: bool | None) -> Guard | None:
    if through is None:
        return None
    return Guard.THROUGH if through else Guard.AROUND

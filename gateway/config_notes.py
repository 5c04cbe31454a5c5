"""What is said about a valid configuration: what stands in the way of serving, what to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from ipaddress import ip_address

from gateway.config_traffic import RouteSettings
from gateway.config_tree import Settings, Stage, is_redis


def hindrances(settings: Settings, *, installed: Callable[[str], bool] | None = None) -> list[str]:
    """One line for each thing without which ``candor serve`` cannot start.

    ``installed`` tells whether a package is here; none is imported to find out.
    """
    return [*_unserved(settings), *_uninstalled(settings, installed or _installed)]


def _installed(package: str) -> bool:
    return find_spec(package) is not None


def _unserved(settings: Settings) -> Iterator[str]:
    if not settings.store.url.get_secret_value().startswith("sqlite:"):
        yield "store.url: PostgreSQL cannot be used in this version; write sqlite:///FILE"
    if settings.queue.url.get_secret_value() != "local":
        yield "queue.url: Redis cannot be used in this version; write local"
    yield from _mute_judge(settings)


def _mute_judge(settings: Settings) -> Iterator[str]:
    """Why the judge cannot be asked."""
    if Stage.JUDGE not in settings.classifier.cascade:
        return
    named = settings.classifier.judge
    for entry in settings.deployments:
        if entry.name != named:
            continue
        if entry.upstream.base_url is None:
            yield (
                f"classifier.judge: {named!r} is reached through LiteLLM, which the scorer does "
                "not use; name a deployment with a base_url"
            )
        elif "*" in (entry.upstream.model or ""):
            yield (
                f"classifier.judge: {named!r} asks for the model {entry.upstream.model!r}, which "
                "is none; name one in upstream.model"
            )
        elif entry.upstream.base_url.rstrip("/").endswith("/openai"):
            yield (
                f"classifier.judge: {named!r} is at Azure's own paths, which the scorer does not "
                "speak; name a deployment whose base_url ends in /v1"
            )
        elif entry.upstream.model is None and any(mark in entry.model for mark in "*?["):
            yield (
                f"classifier.judge: {named!r} serves {entry.model!r} and writes no model; give it "
                "upstream.model"
            )


def _uninstalled(settings: Settings, installed: Callable[[str], bool]) -> Iterator[str]:
    for position, deployment in enumerate(settings.deployments):
        provider = deployment.upstream.provider
        if provider is not None and not installed("litellm"):
            yield (
                f"deployments[{position}].upstream.provider: {provider!r} is reached through "
                "LiteLLM, which is not installed; pip install 'candor[litellm]'"
            )
    url = settings.limits.url
    if url is not None and is_redis(url) and not installed("redis"):
        yield (
            "limits.url: Redis is reached through redis-py, which is not installed; "
            "pip install 'candor[redis]'"
        )


def notes(settings: Settings) -> list[str]:
    """One line for each thing that is worth knowing before it is served."""
    return [
        *settings.remarks,
        *exposures(settings),
        *_unmet_waits(settings),
        *_loose_clients(settings),
        *_idle_judge(settings),
        *_probe_doubts(settings),
        *not_yet_acted_on(settings),
    ]


def exposures(settings: Settings) -> list[str]:
    """One line for each upstream key that anyone who reaches the gateway can spend."""
    server = settings.server
    if settings.keys or _loopback(server.host):
        return []
    return [
        f"deployments[{position}].upstream.api_key: anyone who reaches {server.host}:{server.port} "
        "can spend it; configure keys, or listen on 127.0.0.1"
        for position, deployment in enumerate(settings.deployments)
        if deployment.upstream.api_key is not None
    ]


def _loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


_WAITS = (
    ("try_timeout_seconds", "timeout_seconds"),
    ("first_byte_timeout_seconds", "timeout_seconds"),
    ("first_byte_timeout_seconds", "try_timeout_seconds"),
    ("idle_timeout_seconds", "timeout_seconds"),
)
"""Pairs of waits, the first within the second."""


def _unmet_waits(settings: Settings) -> Iterator[str]:
    for model, route in settings.routes.items():
        for inner, outer in _WAITS:
            yield from _unmet_wait(f"routes.{model}", route, inner, outer=outer)


def _unmet_wait(where: str, route: RouteSettings, inner: str, *, outer: str) -> Iterator[str]:
    shorter, longer = getattr(route, outer), getattr(route, inner)
    if shorter is not None and longer is not None and longer > shorter:
        yield f"{where}.{inner}: {longer:g} s never pass, because {outer} ends it at {shorter:g} s"


def _loose_clients(settings: Settings) -> Iterator[str]:
    if settings.keys:
        return
    for model, route in settings.routes.items():
        if route.sticky:
            yield (
                f"routes.{model}.sticky: without keys no client is known, so every call is drawn "
                "anew; configure keys"
            )


def _idle_judge(settings: Settings) -> Iterator[str]:
    judge = settings.classifier
    if judge.judge is not None and Stage.JUDGE not in judge.cascade:
        yield "classifier.judge: nobody asks it; add judge to classifier.cascade"
    if judge.judge_usd_per_day is not None and judge.judge is not None:
        for position, entry in enumerate(settings.deployments):
            if entry.name == judge.judge and entry.upstream.price is None:
                yield (
                    "classifier.judge_usd_per_day: what asking costs is not known; give "
                    f"deployments[{position}].upstream.price"
                )


def _probe_doubts(settings: Settings) -> Iterator[str]:
    """What keeps a scheduled run from beginning, or from meaning what it seems to."""
    upstreams = {entry.name: entry.upstream for entry in settings.deployments}
    for position, probe in enumerate(settings.probes):
        where = f"probes[{position}]"
        if probe.schedule is None:
            yield f"{where}.schedule: there is none, so nothing is asked; write e.g. '0 3 * * *'"
            continue
        for name in probe.deployments:
            if upstreams[name].api_key is None and upstreams[name].provider is None:
                yield (
                    f"{where}.deployments: {name!r} has no upstream.api_key, and a scheduled run "
                    "has none of its own; where the upstream wants one, its runs fail"
                )
            if probe.max_cost is not None and upstreams[name].price is None:
                yield (
                    f"{where}.max_cost: what {name!r} costs is not known; give it upstream.price, "
                    "or its runs fail"
                )


def not_yet_acted_on(settings: Settings) -> list[str]:
    """One line for each key that is understood but without effect in this version."""
    return [f"{where}: understood, but without effect in this version" for where in _idle(settings)]


def _idle(settings: Settings) -> Iterator[str]:
    if settings.mirror.shadow is not None:
        yield "mirror.shadow"
    for branch in ("policies", "guards"):
        for position, entry in enumerate(getattr(settings, branch)):
            yield f"{branch}[{position}] ({entry.name})"

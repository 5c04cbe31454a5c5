"""What no single value can show: names that clash or lead nowhere, what is not yet done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from ipaddress import ip_address

from gateway.config_tree import GuardAction, Settings, Stage
from gateway.config_values import UNROUTED


def contradictions(settings: Settings) -> list[str]:
    """One line for each place where two parts of the configuration do not fit together."""
    return [
        *_repeated_names(settings),
        *_repeated_keys(settings),
        *_upstream_gaps(settings),
        *_idle_models(settings),
        *_dead_references(settings),
        *_route_gaps(settings),
        *_odd_urls(settings),
        *_cascade_gaps(settings),
    ]


def _repeated_names(settings: Settings) -> Iterator[str]:
    for branch in ("keys", "deployments", "policies", "guards"):
        first: dict[str, int] = {}
        for position, entry in enumerate(getattr(settings, branch)):
            if entry.name in first:
                yield (
                    f"{branch}[{position}].name: {entry.name!r} is already the name of "
                    f"{branch}[{first[entry.name]}]; give each its own"
                )
            first.setdefault(entry.name, position)
    for position, deployment in enumerate(settings.deployments):
        if deployment.name == UNROUTED:
            yield (
                f"deployments[{position}].name: {UNROUTED!r} is what metrics call everything that "
                "is not configured; choose another"
            )


def _repeated_keys(settings: Settings) -> Iterator[str]:
    first: dict[str, str] = {}
    for position, entry in enumerate(settings.keys):
        secret = entry.key.get_secret_value()
        if secret in first:
            yield (
                f"keys[{position}].key: the same key as {first[secret]!r} has, so nobody could "
                "tell the two apart; give each its own"
            )
        first.setdefault(secret, entry.name)


def _upstream_gaps(settings: Settings) -> Iterator[str]:
    for position, deployment in enumerate(settings.deployments):
        where = f"deployments[{position}].upstream"
        upstream = deployment.upstream
        if upstream.base_url is None and upstream.provider is None:
            yield (
                f"{where}: says neither base_url nor provider; write "
                "e.g. base_url: https://api.openai.com/v1"
            )
        if upstream.provider is not None and upstream.model is None:
            yield f"{where}.model: a provider needs to know which model; write its name"


def _idle_models(settings: Settings) -> Iterator[str]:
    for model in dict.fromkeys(entry.model for entry in settings.deployments):
        serving = [entry for entry in settings.deployments if entry.model == model]
        if not any(entry.weight for entry in serving):
            yield (
                f"deployments: every deployment of model {model!r} has weight 0, so its calls "
                "would go nowhere; give one a weight"
            )


def _dead_references(settings: Settings) -> Iterator[str]:
    known = [entry.name for entry in settings.deployments]
    for where, name in _references(settings):
        if name not in known:
            close = get_close_matches(name, known, n=1)
            remedy = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
            yield f"{where}: no deployment is named {name!r}; {remedy}"


def _references(settings: Settings) -> Iterator[tuple[str, str]]:
    for model, route in settings.routes.items():
        yield from _numbered(f"routes.{model}.fallbacks", route.fallbacks)
    if settings.mirror.shadow is not None:
        yield "mirror.shadow.to", settings.mirror.shadow.to
    if settings.classifier.judge is not None:
        yield "classifier.judge", settings.classifier.judge
    for position, probe in enumerate(settings.probes):
        yield from _numbered(f"probes[{position}].deployments", probe.deployments)
    for position, guard in enumerate(settings.guards):
        yield from _numbered(f"guards[{position}].deployments", guard.deployments)
        if guard.to is not None:
            yield f"guards[{position}].to", guard.to


def _numbered(where: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for position, name in enumerate(names):
        yield f"{where}[{position}]", name


def _route_gaps(settings: Settings) -> Iterator[str]:
    served = dict.fromkeys(entry.model for entry in settings.deployments)
    for model in settings.routes:
        if model not in served:
            yield f"routes.{model}: no deployment serves this model; there are: {', '.join(served)}"
    for position, guard in enumerate(settings.guards):
        if guard.action is GuardAction.RECOVER and guard.to is None:
            yield f"guards[{position}].to: recover needs a deployment to ask; name one"


def _odd_urls(settings: Settings) -> Iterator[str]:
    # The value may hold a password, so it is not shown.
    if not settings.store.url.get_secret_value().startswith(("sqlite:///", "postgresql://")):
        yield "store.url: is neither sqlite:///FILE nor postgresql://...; write one of them"
    queue = settings.queue.url.get_secret_value()
    if queue != "local" and not queue.startswith(("redis://", "rediss://")):
        yield "queue.url: is neither local nor redis://...; write one of them"


def _cascade_gaps(settings: Settings) -> Iterator[str]:
    cascade = settings.classifier.cascade
    if len(set(cascade)) < len(cascade):
        yield "classifier.cascade: names a stage twice; name each once"
    if Stage.JUDGE in cascade and settings.classifier.judge is None:
        yield "classifier.judge: the cascade has a judge but none is named; name a deployment"


def not_yet_acted_on(settings: Settings) -> list[str]:
    """One line for each key that is understood but without effect in this version."""
    return [f"{where}: understood, but without effect in this version" for where in _idle(settings)]


def _idle(settings: Settings) -> Iterator[str]:
    if settings.server.workers > 1:
        yield "server.workers (one worker is started)"
    for position, key in enumerate(settings.keys):
        if key.rpm is not None:
            yield f"keys[{position}].rpm"
    for model, route in settings.routes.items():
        for field in sorted(route.model_fields_set):
            yield f"routes.{model}.{field}"
    if settings.mirror.shadow is not None:
        yield "mirror.shadow"
    if settings.classifier.judge is not None:
        yield "classifier.judge"
    for branch in ("probes", "policies", "guards"):
        for position, entry in enumerate(getattr(settings, branch)):
            yield f"{branch}[{position}]" + (f" ({entry.name})" if branch != "probes" else "")


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


def hindrances(settings: Settings) -> list[str]:
    """One line for each thing without which ``candor serve`` cannot start in this version."""
    lines = [
        f"deployments[{position}].upstream.provider: {deployment.upstream.provider!r} cannot be "
        "served in this version; give a base_url that speaks the OpenAI API"
        for position, deployment in enumerate(settings.deployments)
        if deployment.upstream.provider is not None
    ]
    if not settings.store.url.get_secret_value().startswith("sqlite:"):
        lines.append("store.url: PostgreSQL cannot be used in this version; write sqlite:///FILE")
    if settings.queue.url.get_secret_value() != "local":
        lines.append("queue.url: Redis cannot be used in this version; write local")
    if Stage.JUDGE in settings.classifier.cascade:
        lines.append("classifier.cascade: judge cannot be used in this version; leave it out")
    return lines

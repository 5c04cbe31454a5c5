"""What no single value can show: names that clash, lead nowhere or lead in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from gateway.config_traffic import UpstreamSettings
from gateway.config_tree import GuardAction, Settings, Stage, is_redis
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
        *_circles(settings),
        *_odd_urls(settings),
        *_cascade_gaps(settings),
        *_probe_gaps(settings),
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
    first: dict[bytes, str] = {}
    for position, entry in enumerate(settings.keys):
        digest = entry.digest()
        if digest in first:
            yield (
                f"keys[{position}].key: the same key as {first[digest]!r} has, so nobody could "
                "tell the two apart; give each its own"
            )
        first.setdefault(digest, entry.name)


def _upstream_gaps(settings: Settings) -> Iterator[str]:
    for position, deployment in enumerate(settings.deployments):
        yield from _upstream_gap(f"deployments[{position}].upstream", deployment.upstream)


def _upstream_gap(where: str, upstream: UpstreamSettings) -> Iterator[str]:
    if upstream.base_url is None and upstream.provider is None:
        yield (
            f"{where}: says neither base_url nor provider; write "
            "e.g. base_url: https://api.openai.com/v1"
        )
    if upstream.provider is not None and upstream.model is None:
        yield f"{where}.model: a provider needs to know which model; write its name"
    if upstream.provider is None and upstream.parameters:
        yield f"{where}.parameters: only a provider takes them; drop them, or name the provider"
    if upstream.key_header is not None and upstream.api_key is None:
        yield f"{where}.key_header: there is no api_key to put there; add one, or drop it"


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
        where = f"routes.{model}.content_policy_fallbacks"
        yield from _numbered(where, route.content_policy_fallbacks)
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
    served = list(dict.fromkeys(entry.model for entry in settings.deployments))
    for model in settings.routes:
        # A route may be narrower than its deployment's glob, or be a glob over several.
        if not any(fnmatchcase(model, one) or fnmatchcase(one, model) for one in served):
            yield f"routes.{model}: no deployment serves this model; there are: {', '.join(served)}"
    for position, guard in enumerate(settings.guards):
        if guard.action is GuardAction.RECOVER and guard.to is None:
            yield f"guards[{position}].to: recover needs a deployment to ask; name one"


def _circles(settings: Settings) -> Iterator[str]:
    for model, route in settings.routes.items():
        serving = [e.name for e in settings.deployments if e.model == model and e.weight]
        for key in ("fallbacks", "content_policy_fallbacks"):
            names: tuple[str, ...] = getattr(route, key)
            for position, name in enumerate(names):
                where = f"routes.{model}.{key}[{position}]"
                if name in names[:position]:
                    yield f"{where}: {name!r} is named twice; name each once"
                elif serving == [name]:
                    yield (
                        f"{where}: {name!r} is all that serves {model!r}, so it would fall back to "
                        "itself; name another"
                    )


def _odd_urls(settings: Settings) -> Iterator[str]:
    # The value may hold a password, so it is not shown.
    if not settings.store.url.get_secret_value().startswith(("sqlite:///", "postgresql://")):
        yield "store.url: is neither sqlite:///FILE nor postgresql://...; write one of them"
    for where, url in (("queue", settings.queue.url), ("limits", settings.limits.url)):
        if url is not None and url.get_secret_value() != "local" and not is_redis(url):
            yield f"{where}.url: is neither local nor redis://...; write one of them"


def _cascade_gaps(settings: Settings) -> Iterator[str]:
    cascade = settings.classifier.cascade
    if len(set(cascade)) < len(cascade):
        yield "classifier.cascade: names a stage twice; name each once"
    if Stage.JUDGE in cascade and settings.classifier.judge is None:
        yield "classifier.judge: the cascade has a judge but none is named; name a deployment"


def _probe_gaps(settings: Settings) -> Iterator[str]:
    serving = {entry.name: entry for entry in settings.deployments}
    first: dict[tuple[object, ...], int] = {}
    for position, probe in enumerate(settings.probes):
        where = f"probes[{position}]"
        for branch in ("sets", "deployments"):
            yield from _named_twice(f"{where}.{branch}", getattr(probe, branch))
        for name in probe.deployments:
            entry = serving.get(name)
            pattern = entry is not None and any(mark in entry.model for mark in "*?[")
            if entry and pattern and not (probe.model or entry.upstream.model):
                yield (
                    f"{where}.model: {name!r} serves {entry.model!r}, which is no model to ask "
                    "for; name one"
                )
            same = (probe.sets, name, probe.model, probe.schedule, probe.timezone)
            if probe.schedule is not None and first.setdefault(same, position) != position:
                yield (
                    f"{where}: asks {name!r} the same sets at the same times as "
                    f"probes[{first[same]}]; drop one of them"
                )


def _named_twice(where: str, names: Sequence[str]) -> Iterator[str]:
    for position, name in enumerate(names):
        if name in names[:position]:
            yield f"{where}[{position}]: {name!r} is named twice; name each once"

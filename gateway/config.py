"""Configuration: a YAML file, or one upstream's URL, becomes Settings or a list of problems.

The only module of the gateway that reads the environment.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.config_checks import contradictions
from gateway.config_notes import exposures, hindrances, not_yet_acted_on, notes
from gateway.config_problems import problem_lines
from gateway.config_traffic import (
    BreakerSettings,
    CounterSettings,
    DeploymentSettings,
    KeyHeader,
    KeySettings,
    LimitSettings,
    PriceSettings,
    RouteSettings,
    UpstreamSettings,
)
from gateway.config_tree import (
    ClassifierSettings,
    MirrorSettings,
    ProbeSettings,
    QueueSettings,
    Redaction,
    ServerSettings,
    Settings,
    Stage,
    StoreSettings,
)
from gateway.config_values import Surroundings
from gateway.config_yaml import YamlProblem, read_yaml

__all__ = [
    "BreakerSettings",
    "ClassifierSettings",
    "ConfigProblem",
    "CounterSettings",
    "DeploymentSettings",
    "KeyHeader",
    "KeySettings",
    "LimitSettings",
    "MirrorSettings",
    "PriceSettings",
    "ProbeSettings",
    "QueueSettings",
    "Redaction",
    "RouteSettings",
    "ServerSettings",
    "Settings",
    "Stage",
    "StoreSettings",
    "UpstreamSettings",
    "exposures",
    "hindrances",
    "json_schema",
    "load_settings",
    "not_yet_acted_on",
    "notes",
    "settings_for_upstream",
    "settings_from",
]


class ConfigProblem(Exception):
    """A configuration that cannot be used; ``lines`` holds one readable line per problem."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def load_settings(path: Path | str, *, environ: Mapping[str, str] | None = None) -> Settings:
    """The configuration in a YAML file, its secrets resolved; raises ConfigProblem.

    ``environ`` is where env: secrets come from, by default the environment of this program;
    a relative file: secret is looked for beside the configuration. A file of LiteLLM's proxy, known
    by its ``model_list``, is translated first; ``notes`` tells what that left out.
    """
    path = Path(path)
    try:
        tree = read_yaml(path)
    except YamlProblem as problem:
        raise ConfigProblem([str(problem)]) from None
    tree, remarks = _translated(tree)
    return settings_from(tree, environ=environ, folder=path.parent, remarks=remarks)


def _translated(tree: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The tree in our own words, and what of another tool's could not be said in them."""
    if "model_list" not in tree:
        return tree, ()
    if "deployments" in tree:
        raise ConfigProblem(
            ["model_list: is LiteLLM's, beside deployments, which is Candor's; keep one of the two"]
        )
    # Few files are LiteLLM's, and what reads them need not be there for the others.
    from gateway.config_litellm import LiteLLMConfigProblem, translate

    try:
        translation = translate(tree)
    except LiteLLMConfigProblem as problem:
        raise ConfigProblem(problem.lines) from None
    return translation.tree, translation.notes


def settings_from(
    tree: Mapping[str, Any],
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path = Path(),
    remarks: Sequence[str] = (),
) -> Settings:
    """The configuration in a mapping, as YAML gives it; raises ConfigProblem.

    ``remarks`` are kept for ``notes``: what was left out when the mapping was translated.
    """
    environ = os.environ if environ is None else environ
    around = Surroundings(environ, folder, tuple(remarks))
    try:
        settings = Settings.model_validate(tree, context=around)
    except ValidationError as problem:
        raise ConfigProblem(problem_lines(problem.errors())) from None
    if lines := contradictions(settings):
        raise ConfigProblem(lines)
    return settings


def settings_for_upstream(
    url: str, upstream_key: str | None = None, *, environ: Mapping[str, str] | None = None
) -> Settings:
    """One deployment named ``default`` that serves every model at ``url``; raises ConfigProblem.

    Without a key the environment's CANDOR_UPSTREAM_KEY counts; without that either, each client's
    own Authorization passes through. CANDOR_ADMIN_TOKEN, where set, guards the control API. Every
    call is mirrored, so that a newcomer's first request moves the counters.
    """
    environ = os.environ if environ is None else environ
    key = upstream_key or environ.get("CANDOR_UPSTREAM_KEY") or None
    token = environ.get("CANDOR_ADMIN_TOKEN") or None
    tree = {
        "server": {"admin_token": token},
        "deployments": [
            {"name": "default", "model": "*", "upstream": {"base_url": url, "api_key": key}}
        ],
        "mirror": {"sample": 1.0},
    }
    try:
        return settings_from(tree, environ=environ)
    except ConfigProblem as problem:
        raise ConfigProblem([_as_option(line) for line in problem.lines]) from None


def _as_option(line: str) -> str:
    """The same problem, named by what the user typed instead of by its place in a file."""
    for place, option in (
        ("deployments[0].upstream.base_url", "--upstream"),
        ("deployments[0].upstream.api_key", "CANDOR_UPSTREAM_KEY"),
        ("server.admin_token", "CANDOR_ADMIN_TOKEN"),
    ):
        if line.startswith(f"{place}: "):
            return option + line.removeprefix(place)
    return line


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the configuration file, as docs/config.schema.json publishes it."""
    schema = Settings.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")

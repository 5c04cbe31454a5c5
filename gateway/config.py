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

from gateway.config_checks import contradictions, exposures, hindrances, not_yet_acted_on
from gateway.config_problems import problem_lines
from gateway.config_tree import (
    ClassifierSettings,
    DeploymentSettings,
    KeySettings,
    LimitSettings,
    MirrorSettings,
    QueueSettings,
    Redaction,
    ServerSettings,
    Settings,
    Stage,
    StoreSettings,
    UpstreamSettings,
)
from gateway.config_values import Surroundings
from gateway.config_yaml import YamlProblem, read_yaml

__all__ = [
    "ClassifierSettings",
    "ConfigProblem",
    "DeploymentSettings",
    "KeySettings",
    "LimitSettings",
    "MirrorSettings",
    "QueueSettings",
    "Redaction",
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
    a relative file: secret is looked for beside the configuration.
    """
    path = Path(path)
    try:
        tree = read_yaml(path)
    except YamlProblem as problem:
        raise ConfigProblem([str(problem)]) from None
    return settings_from(tree, environ=environ, folder=path.parent)


def settings_from(
    tree: Mapping[str, Any],
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path = Path(),
) -> Settings:
    """The configuration in a mapping, as YAML gives it; raises ConfigProblem."""
    around = Surroundings(os.environ if environ is None else environ, folder)
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

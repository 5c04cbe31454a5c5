"""Writes candor/values.schema.json, whose `config` branch is the gateway's own JSON Schema.

Run as ``python -m helm.values_schema`` after a change of gateway/config_tree.py or of values.yaml.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.config import json_schema

SCHEMA = Path(__file__).parent / "candor" / "values.schema.json"

NAME = r"^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$"
"""A probe's name: it becomes part of a CronJob's, which may have 52 characters in all."""
DURATION = r"^[0-9]+(ms|s|m|h)$"
CRON = r"^\S+( \S+){4}$"

Schema = dict[str, Any]


def text(**limits: Any) -> Schema:
    """A string."""
    return {"type": "string", **limits}


def number(least: int, most: int) -> Schema:
    """A whole number between two bounds, both allowed."""
    return {"type": "integer", "minimum": least, "maximum": most}


def branch(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """A mapping that knows no other keys."""
    found: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**found, "required": list(required)} if required else found


def texts() -> Schema:
    """A mapping from any key to a string, such as labels."""
    return {"type": "object", "additionalProperties": {"type": "string"}}


FLAG: Schema = {"type": "boolean"}
FREE: Schema = {"type": "object"}
"""What Kubernetes itself checks: a resources block, an affinity."""


def probe() -> Schema:
    """One scheduled probe run."""
    return branch(
        ("name", "deployment", "sets", "schedule"),
        name=text(pattern=NAME),
        deployment=text(minLength=1),
        model=text(minLength=1),
        apiKeyEnv=text(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"),
        sets={"type": "array", "minItems": 1, "items": text(minLength=1)},
        schedule=text(pattern=CRON),
        limit=number(1, 1_000_000),
        seed=number(0, 2**31 - 1),
        repeats=number(1, 1000),
        concurrency=number(1, 1024),
        rpm=number(1, 1_000_000),
        deadlineSeconds=number(60, 604_800),
    )


def properties() -> dict[str, Schema]:
    """Every value of the chart, less the gateway's configuration."""
    return {
        "nameOverride": text(maxLength=63),
        "fullnameOverride": text(maxLength=63),
        "image": branch(
            ("repository",),
            repository=text(minLength=1),
            tag=text(),
            pullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
        ),
        "imagePullSecrets": {"type": "array", "items": branch(("name",), name=text())},
        "existingSecret": text(maxLength=253),
        "persistence": branch(
            enabled=FLAG,
            existingClaim=text(),
            storageClass=text(),
            accessMode={"enum": ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]},
            size=text(pattern=r"^[0-9]+(Mi|Gi|Ti)$"),
        ),
        "service": branch(
            type={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
            port=number(1, 65_535),
            annotations=texts(),
        ),
        "probes": {"type": "array", "items": probe()},
        "serviceAccount": branch(create=FLAG, name=text(), annotations=texts()),
        "terminationGracePeriodSeconds": number(1, 3600),
        "drainSeconds": number(0, 300),
        "resources": FREE,
        "probeResources": FREE,
        "podAnnotations": texts(),
        "podLabels": texts(),
        "nodeSelector": texts(),
        "tolerations": {"type": "array", "items": FREE},
        "affinity": FREE,
        "serviceMonitor": branch(enabled=FLAG, interval=text(pattern=DURATION), labels=texts()),
        "prometheusRule": branch(enabled=FLAG, labels=texts()),
        "global": FREE,
    }


def values_schema() -> Schema:
    """The whole schema; the configuration's definitions stand at the root, where its $refs look."""
    config = json_schema()
    dialect, definitions = config.pop("$schema"), config.pop("$defs")
    top = branch(("image", "config"), **properties(), config=config)
    return {"$schema": dialect, "title": "Values of the candor chart", **top, "$defs": definitions}


def rendered() -> str:
    """The schema's file, as it is committed."""
    return json.dumps(values_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(rendered(), encoding="utf-8")

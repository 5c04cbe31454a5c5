"""What the configuration wants to have asked and when: a job for each schedule and deployment."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.config import DeploymentSettings, ProbeSettings, Settings
from gateway.schedule import Schedule, jitter


@dataclass(frozen=True, slots=True)
class ProbeJob:
    """Sets put to one deployment whenever its schedule says so.

    ``key`` is the same as long as sets, deployment, model and times are: what else is changed in
    the configuration changes the next run and makes no new job. ``asked`` is what a run is begun
    with, as JSON; none of it is secret.
    """

    key: str
    deployment: str
    schedule: Schedule
    jitter_seconds: int
    asked: dict[str, Any]

    @property
    def sets(self) -> list[str]:
        """The names of its sets."""
        return list(self.asked["sets"])

    def next_begin(self, now: float) -> float:
        """When the next of its slots begins, jitter included; raises NeverDue."""
        slot = self.schedule.after(now - self.jitter_seconds)
        while (begin := slot + jitter(self.deployment, slot, self.jitter_seconds)) <= now:
            slot = self.schedule.after(slot)
        return begin

    def run_path(self, folder: Path, slot: int) -> Path:
        """The file of the run of a slot: the same for every gateway that has this store."""
        at = datetime.fromtimestamp(slot, UTC).strftime("%Y%m%dT%H%M%SZ")
        names = re.sub(r"[^A-Za-z0-9.+_-]+", "_", "+".join(self.sets))[:80]
        return folder / f"{at}-{self.deployment}-{names}-{self.key[:6]}.jsonl"


def jobs_of(settings: Settings) -> list[ProbeJob]:
    """The jobs of a configuration: an entry without a schedule is none."""
    models = {entry.name: asked_model(entry) for entry in settings.deployments}
    return [
        _job(entry, entry.schedule, name, entry.model or models[name] or name)
        for entry in settings.probes
        if entry.schedule is not None
        for name in entry.deployments
    ]


def asked_model(deployment: DeploymentSettings) -> str | None:
    """The model that a call pinned to a deployment names; None where only the user knows one.

    As in ``candor probe run --deployment``: the deployment's own name, where the gateway writes
    the upstream's over it; else what clients ask for, unless that is a pattern.
    """
    if deployment.upstream.model is not None:
        return deployment.name
    pattern = any(mark in deployment.model for mark in "*?[")
    return None if pattern else deployment.model


def _job(entry: ProbeSettings, expression: str, deployment: str, model: str) -> ProbeJob:
    same = [list(entry.sets), deployment, model, expression, entry.timezone]
    return ProbeJob(
        key=hashlib.sha256(json.dumps(same).encode()).hexdigest()[:32],
        deployment=deployment,
        schedule=Schedule(expression, entry.timezone),
        jitter_seconds=entry.jitter_seconds,
        asked={
            "sets": list(entry.sets),
            "model": model,
            "limit": entry.limit,
            "seed": entry.seed,
            "repeats": entry.repeats,
            "concurrency": entry.concurrency,
            "rpm": entry.rpm,
            "max_cost": entry.max_cost,
        },
    )

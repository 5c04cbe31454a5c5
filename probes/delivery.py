"""Hands a finished run file to a gateway, so that its rates appear there."""

from __future__ import annotations

from pathlib import Path

from probes.http import ClientError, client, describe

_SECONDS = 60.0


class DeliveryFailed(Exception):
    """The gateway did not take the run; the message is one line."""


def deliver(path: Path, gateway: str, *, token: str | None) -> None:
    """POST the run file to the gateway's ``/api/runs``; raises DeliveryFailed."""
    url = f"{gateway.rstrip('/').removesuffix('/v1')}/api/runs"
    headers = {"content-type": "application/x-ndjson"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        with client(url, timeout_seconds=_SECONDS) as sender, path.open("rb") as run:
            response = sender.post(url, content=run, headers=headers)
    except (*ClientError, OSError) as problem:
        raise DeliveryFailed(f"{url} did not take the run: {describe(problem)}") from problem
    if not response.is_success:
        hint = "; set CANDOR_ADMIN_TOKEN" if response.status_code in (401, 403) else ""
        raise DeliveryFailed(f"{url} did not take the run: HTTP {response.status_code}{hint}")

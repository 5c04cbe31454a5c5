"""Hands a finished run file to a gateway, so that its rates appear there.

A gateway takes a run once, whatever its number of deliveries: it knows it by its id. So whatever
may pass is tried again, a delivery whose answer was lost too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from probes.http import Client, ClientError, Response, client, describe
from probes.pace import retry_after

_SECONDS = 60.0
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between the tries: a quarter of a minute in all, in which a gateway drains and starts
anew."""
_LONGEST_PAUSE = 60.0
"""Longest Retry-After that is waited for."""
_MAY_PASS = frozenset({408, 429, 502, 503, 504})
"""A gateway that is starting, draining or overloaded, or a balancer that has none to ask; 500 is a
fault of the gateway's that the same run would meet again."""
_REMEDIES = {
    401: "set CANDOR_ADMIN_TOKEN to the gateway's server.admin_token",
    403: "set CANDOR_ADMIN_TOKEN to the gateway's server.admin_token",
    404: "nothing there takes runs; name the gateway's address, such as http://127.0.0.1:8080",
}


class DeliveryFailed(Exception):
    """The gateway did not take the run; the message is one line."""


def deliver(
    path: Path,
    gateway: str,
    *,
    token: str | None,
    pauses: tuple[float, ...] = PAUSES,
    sleep: Callable[[float], object] = time.sleep,
    note: Callable[[str], object] = lambda _: None,
) -> None:
    """POST the run file to the gateway's ``/api/runs``, once more after each of the pauses.

    ``note`` gets a line when it first has to be tried again.

    Returns once the gateway has the run, also where it had it already. Raises DeliveryFailed.
    """
    url = f"{gateway.rstrip('/').removesuffix('/v1')}/api/runs"
    said = ""
    with client(url, timeout_seconds=_SECONDS) as sender:
        for number, pause in enumerate((*pauses, None)):
            said, wait = _posted(sender, url, path, token=token)
            if not said:
                return
            if wait is None or pause is None:
                break
            if not number:
                note(f"{url} did not take the run yet: {said}; trying again for {sum(pauses):g} s")
            sleep(min(max(pause, wait), _LONGEST_PAUSE))
    raise DeliveryFailed(f"{url} did not take the run: {said}")


def _posted(sender: Client, url: str, path: Path, *, token: str | None) -> tuple[str, float | None]:
    """What went wrong, empty where nothing did; and the least time to wait before another try.

    None for the time where another try could only repeat it.
    """
    headers = {"content-type": "application/x-ndjson"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        with path.open("rb") as run:
            response = sender.post(url, content=run, headers=headers)
    except OSError as problem:
        return f"{path} cannot be read: {problem.strerror}", None
    except ClientError as problem:
        return describe(problem), 0.0
    if response.is_success:
        return "", None
    said = f"HTTP {response.status_code}{_detail(response)}"
    if response.status_code not in _MAY_PASS:
        return said, None
    return said, retry_after(response.headers, now=time.time()) or 0.0


def _detail(response: Response) -> str:
    """What the gateway says about it in a few words, or the remedy for what it cannot say."""
    if remedy := _REMEDIES.get(response.status_code):
        return f"; {remedy}"
    try:
        detail = json.loads(response.text)["detail"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {' '.join(str(detail).split())[:300]}"

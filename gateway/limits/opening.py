"""Which limiter the settings ask for."""

from __future__ import annotations

from pathlib import Path

from gateway.config import ConfigProblem, Settings
from gateway.limits.limiter import Limiter
from gateway.limits.local import LocalLimiter

FOLDER = "limits"
"""Where ledgers lie under CANDOR_HOME."""


def open_limiter(settings: Settings, home: Path, slot: int = 0) -> Limiter:
    """The limiter for ``limits.url``, or for the queue's where that is Redis; else a local one.

    ``home`` is CANDOR_HOME, ``slot`` the number of this worker. A limiter knows no client: it may
    outlive a configuration, unless the new one counts somewhere else. Redis is connected to when
    it is first needed, and redis-py imported only where it is. Raises ConfigProblem where the URL
    is none that redis-py understands.
    """
    local = LocalLimiter(home / FOLDER, slot)
    url = settings.counters_url.get_secret_value()
    if url == "local":
        return local
    from gateway.limits.redis_limiter import RedisLimiter, redis_at

    try:
        redis = redis_at(url)
    except ValueError:
        # The value may hold a password, so it is not shown.
        lines = ["limits.url: is no address of a Redis; write e.g. redis://HOST:6379/0"]
        raise ConfigProblem(lines) from None
    return RedisLimiter(redis, local)

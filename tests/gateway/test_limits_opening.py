"""Which limiter the settings ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigProblem, Settings, settings_from
from gateway.limits import open_limiter
from gateway.limits.local import LocalLimiter
from gateway.limits.redis_limiter import RedisLimiter


def settings(**branches: Any) -> Settings:
    listed = [{"name": "d", "upstream": {"base_url": "http://127.0.0.1:1/v1"}}]
    return settings_from({"deployments": listed, **branches}, environ={})


async def test_limits_are_local_unless_a_redis_is_named(tmp_path: Path) -> None:
    local = open_limiter(settings(), tmp_path)
    assert isinstance(local, LocalLimiter)
    queued = settings(queue={"url": "redis://127.0.0.1:1"})
    for chosen in (settings(limits={"url": "redis://127.0.0.1:1/0"}), queued):
        limiter = open_limiter(chosen, tmp_path, 1)
        assert isinstance(limiter, RedisLimiter)
        await limiter.aclose()
    apart = settings(queue={"url": "redis://127.0.0.1:1"}, limits={"url": "local"})
    assert isinstance(open_limiter(apart, tmp_path, 2), LocalLimiter)


@pytest.mark.parametrize("url", ["redis://u:hunter2@h:port/0", "redis://[::1", "redis://h?db=x"])
def test_an_address_that_is_none_is_named_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigProblem) as told:
        open_limiter(settings(limits={"url": url}), tmp_path)
    assert told.value.lines == (
        "limits.url: is no address of a Redis; write e.g. redis://HOST:6379/0",
    )

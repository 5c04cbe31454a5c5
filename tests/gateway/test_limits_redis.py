"""Limits that replicas share in a real Redis, and what holds while that is away."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from gateway.limits import Allowance, Exceeded, Lease, Resource, Usage
from gateway.limits.local import LocalLimiter
from gateway.limits.redis_limiter import RedisLimiter, redis_at
from tests.gateway.limits_clock import FakeClock, at
from tests.redis_server import RedisServer, redis_server
from tests.waiting import wait_until_async

RATE = Allowance("a", rpm=3)
TOKENS = Allowance("a", tpm=1000)
CROWD = Allowance("a", max_concurrency=2)
BUDGET = Allowance("a", usd_per_month=1.0)
KEYS = "candor:{a}:"
AWAY_SECONDS = 0.2


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def server(shared: RedisServer) -> RedisServer:
    async with Redis.from_url(shared.url) as redis:
        await redis.flushall()
    return shared


class Replica:
    """A gateway of its own on a machine of its own."""

    def __init__(self, url: str, folder: Path, lease_seconds: float = 60.0) -> None:
        self.clock = FakeClock()
        self.limiter = RedisLimiter(
            redis_at(url),
            LocalLimiter(folder, wall=self.clock.wall),
            lease_seconds=lease_seconds,
            away_seconds=AWAY_SECONDS,
            wall=self.clock.wall,
        )

    async def let_in(self, allowance: Allowance, tokens: int = 1) -> Lease:
        lease = await self.limiter.admit(allowance, tokens)
        assert not isinstance(lease, Exceeded), lease.message
        return lease

    async def turned_away(self, allowance: Allowance, tokens: int = 1) -> Exceeded:
        told = await self.limiter.admit(allowance, tokens)
        assert isinstance(told, Exceeded)
        return told

    async def passes(self, allowance: Allowance) -> bool:
        told = await self.limiter.admit(allowance, 1)
        if isinstance(told, Exceeded):
            return False
        told.settle(None, None)
        return True


@pytest.fixture
async def first(server: RedisServer, tmp_path: Path) -> AsyncIterator[Replica]:
    replica = Replica(server.url, tmp_path / "first")
    yield replica
    await replica.limiter.aclose()


@pytest.fixture
async def second(server: RedisServer, tmp_path: Path) -> AsyncIterator[Replica]:
    replica = Replica(server.url, tmp_path / "second")
    yield replica
    await replica.limiter.aclose()


async def test_replicas_share_a_rate(first: Replica, second: Replica) -> None:
    for replica in (first, second, first):
        (await replica.let_in(RATE)).settle(None, None)
    told = await second.turned_away(RATE)
    assert (told.what, told.limit, told.remaining) == (Resource.REQUESTS, 3, 0)
    assert 55 < told.retry_after_seconds <= 60.25
    assert told.reset_seconds is not None
    assert told.retry_after_seconds <= told.reset_seconds <= 60.25


async def test_many_calls_at_once_of_many_replicas_stay_within_the_limit(
    first: Replica, second: Replica
) -> None:
    allowance = Allowance("a", rpm=100)
    told = await asyncio.gather(
        *(replica.limiter.admit(allowance, 1) for _ in range(150) for replica in (first, second))
    )
    assert sum(not isinstance(each, Exceeded) for each in told) == 100


async def test_replicas_share_places_and_free_them_exactly_once(
    first: Replica, second: Replica
) -> None:
    lease, _ = await first.let_in(CROWD), await second.let_in(CROWD)
    assert (await first.turned_away(CROWD)).what is Resource.CONCURRENCY
    lease.settle(None, None)
    lease.settle(None, None)
    await first.let_in(CROWD)
    await second.turned_away(CROWD)


async def test_replicas_share_tokens_held_and_used(first: Replica, second: Replica) -> None:
    lease = await first.let_in(TOKENS, 600)
    told = await second.turned_away(TOKENS, 500)
    assert (told.what, told.remaining, told.retry_after_seconds) == (Resource.TOKENS, 400, 1.0)
    lease.settle(Usage(500, 400), None)
    told = await first.turned_away(TOKENS, 500)
    assert told.remaining == 100
    assert 55 < told.retry_after_seconds <= 60.25
    await second.let_in(TOKENS, 100)


async def test_replicas_share_a_budget_that_begins_anew_each_month(
    first: Replica, second: Replica
) -> None:
    (await first.let_in(BUDGET)).settle(Usage(1, 1), 0.6)
    lease = await second.let_in(BUDGET)
    lease.settle(Usage(1, 1), 0.2)
    lease.settle(Usage(1, 1), 0.2)
    (await second.let_in(BUDGET)).settle(Usage(1, 1), 0.2)
    await second.let_in(Allowance("a"))
    assert (await first.turned_away(BUDGET)).what is Resource.BUDGET
    assert (await second.turned_away(BUDGET)).what is Resource.BUDGET
    first.clock.wall_now = at(2026, 12, 1)
    await first.let_in(BUDGET)


async def test_a_call_counts_for_sixty_seconds_and_a_quarter(
    server: RedisServer, first: Replica
) -> None:
    one = Allowance("a", rpm=1)
    await first.let_in(one)
    async with Redis.from_url(server.url) as redis:
        # As if that call had been let in earlier, by so many quarters of a second.
        for earlier, passes in ((230, False), (250, True)):
            [(member, quarter)] = await redis.zrange(KEYS + "requests", 0, 0, withscores=True)
            await redis.zadd(KEYS + "requests", {member: quarter - earlier})
            assert (await first.passes(one)) is passes
            await redis.zadd(KEYS + "requests", {member: quarter})


async def test_each_client_has_limits_of_its_own(first: Replica) -> None:
    one = Allowance("a", rpm=1)
    await first.let_in(one)
    await first.turned_away(one)
    await first.let_in(Allowance("b", rpm=1))


async def test_a_call_that_is_given_up_while_it_waits_holds_no_place(first: Replica) -> None:
    one = Allowance("a", max_concurrency=1)
    waiting = asyncio.ensure_future(first.limiter.admit(one, 1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await first.let_in(one)


async def test_calls_of_a_replica_that_died_are_given_up(
    server: RedisServer, tmp_path: Path
) -> None:
    dead = Replica(server.url, tmp_path / "dead", lease_seconds=0.3)
    living = Replica(server.url, tmp_path / "living", lease_seconds=0.3)
    one, other = Allowance("a", tpm=100, max_concurrency=1), Allowance("b", max_concurrency=1)
    await dead.let_in(one, 100)
    still_going_on = await living.let_in(other)
    await dead.limiter.aclose()
    async with asyncio.timeout(10):
        while not await living.passes(one):
            pass
    # Longer than a lease has passed, and the living one's call was not given up.
    await living.turned_away(other)
    still_going_on.settle(None, None)
    await living.let_in(other)
    await living.limiter.aclose()


async def test_what_is_kept_in_redis_expires_by_itself(server: RedisServer, first: Replica) -> None:
    lease = await first.let_in(Allowance("a", tpm=100, usd_per_month=1.0), 10)
    lease.settle(Usage(1, 1), 0.5)
    await first.let_in(RATE)
    async with Redis.from_url(server.url, decode_responses=True) as redis:
        names = await redis.keys("*")
        assert {name.partition("}:")[0] for name in names} == {"candor:{a"}
        assert len(names) == 5
        lives = {name.partition("}:")[2]: await redis.ttl(name) for name in names}
    assert all(0 < seconds <= 300 for name, seconds in lives.items() if "spent" not in name)
    assert 39 * 86_400 < lives["spent:2026-11"] <= 40 * 86_400


async def test_redis_that_forgot_its_scripts_is_told_them_again(
    server: RedisServer, first: Replica
) -> None:
    await first.let_in(RATE)
    async with Redis.from_url(server.url) as redis:
        await redis.script_flush()
    await first.let_in(RATE)
    assert first.limiter.failures == 0


async def test_without_redis_each_replica_limits_for_itself_and_says_so_once(
    tmp_path: Path,
) -> None:
    with redis_server(tmp_path) as server, capture_logs() as lines:
        replica = Replica(server.url, tmp_path / "ledgers")
        (await replica.let_in(RATE)).settle(Usage(1, 1), 0.3)
        in_flight = await replica.let_in(RATE)
        server.stop()
        meanwhile = [await replica.let_in(RATE) for _ in range(3)]
        assert (await replica.turned_away(RATE)).what is Resource.REQUESTS
        assert replica.limiter.failures == 1
        assert [line["event"] for line in lines] == ["limits_redis_away"]
        assert "127.0.0.1" not in str(lines)
        in_flight.settle(Usage(1, 1), 0.3)
        for lease in meanwhile:
            lease.settle(Usage(1, 1), 0.1)
        server.start()
        await wait_until_async(lambda: lines[-1]["event"] == "limits_redis_back")
        # What was spent while it was away is told to Redis, which had forgotten everything.
        await replica.turned_away(Allowance("a", usd_per_month=0.6))
        await replica.let_in(Allowance("a", usd_per_month=0.61))
        assert [line["event"] for line in lines] == ["limits_redis_away", "limits_redis_back"]
        await replica.limiter.aclose()


async def test_what_a_call_used_waits_for_redis_however_long_that_is_away(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server, capture_logs() as lines:
        replica = Replica(server.url, tmp_path / "ledgers")
        lease = await replica.let_in(BUDGET)
        server.stop()
        lease.settle(Usage(1, 1), 1.0)
        loop = asyncio.get_running_loop()
        over = loop.time() + 2 * AWAY_SECONDS
        await wait_until_async(lambda: loop.time() > over)
        assert replica.limiter.failures == 1
        server.start()
        await wait_until_async(lambda: lines[-1]["event"] == "limits_redis_back")
        async with Redis.from_url(server.url) as redis:
            assert int(await redis.get(KEYS + "spent:2026-11")) == 1_000_000_000
        assert [line["event"] for line in lines] == ["limits_redis_away", "limits_redis_back"]
        await replica.limiter.aclose()


async def test_a_budget_that_was_seen_to_be_spent_stays_spent_while_redis_is_away(
    tmp_path: Path,
) -> None:
    with redis_server(tmp_path) as server:
        first = Replica(server.url, tmp_path / "first")
        second = Replica(server.url, tmp_path / "second")
        (await first.let_in(BUDGET)).settle(None, 2.0)
        await first.turned_away(BUDGET)
        await second.let_in(Allowance("a"))
        server.stop()
        assert (await second.turned_away(BUDGET)).what is Resource.BUDGET
        assert (await first.turned_away(BUDGET)).what is Resource.BUDGET
        server.start()
        await asyncio.gather(first.limiter.aclose(), second.limiter.aclose())


async def test_a_redis_that_hangs_holds_a_call_up_for_half_a_second_at_most(
    server: RedisServer, first: Replica
) -> None:
    await first.let_in(RATE)
    server.pause(signal.SIGSTOP)
    try:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await first.let_in(RATE)
        assert loop.time() - before < 2.0
        before = loop.time()
        await first.let_in(RATE)
        assert loop.time() - before < 0.2
    finally:
        server.pause(signal.SIGCONT)


async def test_settling_without_a_loop_raises_nothing(server: RedisServer, tmp_path: Path) -> None:
    replica = Replica(server.url, tmp_path / "ledgers")
    lease = await replica.let_in(RATE)
    await replica.limiter.aclose()
    await asyncio.to_thread(lease.settle, Usage(1, 1), 0.5)

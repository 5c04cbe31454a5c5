"""The fault proxy does to a connection what its plan says, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.bench.script import expected, request, script_named
from tests.bench.upstream import listening
from tests.faults import Fault, FaultProxy, Injected, Plan, faulty
from tests.waiting import wait_until_async

SMALL = script_named("small")
assert SMALL is not None
BODY = expected(SMALL, "small.1")


@pytest.fixture
async def upstream_port() -> AsyncIterator[int]:
    server = await listening(0)
    async with server:
        yield server.sockets[0].getsockname()[1]


class Talk:
    """A raw client of the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def ask(self, call_id: str = "small.1") -> None:
        self.writer.write(request("small", port=1, call_id=call_id))

    async def reply(self) -> bytes:
        """A whole reply of the upstream's: the same number of bytes each time."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        return head + await self.reader.readexactly(len(BODY))


async def talk(proxy: FaultProxy) -> Talk:
    return Talk(*await asyncio.open_connection("127.0.0.1", proxy.port))


async def after(plan: Plan, port: int) -> tuple[bytes, list[Injected]]:
    """What a client reads until the connection ends, and what was logged."""
    async with faulty(port, lambda number, call_id: plan) as proxy:
        line = await talk(proxy)
        line.ask()
        got = await line.reader.read()
        line.writer.close()
        return got, proxy.log


async def test_without_a_fault_nothing_is_changed_and_nothing_logged(upstream_port: int) -> None:
    async with faulty(upstream_port, lambda number, call_id: Plan()) as proxy:
        line = await talk(proxy)
        for _ in range(3):
            line.ask()
            assert (await line.reply()).endswith(BODY)
        assert proxy.log == []
        assert proxy.busy == 0
        line.writer.close()


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.HALF_CLOSE])
@pytest.mark.parametrize("count", [0, 1, 300])
async def test_a_cut_lets_exactly_so_many_bytes_through(
    upstream_port: int, fault: Fault, count: int
) -> None:
    got, [injected] = await after(Plan(fault, after=count), upstream_port)
    assert len(got) == count
    assert (injected.call_id, injected.connection, injected.plan.fault) == ("small.1", 1, fault)


async def test_a_half_close_goes_on_listening(upstream_port: int) -> None:
    async with faulty(upstream_port, lambda number, call_id: Plan(Fault.HALF_CLOSE)) as proxy:
        line = await talk(proxy)
        line.ask()
        assert await line.reader.read() == b""
        assert len(proxy.links) == 1
        line.writer.close()
        await wait_until_async(lambda: not proxy.links)


async def test_a_reset_is_a_reset(upstream_port: int) -> None:
    with pytest.raises(ConnectionResetError):
        await after(Plan(Fault.RESET, after=0), upstream_port)


async def test_garbage_changes_bytes_and_not_their_number(upstream_port: int) -> None:
    plan = Plan(Fault.GARBAGE, after=200, size=5)
    async with faulty(upstream_port, lambda number, call_id: plan) as proxy:
        line = await talk(proxy)
        line.ask()
        got = await line.reply()
        wrong = [
            at for at, (a, b) in enumerate(zip(got[-len(BODY) :], BODY, strict=True)) if a != b
        ]
        assert len(wrong) == 5
        assert len(proxy.log) == 1
        line.writer.close()


async def test_slices_arrive_whole(upstream_port: int) -> None:
    plan = Plan(Fault.SLICES, size=3)
    async with faulty(upstream_port, lambda number, call_id: plan) as proxy:
        line = await talk(proxy)
        line.ask()
        assert len(await line.reader.read(65_536)) < len(BODY)
        line.writer.close()


async def test_latency_comes_before_the_first_byte(upstream_port: int) -> None:
    plan = Plan(Fault.LATENCY, seconds=0.05)
    async with faulty(upstream_port, lambda number, call_id: plan) as proxy:
        line = await talk(proxy)
        began = asyncio.get_running_loop().time()
        line.ask()
        assert (await line.reply()).endswith(BODY)
        assert asyncio.get_running_loop().time() - began >= 0.05
        assert [each.plan.fault for each in proxy.log] == [Fault.LATENCY]
        line.writer.close()


async def test_a_stall_keeps_the_connection_and_says_no_more(upstream_port: int) -> None:
    plan = Plan(Fault.STALL, after=100)
    async with faulty(upstream_port, lambda number, call_id: plan) as proxy:
        line = await talk(proxy)
        line.ask()
        assert len(await line.reader.readexactly(100)) == 100
        assert proxy.busy == 1
        line.writer.close()


async def test_a_connection_that_went_stale_is_closed_with_no_call_on_it(
    upstream_port: int,
) -> None:
    plan = Plan(Fault.STALE, seconds=0.01)
    async with faulty(upstream_port, lambda number, call_id: plan) as proxy:
        line = await talk(proxy)
        line.ask()
        assert (await line.reply()).endswith(BODY)
        assert await line.reader.read() == b""
        assert [(each.call_id, each.plan.fault) for each in proxy.log] == [("", Fault.STALE)]
        line.writer.close()


async def test_a_plan_that_reaches_past_the_reply_is_not_logged(upstream_port: int) -> None:
    plan = Plan(Fault.CUT, after=100_000)
    async with faulty(upstream_port, lambda number, call_id: plan) as proxy:
        line = await talk(proxy)
        line.ask()
        assert (await line.reply()).endswith(BODY)
        assert proxy.log == []
        line.writer.close()


async def test_each_call_of_a_connection_has_its_own_plan(upstream_port: int) -> None:
    plans = {"small.2": Plan(Fault.CUT, after=10)}
    async with faulty(upstream_port, lambda _, call_id: plans.get(call_id, Plan())) as proxy:
        line = await talk(proxy)
        line.ask("small.1")
        await line.reply()
        line.ask("small.2")
        assert len(await line.reader.read()) == 10
        assert [each.call_id for each in proxy.log] == ["small.2"]
        line.writer.close()

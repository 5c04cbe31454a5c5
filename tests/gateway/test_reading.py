"""A large body holds up nobody else's call."""

from __future__ import annotations

import asyncio
import threading

import pytest

from gateway.proxy.reading import READ_AT_ONCE, BodyReader
from gateway.proxy.splice import Fields, TooDeep, read_fields
from tests.gateway.stage import PATIENCE

LARGE = b'{"model":"m","x":[' + b"0," * READ_AT_ONCE + b"0]}"


async def test_other_work_goes_on_while_a_large_body_is_read():
    go_on = threading.Event()

    def read(body: bytes) -> Fields | None:
        assert go_on.wait(PATIENCE)
        return read_fields(body)

    reading = asyncio.create_task(BodyReader(read).fields(LARGE))
    small = await BodyReader().fields(b'{"model":"other"}')
    assert small.model == "other"
    assert not reading.done()
    go_on.set()
    assert (await reading).model == "m"


async def test_only_a_few_large_bodies_are_read_side_by_side():
    begun, go_on = threading.Semaphore(0), threading.Event()
    running = most = 0
    lock = threading.Lock()

    def read(_: bytes) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        begun.release()
        assert go_on.wait(PATIENCE)
        with lock:
            running -= 1

    reader = BodyReader(read)
    tasks = [asyncio.create_task(reader.fields(LARGE)) for _ in range(5)]
    for _ in range(2):
        assert await asyncio.to_thread(begun.acquire, timeout=PATIENCE)
    go_on.set()
    await asyncio.gather(*tasks)
    assert most == 2


async def test_a_small_body_is_read_without_a_thread():
    threads = []
    await BodyReader(lambda _: threads.append(threading.get_ident())).fields(b"{}")
    assert threads == [threading.get_ident()]


async def test_a_body_too_deep_is_told_from_a_thread_as_well():
    with pytest.raises(TooDeep):
        await BodyReader().fields(b'{"x":' + b"[" * READ_AT_ONCE)

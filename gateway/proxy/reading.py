"""Reads the model out of a request's body without holding up anybody else's call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.proxy.splice import Fields, read_fields

READ_AT_ONCE = 32_768
"""Bytes that are read between two turns of the event loop: under a millisecond's work for what
clients send. A thread costs more than that for less."""

_READERS = 2
"""Large bodies that are read side by side; others wait, as they would for the processor."""


class BodyReader:
    """Reads small bodies at once and large ones in a thread, a few at a time."""

    def __init__(self, read: Callable[[bytes], Fields | None] = read_fields) -> None:
        self._read = read
        self._readers = asyncio.Semaphore(_READERS)

    async def fields(self, body: bytes) -> Fields | None:
        """What routing needs of the body, None where it is no JSON object; raises TooDeep."""
        if len(body) <= READ_AT_ONCE:
            return self._read(body)
        async with self._readers:
            return await asyncio.to_thread(self._read, body)

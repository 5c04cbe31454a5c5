"""Reads the model out of a request's body without holding up anybody else's call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.proxy.splice import Fields, read_fields

READ_AT_ONCE = 32_768
"""Bytes that are read between two turns of the event loop: under a millisecond's work for what
clients send. A thread costs more than that for less."""

LATER = Fields(None, ())
"""Stands for fields that take longer than may be waited for here."""

_READERS = 2
"""Large bodies that are read side by side; others wait, as they would for the processor."""


class BodyReader:
    """Reads small bodies at once and large ones in a thread, a few at a time."""

    def __init__(self, read: Callable[[bytes], Fields | None] = read_fields) -> None:
        self._read = read
        self._readers = asyncio.Semaphore(_READERS)

    def at_once(self, body: bytes | None) -> Fields | None:
        """The fields of a small body; LATER for one that ``fields`` must be asked about."""
        if body is not None and len(body) > READ_AT_ONCE:
            return LATER
        return None if body is None else self._read(body)

    async def fields(self, body: bytes) -> Fields | None:
        """What routing needs of the body, None where it is no JSON object; raises TooDeep."""
        if len(body) <= READ_AT_ONCE:
            return self._read(body)
        async with self._readers:
            return await asyncio.to_thread(self._read, body)

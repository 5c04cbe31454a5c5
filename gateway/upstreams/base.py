"""What an upstream is asked and what it answers, whoever speaks to it.

Its failures::

    UpstreamProblem
      UpstreamUnreachable   no connection, or it broke before the reply began
      UpstreamTimeout       it stayed silent for too long before the reply began
      UpstreamBroken        the reply began and broke off, or fell silent
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


class UpstreamProblem(Exception):
    """Something between the gateway and an upstream went wrong; its text is one readable line."""


class UpstreamUnreachable(UpstreamProblem):
    """There is no reply, and none will come."""


class UpstreamTimeout(UpstreamProblem):
    """There is no reply within the time allowed."""


class UpstreamBroken(UpstreamProblem):
    """The reply began and has no end."""


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """A request as the upstream shall see it, less the address.

    ``path`` is what follows /v1, percent-encoding as received, and ``query`` what follows the
    question mark. A body that comes as an iterator is passed on as it arrives.
    """

    method: str
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes | AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class UpstreamReply:
    """A reply that has begun: its head, and its body as it arrives, never decompressed."""

    status: int
    headers: list[tuple[bytes, bytes]]
    chunks: AsyncIterator[bytes]


class Upstream(Protocol):
    """Speaks to one deployment."""

    def send(self, call: UpstreamCall) -> AbstractAsyncContextManager[UpstreamReply]:
        """Sends a request once; leaving the context gives the connection back or breaks it.

        Raises UpstreamProblem on entry, and UpstreamBroken from ``chunks``.
        """
        ...

    async def aclose(self) -> None:
        """Closes idle connections."""
        ...

"""The way to a target: one request out, one reply back, whatever library carries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from classifiers.wire import RawReply

ENDPOINT = "/v1/chat/completions"
"""The protocol that every line speaks towards us."""


@dataclass(frozen=True, slots=True)
class Came:
    """A reply's bytes, and how long its server asks to wait before the next try."""

    raw: RawReply
    wait_seconds: float | None = None


class LineBroken(Exception):
    """No response came; the message is one line.

    ``unreachable`` says that no byte of the request can have reached the server.
    """

    def __init__(self, message: str, *, unreachable: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable


class Line(Protocol):
    """What an attempt is put through."""

    async def send(self, body: bytes, key: str) -> Came:
        """The reply to a chat completion's JSON body; raises LineBroken.

        ``key`` is the attempt's idempotency key. The caller bounds the time.
        """
        ...

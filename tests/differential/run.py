"""A case while it is played, and what has been seen of it at both ends."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tests.differential.case import Exchange, method_of
from tests.differential.http1 import Message, Reader
from tests.differential.wires import End, Receipt


@dataclass
class Seen:
    """What one run of a case showed: to the upstream, and to the client."""

    requests: list[Message] = field(default_factory=list)
    replies: list[Message] = field(default_factory=list)
    end: End = End.WHOLE
    surplus: bytes = b""
    closed: End | None = None
    heard: dict[str, list[bytes | End]] = field(
        default_factory=lambda: {"upstream": [], "client": []}
    )
    complaints: list[str] = field(default_factory=list)


@dataclass
class Run:
    """A case while it is played: what is left of it, and what has been seen."""

    exchanges: list[Exchange]
    seen: Seen = field(default_factory=Seen)
    up: Receipt = field(default_factory=Receipt)
    down: Receipt = field(default_factory=Receipt)
    played: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    cut: threading.Event = field(default_factory=threading.Event)
    left_at: float = 0.0
    left_how: End = End.WHOLE
    touched: int = 0

    def __post_init__(self) -> None:
        self.answered = Reader([method_of(each.request) for each in self.exchanges])

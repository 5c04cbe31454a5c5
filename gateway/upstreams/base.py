"""What an upstream is asked and what it answers, whoever speaks to it.

Bytes move by plain calls, never by a task, a queue or a future for each part: a stream of tokens is
thousands of small parts, and what each costs is what the gateway costs.

Its failures::

    UpstreamProblem
      UpstreamUnreachable   no connection, or it broke before the reply began
      UpstreamTimeout       it stayed silent for too long before the reply began
      UpstreamBroken        the reply began and broke off, or fell silent
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Headers = list[tuple[bytes, bytes]]
"""Names and values in the order and the letter case they travelled in."""


class UpstreamProblem(Exception):
    """Something between the gateway and an upstream went wrong; its text is one readable line.

    ``blameless`` says that the upstream had no part in it: it was never asked, or it was the client
    that took too long. It says nothing about the deployment's health.
    """

    def __init__(self, reason: str, *, blameless: bool = False) -> None:
        super().__init__(reason)
        self.blameless = blameless


class UpstreamUnreachable(UpstreamProblem):
    """There is no reply, and none will come."""


class UpstreamTimeout(UpstreamProblem):
    """There is no reply within the time allowed."""


class UpstreamBroken(UpstreamProblem):
    """The reply began and has no end. ``reset`` says that the connection ended by RST, not FIN."""

    def __init__(self, reason: str, *, reset: bool = False, blameless: bool = False) -> None:
        super().__init__(reason, blameless=blameless)
        self.reset = reset


class Framing(StrEnum):
    """How the end of a reply's body is told (RFC 9112, 6.3)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until_close"


class Outlet(Protocol):
    """Takes the parts of a request's body on their way to the upstream."""

    def part(self, piece: bytes) -> None:
        """The next part, as it arrived."""
        ...

    def end(self) -> None:
        """The body is complete."""
        ...

    def fail(self, problem: Exception) -> None:
        """The body has no end; whoever waits for the reply is told ``problem``."""
        ...


class Hints(Protocol):
    """Takes the interim replies that come before the reply (RFC 9110, 15.2)."""

    def interim(self, status: int, reason: bytes, headers: Headers) -> None:
        """One that nobody here asked for; a 100 is none."""
        ...


class BodySource(Protocol):
    """A request's body that is passed on as it arrives."""

    def attach(self, outlet: Outlet) -> None:
        """Gives ``outlet`` what has come so far, then each part as it comes, then its end."""
        ...

    def pause(self) -> None:
        """The upstream takes no more for now."""
        ...

    def resume(self) -> None:
        """The upstream takes more."""
        ...


class Sink(Protocol):
    """Takes the parts of a reply's body on their way to the client."""

    def part(self, piece: bytes) -> None:
        """The next part, as it arrived; decompressed or joined by nobody."""
        ...


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, from the request sent to the reply's head, between two parts of it."""

    connect: float
    first_byte: float
    idle: float


class Landing(Protocol):
    """Is told of a reply in the turn of the loop that brought its head."""

    def landed(self, reply: Landed) -> None:
        """The head is here, and perhaps a part of the body; ``open`` has yet to return."""
        ...


@dataclass(slots=True, eq=False)
class Pattern:
    """What the calls have in common that differ in nothing but a body and its one length.

    Whoever sends them keeps here what it made of the first: its bytes ``before`` the length and
    ``after`` it. ``maker`` is who made them, None as long as nobody has.
    """

    maker: object = None
    before: bytes = b""
    after: bytes = b""


@dataclass(slots=True)
class UpstreamCall:
    """A request as the upstream shall see it, less the address.

    ``path`` is what follows /v1, percent-encoding as received, and ``query`` what follows the
    question mark. ``headers`` hold the body's framing already, and no Host. ``deadline`` is the
    loop's time at which the call as a whole is given up, None for never. ``pattern`` is shared with
    every call that is the same but for its body, which is bytes, and the length in its headers.
    ``landing`` may be told of the reply before it is returned.
    """

    method: bytes
    path: bytes
    query: bytes | None
    headers: Headers
    body: bytes | BodySource
    timeouts: Timeouts
    deadline: float | None = None
    hints: Hints | None = None
    pattern: Pattern | None = None
    landing: Landing | None = None


class Reply(Protocol):
    """A reply that has begun. Its body waits, and the upstream with it, until ``pass_to``."""

    status: int
    reason: bytes
    headers: Headers
    framing: Framing

    @property
    def ready(self) -> bool:
        """Whether a part of the body is here already, so that ``pass_to`` hands it on at once."""
        ...

    async def pass_to(self, sink: Sink) -> None:
        """Hands on every part as it comes and returns at the clean end; raises UpstreamBroken.

        Parts that are here already are handed on before this first waits. After a 101 these are
        the tunnel's bytes, until the upstream ends them.
        """
        ...

    def pause(self) -> None:
        """The client takes no more for now: the upstream is read no further."""
        ...

    def resume(self) -> None:
        """The client takes more."""
        ...

    def send(self, piece: bytes) -> None:
        """Bytes of the client's for the tunnel that a 101 opened."""
        ...

    def send_eof(self) -> None:
        """The client's half of the tunnel has ended."""
        ...

    def close(self) -> None:
        """Gives the connection back, or breaks it where the reply is not at its end. Idempotent."""
        ...


class Landed(Reply, Protocol):
    """A reply whose body may be asked for before it is waited for."""

    def start(self, sink: Sink) -> None:
        """Hands on what is here, then each part as it comes; ``pass_to`` still tells the end."""
        ...


class Upstream(Protocol):
    """Speaks to one deployment."""

    async def open(self, call: UpstreamCall) -> Reply:
        """Sends a request once and returns when the head of its reply is here.

        Raises UpstreamUnreachable or UpstreamTimeout, or what the body's source failed with. A
        cancelled call breaks its connection.
        """
        ...

    async def aclose(self) -> None:
        """Closes idle connections."""
        ...

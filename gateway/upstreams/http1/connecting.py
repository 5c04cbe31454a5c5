"""A connection to an origin: its name resolved, its addresses raced, TLS on top where asked for.

uvloop tries one address after another, so a broken IPv6 route would cost the whole time for
connecting. Here the next address is tried as soon as one has failed or kept silent for a while
(Happy Eyeballs, RFC 8305).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any
from urllib.parse import urlsplit

_STAGGER_SECONDS = 0.25
"""RFC 8305, 5: the recommended delay between two attempts."""

Place = tuple[int, int, int, Any]
"""Family, type and protocol of a socket and the address to connect it to."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an upstream is. ``tls`` is None for plain HTTP; ``netloc`` is what Host says."""

    host: str
    port: int
    netloc: bytes
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, base_url: str, tls: ssl.SSLContext | None = None) -> Origin:
        """The origin of an http or https URL; with https, ``tls`` or else the system's trust."""
        parts = urlsplit(base_url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        trust = (tls or system_trust()) if secure else None
        return cls(parts.hostname or "", port, parts.netloc.encode("ascii"), trust)


def system_trust() -> ssl.SSLContext:
    """TLS for a client of HTTP/1.1 with the system's certificates; reading them takes 10 to 30 ms.

    SSL_CERT_FILE and SSL_CERT_DIR count, as they do everywhere that OpenSSL does.
    """
    trust = ssl.create_default_context()
    trust.set_alpn_protocols(["http/1.1"])
    return trust


async def connect(origin: Origin, protocol: asyncio.Protocol) -> None:
    """Connects ``protocol`` to the origin; raises OSError, of which TLS's failures are some."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    places = interleaved([(family, kind, proto, to) for family, kind, proto, _, to in found])
    with ExitStack() as stack:
        sock = await (_attempt(places[0]) if len(places) == 1 else race(places))
        stack.callback(sock.close)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = origin.host if origin.tls else None
        await loop.create_connection(
            lambda: protocol, sock=sock, ssl=origin.tls, server_hostname=name
        )
        stack.pop_all()


def interleaved(places: Sequence[Place]) -> list[Place]:
    """The families by turns, the resolver's first choice first (RFC 8305, 4)."""
    first = places[0][0]
    mine = [place for place in places if place[0] == first]
    others = [place for place in places if place[0] != first]
    return [place for place in chain(*zip_longest(mine, others)) if place is not None]


async def race(places: Sequence[Place]) -> socket.socket:
    """The first socket that connects; raises the first failure, an OSError, where none does."""
    waiting = list(places)
    running: set[asyncio.Task[socket.socket]] = set()
    failures: list[BaseException] = []
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_attempt(waiting.pop(0))))
            pause = _STAGGER_SECONDS if waiting else None
            done, _ = await asyncio.wait(
                running, timeout=pause, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                running.discard(task)
                if (problem := task.exception()) is None:
                    return task.result()
                failures.append(problem)
        raise failures[0]
    finally:
        for task in running:
            task.add_done_callback(_close_loser)
            task.cancel()


def _close_loser(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _attempt(place: Place) -> socket.socket:
    family, kind, proto, address = place
    with ExitStack() as stack:
        sock = stack.enter_context(socket.socket(family, kind, proto))
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
        stack.pop_all()
        return sock

"""The one door to the HTTP client library: its names, our factories, its failures in our words.

Nothing else in the product imports httpx2, so a change of client is a change of this file. What can
go wrong while a request is out (``ClientError`` catches all of it)::

    HTTPError
      RequestError
        TransportError
          TimeoutException   ConnectTimeout  ReadTimeout  WriteTimeout  PoolTimeout
          NetworkError       ConnectError  ReadError  WriteError  CloseError
          ProtocolError      LocalProtocolError  RemoteProtocolError
          ProxyError  UnsupportedProtocol
        DecodingError  TooManyRedirects
    InvalidURL, StreamError
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator, Mapping

from httpx2 import (
    URL,
    AsyncClient,
    Client,
    CloseError,
    ConnectError,
    ConnectTimeout,
    DecodingError,
    Headers,
    HTTPError,
    InvalidURL,
    Limits,
    LocalProtocolError,
    PoolTimeout,
    ProtocolError,
    ProxyError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    Request,
    Response,
    StreamError,
    Timeout,
    TimeoutException,
    TransportError,
    UnsupportedProtocol,
    WriteError,
    WriteTimeout,
)

__all__ = [
    "URL",
    "AsyncClient",
    "Client",
    "ClientError",
    "ConnectError",
    "ConnectionFailed",
    "HTTPError",
    "Headers",
    "InvalidURL",
    "Limits",
    "ReadError",
    "ReadTimeout",
    "Request",
    "Response",
    "TimeoutException",
    "TransportError",
    "async_client",
    "client",
    "describe",
]

ClientError = (HTTPError, InvalidURL, StreamError)
"""Everything that the client library raises of its own, for an ``except`` clause."""

ConnectionFailed = (ConnectError, ConnectTimeout, ProxyError, UnsupportedProtocol, InvalidURL)
"""The failures in which no byte of the request can have reached the server."""

_CONNECT_SECONDS = 10.0

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (ConnectTimeout, "connecting timed out"),
    (PoolTimeout, "timed out waiting for a free connection"),
    (WriteTimeout, "sending the request timed out"),
    (TimeoutException, "timed out"),
    (ConnectError, "could not connect"),
    (RemoteProtocolError, "the server broke the connection or the protocol"),
    (LocalProtocolError, "the request is not valid HTTP"),
    (ReadError, "the connection broke while reading the reply"),
    (WriteError, "the connection broke while sending the request"),
    (CloseError, "the connection broke while closing"),
    (ProxyError, "the proxy refused"),
    (UnsupportedProtocol, "the address must begin with http:// or https://"),
    (DecodingError, "the reply's content encoding cannot be read"),
    (InvalidURL, "the address is not a URL"),
    (StreamError, "the reply's stream was already closed"),
)
"""Foreign exceptions in our words; the first class that fits wins, so the narrow stand first."""

_ERRNO_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.EPIPE: "connection reset",
}

_TIMEOUT_PHASES: tuple[tuple[type[Exception], str], ...] = (
    (ConnectTimeout, "connect"),
    (PoolTimeout, "pool"),
    (WriteTimeout, "write"),
    (ReadTimeout, "read"),
)


def describe(exc: BaseException) -> str:
    """One readable line for any failure of a request, such as "timed out after 60 s"."""
    words = next((text for kind, text in _WORDS if isinstance(exc, kind)), "")
    if isinstance(exc, TimeoutException):
        return words + _after(exc)
    root = _root_words(exc)
    if root and isinstance(exc, (ConnectError, ReadError, WriteError)):
        return root
    if words:
        detail = " ".join(str(exc).split())[:200]
        return f"{words} ({detail})" if detail and isinstance(exc, ProtocolError) else words
    if isinstance(exc, TimeoutError):
        return "timed out"
    first_line = (str(exc).strip().splitlines() or [""])[0][:200]
    return root or f"{type(exc).__name__}: {first_line}".rstrip(": ")


def _after(exc: TimeoutException) -> str:
    """`` after 60 s`` where the request says which limit it ran under, else nothing."""
    try:
        limits = exc.request.extensions.get("timeout")
    except RuntimeError:  # the transport alone raises without a request
        return ""
    phase = next((name for kind, name in _TIMEOUT_PHASES if isinstance(exc, kind)), "")
    seconds = limits.get(phase) if isinstance(limits, dict) else None
    return f" after {seconds:g} s" if seconds else ""


def _root_words(exc: BaseException) -> str:
    """What the operating system said at the bottom of the chain of causes; empty if nothing."""
    for cause in _chain(exc):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate was not accepted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason or cause}"
        if isinstance(cause, socket.gaierror):
            return "the host name was not found"
        if isinstance(cause, OSError) and cause.errno in _ERRNO_WORDS:
            return _ERRNO_WORDS[cause.errno]
    # With several addresses tried (localhost as ::1 and 127.0.0.1) only the text carries the errno.
    text = " ".join(str(cause) for cause in _chain(exc))
    return next((said for said in _ERRNO_WORDS.values() if said in text.lower()), "")


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """The exception and its causes, the members of groups included, each once."""
    waiting: list[BaseException | None] = [exc]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        waiting.extend((current.__cause__, current.__context__))


def async_client(
    url: str, *, timeout_seconds: float, connections: int, headers: Mapping[str, str] | None = None
) -> AsyncClient:
    """A client for one server that follows no redirect.

    The environment's proxy settings count, except on loopback. ``timeout_seconds`` bounds each
    read; connecting is bounded by at most ten seconds.
    """
    on_loopback = _on_loopback(url)
    return AsyncClient(
        # The machine's certificates take 40 ms to read, which plain HTTP to oneself has no use for.
        verify=not (on_loopback and url.startswith("http://")),
        timeout=_timeout(timeout_seconds),
        limits=Limits(max_connections=connections, max_keepalive_connections=connections),
        headers=dict(headers or {}),
        follow_redirects=False,
        trust_env=not on_loopback,
    )


def client(url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Client:
    """The blocking twin of ``async_client``, for one request now and then."""
    return Client(
        timeout=_timeout(timeout_seconds),
        headers=dict(headers or {}),
        follow_redirects=False,
        trust_env=not _on_loopback(url),
    )


def _timeout(seconds: float) -> Timeout:
    return Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def _on_loopback(url: str) -> bool:
    try:
        host = URL(url).host
    except InvalidURL:
        return False
    return host == "localhost" or host == "::1" or host.startswith("127.")

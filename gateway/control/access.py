"""Who may use the control API and the console."""

from __future__ import annotations

import base64
import hmac
import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

_FORWARDED = (
    "cf-connecting-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-envoy-external-address",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
)
"""Headers that a proxy adds. Nobody on this machine needs one, so whoever comes with one is remote,
whatever it says: a proxy on loopback must not lend its address to the world."""


def admin_guard(token: str | None) -> Callable[[Request], None]:
    """A FastAPI dependency that lets the holder of the token pass, and nobody else.

    Without a token it lets loopback pass, by the address of the connection itself: serve with
    uvicorn's ``proxy_headers=False``, or a header could change it. A web page that makes a browser
    on this machine call (a foreign Origin, a foreign name that resolves to loopback) is refused.
    Raises HTTPException 401 or 403.
    """
    expected = None if token is None else token.encode()

    def guard(request: Request) -> None:
        if expected is None:
            _require_loopback(request)
        else:
            _require_token(request, expected)

    return guard


def _require_token(request: Request, expected: bytes) -> None:
    """The token as Bearer, or as the password of Basic: browsers can ask for that by themselves.

    What a browser sends by itself it also sends for a foreign page, so with Basic a foreign Origin
    is refused.
    """
    sent, automatic = _sent_token(request.headers.get("authorization", ""))
    if not hmac.compare_digest(sent, expected):
        offered = 'Basic realm="Candor: the password is the admin token", charset="UTF-8"'
        page = "text/html" in request.headers.get("accept", "")
        challenge = offered if page else "Bearer"
        raise HTTPException(
            401, "the admin token is missing or wrong", {"www-authenticate": challenge}
        )
    if automatic and _is_foreign(request):
        raise HTTPException(403, "a foreign web page may not call with this browser's password")


def _sent_token(authorization: str) -> tuple[bytes, bool]:
    """The token in an Authorization header, and whether a browser sends such a one by itself."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(given.strip(), validate=True)
        except ValueError:
            return b"", True
        return pair.partition(b":")[2], True
    # Headers arrive as Latin-1; the token may be any UTF-8.
    sent = given.strip() if scheme.lower() == "bearer" else ""
    return sent.encode("latin-1", "replace"), False


def _require_loopback(request: Request) -> None:
    peer = request.client.host if request.client else ""
    if not _is_loopback(peer) or any(name in request.headers for name in _FORWARDED):
        raise HTTPException(
            403, "only loopback may call without an admin token; set server.admin_token"
        )
    if not _names_loopback(request.headers.get("host", "")) or _is_foreign(request):
        raise HTTPException(
            403, "a foreign web page may not call; set server.admin_token to use another name"
        )


def _is_foreign(request: Request) -> bool:
    """Whether the page that makes the browser call came from elsewhere."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)

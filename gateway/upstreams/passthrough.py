"""OpenAI-compatible upstreams: the request's bytes out, the reply's bytes back, nothing else.

The client is our own because the client is what a relay costs. CPU for a small request against
nginx's in the same run, one worker each: 6.5 times with a pooled client on httptools like this one,
19.8 times with aiohttp's, 199 times with httpx, the server side being equal or as near as each
allows (measured in 2026-11 on two cores; ``make bench`` measures ours). None of those can send a
request's head as it was received, either: they reorder, rewrite and add headers, keep cookies,
follow redirects and decompress. Here a call is sent once, as it came.
"""

from __future__ import annotations

import ssl
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

from gateway.config import LimitSettings
from gateway.upstreams.base import Headers, Pattern, Reply, UpstreamCall
from gateway.upstreams.deadlines import Deadlines
from gateway.upstreams.http1.connecting import Origin
from gateway.upstreams.http1.pool import Pool
from gateway.upstreams.http1.request import head_of, whole


class PassthroughUpstream:
    """One OpenAI-compatible API with its own pool of connections; an Upstream.

    ``tls`` replaces the system's trust, for an https address with a certificate of its own.
    """

    def __init__(
        self,
        base_url: str,
        limits: LimitSettings,
        deadlines: Deadlines | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        origin = Origin.of(base_url, tls)
        self._host_line = b"Host: %b\r\n" % origin.netloc
        self._base_path = urlsplit(base_url).path.rstrip("/").encode("ascii")
        self._pool = Pool(origin, deadlines or Deadlines(), limit=limits.max_concurrency)

    def open(self, call: UpstreamCall) -> Coroutine[Any, Any, Reply]:
        """Sends a request once and returns when the head of its reply is here.

        Once in effect: a request that the end of a kept connection overtook, so that the upstream
        never got it, goes out again on a fresh one.
        """
        body, pattern = call.body, call.pattern
        if pattern is not None and pattern.maker is self and isinstance(body, bytes):
            request = b"%b%d%b%b" % (pattern.before, len(body), pattern.after, body)
            return self._pool.ask(call, request)
        request = head_of(call, self._base_path, self._host_line)
        if isinstance(body, bytes):
            if pattern is not None:
                self._learn(pattern, request, call.headers)
            request = whole(request, body, call.headers)
        return self._pool.ask(call, request)

    def _learn(self, pattern: Pattern, head: bytes, headers: Headers) -> None:
        """Cuts a head that is known to be sound at its length, where that can be told."""
        for name, value in headers:
            if name.lower() == b"content-length":
                before, found, after = head.partition(b"\r\n%b: %b\r\n" % (name, value))
                if found:
                    pattern.maker = self
                    pattern.before = b"%b\r\n%b: " % (before, name)
                    pattern.after = b"\r\n" + after

    async def aclose(self) -> None:
        """Closes idle connections; those in use are closed when their calls end."""
        self._pool.close()

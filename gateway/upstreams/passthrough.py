"""OpenAI-compatible upstreams: the request's bytes out, the reply's bytes back, nothing else.

The transport is used without its client, because a client follows redirects, keeps cookies, adds
headers of its own and decompresses; here a call is sent exactly once, as it came.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlsplit

from gateway.config import LimitSettings
from gateway.upstreams.base import (
    UpstreamBroken,
    UpstreamCall,
    UpstreamReply,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from probes.http import (
    URL,
    AsyncByteStream,
    AsyncHTTPTransport,
    ByteStream,
    ClientError,
    Headers,
    Limits,
    Request,
    TimeoutException,
    describe,
)

_KEEP_IDLE_SECONDS = 4.0
"""How long an idle connection is kept: less than the 5 s after which uvicorn and Node close theirs,
so that no request is sent into a connection that is just being closed."""


class _Streamed(AsyncByteStream):
    """A request body that is passed on as it arrives."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk


class PassthroughUpstream:
    """One OpenAI-compatible API with its own pool of connections."""

    def __init__(self, base_url: str, limits: LimitSettings) -> None:
        parts = urlsplit(base_url)
        self._origin = URL(f"{parts.scheme}://{parts.netloc}/")
        self._host = parts.netloc.encode("ascii")
        self._base_path = parts.path.rstrip("/").encode("ascii")
        self._timeout = {
            "connect": limits.connect_timeout_seconds,
            "read": limits.idle_timeout_seconds,
            "write": limits.idle_timeout_seconds,
            "pool": limits.connect_timeout_seconds,
        }
        self._transport = AsyncHTTPTransport(
            limits=Limits(
                max_connections=limits.max_concurrency,
                max_keepalive_connections=limits.max_concurrency,
                keepalive_expiry=_KEEP_IDLE_SECONDS,
            )
        )

    @asynccontextmanager
    async def send(self, call: UpstreamCall) -> AsyncIterator[UpstreamReply]:
        """Sends a request once; leaving the context gives the connection back or breaks it."""
        try:
            reply = await self._transport.handle_async_request(self._request(call))
        except TimeoutException as problem:
            raise UpstreamTimeout(describe(problem)) from problem
        except ClientError as problem:
            raise UpstreamUnreachable(describe(problem)) from problem
        try:
            if not 200 <= reply.status_code < 600:
                raise UpstreamUnreachable(f"it answered with the odd status {reply.status_code}")
            assert isinstance(reply.stream, AsyncByteStream)
            async with aclosing(_chunks(reply.stream)) as chunks:
                yield UpstreamReply(reply.status_code, reply.headers.raw, chunks)
        finally:
            await reply.aclose()

    async def aclose(self) -> None:
        """Closes idle connections."""
        await self._transport.aclose()

    def _request(self, call: UpstreamCall) -> Request:
        body = call.body
        return Request(
            call.method,
            self._origin,
            headers=Headers([(b"Host", self._host), *call.headers]),
            stream=ByteStream(body) if isinstance(body, bytes) else _Streamed(body),
            # The target goes out as it came: parsing it as a URL would encode it anew.
            extensions={
                "timeout": self._timeout,
                "target": self._base_path + call.path + (b"?" + call.query if call.query else b""),
            },
        )


async def _chunks(stream: AsyncByteStream) -> AsyncGenerator[bytes, None]:
    """The body as it arrives; a break is an UpstreamBroken and never a quiet end."""
    try:
        async for chunk in stream:
            yield chunk
    except ClientError as problem:
        raise UpstreamBroken(describe(problem)) from problem

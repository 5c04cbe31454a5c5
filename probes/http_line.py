"""The way to an OpenAI-compatible address: a POST, and the reply's bytes as they come."""

from __future__ import annotations

import time

from classifiers.wire import RawReply
from probes.http import (
    URL,
    AsyncClient,
    ClientError,
    ConnectionFailed,
    InvalidURL,
    Response,
    describe,
)
from probes.line import ENDPOINT, Came, LineBroken
from probes.pace import retry_after


class HttpLine:
    """A Line over one client. Of a reply at most ``most_bytes`` are kept."""

    def __init__(self, client: AsyncClient, url: str, *, most_bytes: int) -> None:
        self._client = client
        try:
            self._url: URL | str = URL(url)
        except InvalidURL:
            self._url = url  # sending says what is wrong with it
        self._most_bytes = most_bytes

    async def send(self, body: bytes, key: str) -> Came:
        """The reply; one that breaks off within its body is a reply that was cut."""
        try:
            request = self._client.build_request(
                "POST", self._url, content=body, headers={"idempotency-key": key}
            )
            response = await self._client.send(request, stream=True)
            try:
                return await self._read(response, body)
            finally:
                await response.aclose()
        except ClientError as problem:
            lost = isinstance(problem, ConnectionFailed)
            raise LineBroken(describe(problem), unreachable=lost) from problem

    async def _read(self, response: Response, body: bytes) -> Came:
        kept = bytearray()
        cut = trimmed = False
        try:
            # The connection's own parts: what httpx's iterators add, counting and decoding, is not
            # needed here, and a run asks some thousand times a second.
            async for chunk in response.stream:  # type: ignore[union-attr]
                kept += chunk
                if len(kept) > self._most_bytes:
                    trimmed = True
                    break
        except ClientError:
            cut = True
        told = _told(response.headers.raw)
        raw = RawReply(
            endpoint=ENDPOINT,
            request=body,
            status=response.status_code,
            content_type=told.get("content-type", ""),
            content_encoding=told.get("content-encoding", ""),
            body=bytes(kept[: self._most_bytes]) if trimmed else bytes(kept),
            cut=cut,
            trimmed=trimmed,
        )
        return Came(raw, retry_after(told, now=time.time()))


def _told(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by their names in lower case; what comes twice is joined (RFC 9110, 5.2)."""
    told: dict[str, str] = {}
    for name, value in headers:
        key, text = name.lower().decode("latin-1"), value.decode("latin-1")
        told[key] = f"{told[key]}, {text}" if key in told else text
    return told

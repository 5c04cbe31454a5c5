"""How many tokens a call used whose reply does not say so: a stream without usage, a cut reply.

Counted with tiktoken where that package and its encoding are on this machine; else estimated. The
encoding is never fetched: tiktoken would do so at first use, with the client waiting. What counts
here is always ``estimated``: other models split text otherwise, and images, tools and hidden
reasoning are not seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from classifiers.exchange import Exchange
from classifiers.wire import RawReply, read_exchange
from classifiers.wire.encoding import decode
from gateway.limits.encoding import Encoder, encoding_folders, load_encoder
from gateway.limits.limiter import Lease
from gateway.limits.usage import Usage, read_usage

BYTES_A_TOKEN = 4
"""OpenAI's rule of thumb: a token is about four characters of English."""
_TOKENS_A_TURN = 4
"""What stands around a turn of a conversation (OpenAI Cookbook, "How to count tokens")."""
_ENDS = 4096
"""Bytes at either end of a reply in which its usage is looked for."""
_TOKENS_AN_IMAGE = 1000
"""About what a large image costs at OpenAI and Anthropic; its bytes say nothing about it."""
_BYTES_AN_IMAGE = 1 << 19
"""What a photograph takes as base64."""
_SAMPLES, _SAMPLE_BYTES = 64, 128
"""Pieces of a long request that are looked at to tell text from images."""
_LONG = 1 << 14
"""Bytes from which on a request is long; what an image below it is mistaken by is little."""
_LONGEST_REQUEST = 1 << 20
"""Bytes of a request that is read to be counted; a longer one is estimated by its size."""
_LONGEST_REPLY = 1 << 22
"""Bytes that a packed reply is unpacked to."""


@dataclass(frozen=True, slots=True)
class KeptCall:
    """What is known of a call that has ended.

    ``reply`` is how its body begins, as it travelled; of ``reply_bytes`` in all. The more of it is
    kept the better the count: the rest is taken to be like it.
    """

    path: str
    request: bytes
    status: int | None
    content_type: str
    content_encoding: str
    reply: bytes
    reply_bytes: int


def estimate_tokens(request: bytes) -> int:
    """What a request will use at the least, from its size alone.

    Images make requests large and not dear: pieces of a long one that look like base64, which has
    no space, no quote and no escape, are taken for images. Takes some 20 us whatever the size.
    """
    size = len(request)
    if size <= _LONG:
        return size // BYTES_A_TOKEN
    apart = size // _SAMPLES
    starts = range(apart // 2, apart * _SAMPLES, apart)
    images = sum(_is_base64(request[at : at + _SAMPLE_BYTES]) for at in starts)
    image_bytes = size * images // _SAMPLES
    tokens = (size - image_bytes) // BYTES_A_TOKEN
    return tokens + -(-image_bytes // _BYTES_AN_IMAGE) * _TOKENS_AN_IMAGE


def _is_base64(piece: bytes) -> bool:
    return piece.isascii() and not (b" " in piece or b'"' in piece or b"\\" in piece)


def rule_of_thumb(text: str) -> int:
    """The tokens of a text, estimated."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN)


class TokenCounter:
    """Counts in threads, so that no call waits for another one's count; for one event loop.

    The encoding is loaded at the first count (some 0.1 s in a thread, some 40 MB) and kept.
    ``folders`` are where its file may lie, by default LiteLLM's and tiktoken's own.
    """

    def __init__(self, folders: Sequence[Path] | None = None) -> None:
        self._folders = folders
        self._encoder: Encoder | None = None
        self._loading = asyncio.Lock()
        self._loaded = False
        self._running: set[asyncio.Task[None]] = set()

    async def count(self, call: KeptCall) -> Usage | None:
        """What a call used: as its reply says, where that had only to be unpacked, or counted.

        None where there was no reply: an error costs nothing.
        """
        encoder = await self._ready()
        return await asyncio.to_thread(counted, call, encoder)

    def settle(self, lease: Lease, call: KeptCall, cost: Callable[[Usage], float | None]) -> None:
        """Settles a lease as soon as the call is counted; returns at once."""
        task = asyncio.get_running_loop().create_task(self._settle(lease, call, cost))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def aclose(self, seconds: float = 2.0) -> None:
        """Waits for the counts that are under way, at most so long."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)

    async def _settle(
        self, lease: Lease, call: KeptCall, cost: Callable[[Usage], float | None]
    ) -> None:
        usage = usd = None
        try:
            usage = await self.count(call)
            usd = None if usage is None else cost(usage)
        except Exception as problem:  # the edge of a count: the lease is settled, whatever fails
            structlog.get_logger().warning("tokens_not_counted", reason=type(problem).__name__)
        finally:
            lease.settle(usage, usd)

    async def _ready(self) -> Encoder | None:
        async with self._loading:
            if not self._loaded:
                self._loaded = True
                folders = encoding_folders() if self._folders is None else self._folders
                self._encoder = await asyncio.to_thread(load_encoder, folders)
        return self._encoder


def counted(call: KeptCall, encoder: Encoder | None) -> Usage | None:
    """The same, at once; without an encoder by the rule of thumb."""
    if call.status is None or not 200 <= call.status < 300:
        return None
    whole = len(call.reply) >= call.reply_bytes
    body = decode(call.reply, call.content_encoding, limit=_LONGEST_REPLY).body
    if whole and call.content_encoding:
        told = read_usage(body[:_ENDS], body[-_ENDS:])
        if told is not None and not told.estimated:
            return told
    exchange = read_exchange(
        RawReply(
            endpoint=call.path,
            request=call.request if len(call.request) <= _LONGEST_REQUEST else b"",
            status=call.status,
            content_type=call.content_type,
            content_encoding="",
            body=body,
            cut=whole,
            trimmed=not whole,
        )
    )
    tokens = rule_of_thumb if encoder is None else encoder
    return Usage(
        _prompt_tokens(exchange, call, tokens),
        _reply_tokens(exchange, call, body, tokens=tokens),
        estimated=True,
    )


def _prompt_tokens(exchange: Exchange, call: KeptCall, tokens: Encoder) -> int:
    if exchange.usage is not None and exchange.usage.input_tokens:
        return exchange.usage.input_tokens
    if not exchange.prompt:
        return estimate_tokens(call.request)
    return sum(tokens(turn.text) + _TOKENS_A_TURN for turn in exchange.prompt)


def _reply_tokens(exchange: Exchange, call: KeptCall, body: bytes, *, tokens: Encoder) -> int:
    if call.reply and not body:
        # Packed in a way that is not read here: about what its text packs to.
        return call.reply_bytes // BYTES_A_TOKEN
    text = exchange.reply + exchange.reasoning
    # The arguments of tools are no text here. Most servers send an event for each token.
    found = tokens(text) if text else body.count(b"\ndata:")
    if len(call.reply) < call.reply_bytes and call.reply:
        found = round(found * call.reply_bytes / len(call.reply))
    return found

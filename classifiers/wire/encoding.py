"""Content-Encoding undone, within a fixed bound."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

DECODED_LIMIT = 64 * 1024 * 1024
"""Bytes that one body may unfold to: protobuf's long-standing default for one message (64 MiB).

A reply of a model stays far below it; a decompression bomb does not get past it.
"""

_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_RAW_DEFLATE = -15
_MOST_MEMBERS = 64
"""gzip allows many members in one body; servers send one, and each costs a copy of the rest."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body as plain bytes.

    ``whole`` is False where the compressed stream stops before its end, ``trimmed`` is True where
    it went on past the limit. ``problem`` is one line where the encoding could not be undone.
    """

    body: bytes
    whole: bool = True
    trimmed: bool = False
    problem: str = ""


def decode(body: bytes, content_encoding: str, *, limit: int = DECODED_LIMIT) -> Decoded:
    """Undo gzip and deflate, also when applied one after another; name any other encoding."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    layers = [name for name in names if name not in ("", "identity")]
    decoded = Decoded(body)
    for name in reversed(layers):
        if name not in _WBITS:
            shown = "".join(c for c in name if c.isprintable())[:40]
            problem = f"reply is encoded as {shown!r}: only gzip and deflate are read"
            return Decoded(b"", problem=problem)
        layer = _inflate(decoded.body, name, limit)
        if layer.problem:
            return layer
        whole = decoded.whole and layer.whole
        decoded = Decoded(layer.body, whole, decoded.trimmed or layer.trimmed)
    return decoded


def _inflate(body: bytes, name: str, limit: int) -> Decoded:
    wbits = _WBITS[name]
    if name == "deflate" and not _has_zlib_header(body):
        wbits = _RAW_DEFLATE
    pieces: list[bytes] = []
    size = 0
    rest = body
    whole = not body
    for _ in range(_MOST_MEMBERS):
        if not rest:
            break
        if size >= limit:
            whole = False
            break
        inflater = zlib.decompressobj(wbits)
        try:
            piece = inflater.decompress(rest, limit - size)
        except zlib.error:
            if not pieces:
                return Decoded(b"", problem=f"reply says it is {name} and is not")
            break
        pieces.append(piece)
        size += len(piece)
        whole = inflater.eof
        if inflater.unconsumed_tail or not inflater.eof:
            break
        rest = inflater.unused_data.lstrip(b"\x00")
    return Decoded(b"".join(pieces), whole, trimmed=size >= limit and not whole)


def _has_zlib_header(body: bytes) -> bool:
    """RFC 1950: method 8, two bytes that 31 divides; many servers send the raw stream instead."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0

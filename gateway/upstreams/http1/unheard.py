"""Whether an upstream can have heard a request that it ended the connection on.

A kept connection may be closed by the server at the very moment a request goes into it. Sending the
request again is right where the server never got it, and double billing where it did and then
broke. nginx asks the method (a POST is not sent again), Go's net/http whether anything was written;
neither knows. TCP does: a FIN acknowledges all that came before it, and what a closed socket
receives is never acknowledged. So a request with bytes that were not acknowledged by the FIN was
not received whole, and may be sent again whatever its method. A RST acknowledges nothing, and not
every system tells; then only a method that RFC 9110, 9.2.2 calls idempotent is sent again.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

_IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))

_TCP_INFO_BYTES = 216
_COUNT = struct.Struct("=Q")
_ACKED_AT, _SENT_AT, _RETRANSMITTED_AT = 120, 200, 208
"""struct tcp_info in linux/tcp.h, which only ever grows at its end: tcpi_bytes_acked (Linux 4.1),
tcpi_bytes_sent and tcpi_bytes_retrans (4.19)."""


def may_ask_again(method: bytes, transport: asyncio.BaseTransport, *, reset: bool) -> bool:
    """Whether a request whose kept connection ended without a byte in reply may be sent again."""
    return method in _IDEMPOTENT or not (reset or _acknowledged(transport))


def _acknowledged(transport: asyncio.BaseTransport) -> bool:
    """Whether the other side's TCP took every byte that was sent, or nobody knows."""
    sock = transport.get_extra_info("socket")
    if sock is None or not sys.platform.startswith("linux"):
        return True
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return True
    if len(told) < _TCP_INFO_BYTES:
        return True
    acked, sent, again = (
        _COUNT.unpack_from(told, place)[0] for place in (_ACKED_AT, _SENT_AT, _RETRANSMITTED_AT)
    )
    # The handshake's SYN is acknowledged, and counted, like one byte.
    return bool(acked - 1 >= sent - again)

"""What a gateway and its workers say to each other, a byte each, through a socket they share."""

from __future__ import annotations

from enum import Enum


class Order(Enum):
    """What a worker is told. The end of the socket is the end of the gateway: it means DRAIN."""

    DRAIN = b"d"
    END = b"e"
    RELOAD = b"r"


READY = b"+"
"""What a worker says once it answers."""

"""Which calls are mirrored: decided by the request id alone, so that anyone can replay it."""

from __future__ import annotations

import hashlib


def position(request_id: str) -> float:
    """Where an id falls in [0, 1): the first 52 bits of its SHA-256, so never at 1.0."""
    head = hashlib.sha256(request_id.encode("utf-8", "surrogatepass")).digest()[:8]
    return (int.from_bytes(head, "big") >> 12) / (1 << 52)


def sampled(request_id: str, rate: float) -> bool:
    """Whether a call is mirrored at this rate; whoever is at one rate is at every greater one."""
    return position(request_id) < rate

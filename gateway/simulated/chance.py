"""Chance that can be replayed: numbers drawn by hashing what they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


def token(seed: int, *parts: str) -> str:
    """32 hexadecimal digits that depend on the seed and the parts alone."""
    text = "\x1f".join((str(seed), *parts))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def draw(seed: int, *parts: str) -> float:
    """A number in [0, 1), uniform over seeds and parts, whatever was drawn before it."""
    return int(token(seed, *parts)[:13], 16) / float(16**13)


def pick(options: Sequence[T], seed: int, *parts: str) -> T:
    """One of the options, each as likely as the next."""
    return options[int(draw(seed, *parts) * len(options))]

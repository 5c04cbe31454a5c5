"""What is known of a header by its name, however somebody wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_REMEMBERED = 1024
_REMEMBERED_BYTES = 64
"""Names that are remembered, and how long they may be: nobody is to fill the memory with them."""


class Spellings(dict[bytes, T]):
    """Answers by a name as it was written what ``told`` says of it in lower case.

    The usual spellings are remembered: every call brings the same ones, and asking a function for
    each header is what most of a small call's time would go to.
    """

    def __init__(self, told: Callable[[bytes], T]) -> None:
        super().__init__()
        self._told = told

    def __missing__(self, name: bytes) -> T:
        known = self._told(name.lower())
        if len(self) < _REMEMBERED and len(name) <= _REMEMBERED_BYTES:
            self[name] = known
        return known


def one_of(*names: bytes) -> Spellings[bytes]:
    """Answers with the lower-case name where it is one of these, and with nothing else."""
    return Spellings(lambda lower: lower if lower in names else b"")

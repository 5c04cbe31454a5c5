"""What was worked out last, by its content: a bounded memory that several threads may ask."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """At most ``size`` values under their keys; the one not asked for longest goes first.

    Keys are the content itself or a digest of it, so that a hit is never a guess. A size of 0
    remembers nothing.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[bytes, Value] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def known(self, keys: Iterable[bytes]) -> dict[bytes, Value]:
        """Those of ``keys`` that are remembered, with their values."""
        found = {}
        with self._lock:
            for key in keys:
                if key in self._values:
                    self._values.move_to_end(key)
                    found[key] = self._values[key]
        return found

    def remember(self, values: Mapping[bytes, Value]) -> None:
        """Take ``values`` in, and let go of what is too much."""
        with self._lock:
            for key, value in values.items():
                self._values[key] = value
                self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)

"""Replies kept from earlier runs, by everything that was asked: SQLite under CANDOR_HOME.

Only whole replies that can be judged are kept, never a failure, so a bad hour is not remembered.
The file is a cache and nothing else: it may be deleted at any time. A kill loses at most the reply
that was being written (SQLite's write-ahead log).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from classifiers.wire import RawReply
from probes.line import ENDPOINT
from probes.problem import RunProblem

MOST_BYTES = 1 << 30
"""Compressed replies that are kept, in all; those used longest ago go first."""
_MOST_REPLY_BYTES = 1 << 20
_PRUNED_TO = 0.9
_PRUNE_EVERY = 256
"""Replies put in between two looks at the size."""
_WAIT_SECONDS = 10.0
"""For another run that is writing."""

_TABLE = """
CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, used_at REAL NOT NULL, bytes INTEGER NOT NULL, status INTEGER NOT NULL,
    content_type TEXT NOT NULL, content_encoding TEXT NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that a reply depends on: whoever asks the same gets the same reply.

    ``target`` says who is asked (address, model, and the deployment's revision), ``request`` is
    the whole request, ``repeat`` keeps the answers to one prompt apart.
    """

    target: Mapping[str, Any]
    request: Mapping[str, Any]
    repeat: int

    @property
    def key(self) -> bytes:
        """The sha256 of it, spelled in one canonical way."""
        parts = [dict(self.target), dict(self.request), self.repeat]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


class ReplyCache:
    """The kept replies. Safe for several threads and several runs at once; a context manager."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._put_in = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.execute(_TABLE)
        except (sqlite3.Error, OSError) as problem:
            raise RunProblem(
                f"the cache {path} cannot be opened ({problem}); delete it, or leave --cache out"
            ) from problem

    def get(self, asked: Asked, body: bytes) -> RawReply | None:
        """The reply that was kept; None where there is none. ``body`` is the request's."""
        try:
            with self._lock:
                row = self._base.execute(
                    "UPDATE replies SET used_at = ? WHERE key = ? "
                    "RETURNING status, content_type, content_encoding, body",
                    (time.time(), asked.key),
                ).fetchone()
            if row is None:
                return None
            status, content_type, encoding, packed = row
            whole = zlib.decompress(packed)
            return RawReply(ENDPOINT, body, status, content_type, encoding, whole)
        except (sqlite3.Error, zlib.error):
            return None  # what cannot be read is asked again

    def put(self, asked: Asked, raw: RawReply) -> None:
        """Keep a reply; one that is too large, or that cannot be written, is not kept."""
        if raw.status is None or len(raw.body) > _MOST_REPLY_BYTES:
            return
        packed = zlib.compress(raw.body, 1)
        told = (raw.status, raw.content_type, raw.content_encoding)
        row = (asked.key, time.time(), len(packed), *told, packed)
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._base.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            self._put_in += 1
            if self._put_in % _PRUNE_EVERY == 0:
                self._prune()

    def _prune(self) -> None:
        """Let go of what was used longest ago, down to nine tenths of the bound."""
        [(size,)] = self._base.execute("SELECT coalesce(sum(bytes), 0) FROM replies").fetchall()
        if size <= self._most_bytes:
            return
        surplus = size - _PRUNED_TO * self._most_bytes
        self._base.execute(
            "DELETE FROM replies WHERE key IN (SELECT key FROM (SELECT key, sum(bytes) OVER "
            "(ORDER BY used_at, key) - bytes AS before FROM replies) WHERE before < ?)",
            (surplus,),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._base.close()

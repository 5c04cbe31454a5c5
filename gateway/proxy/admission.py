"""Who may call: client keys, held as hashes and compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.config import KeySettings
from gateway.limits import Allowance, allowance_of
from gateway.proxy.errors import Declined
from gateway.proxy.headers import CREDENTIALS


@dataclass(frozen=True, slots=True)
class Client:
    """Who calls. ``models`` are the globs it may ask for, None where anyone may ask anything.

    ``allowance`` is what it may use, None where nothing limits it.
    """

    name: str
    models: tuple[str, ...] | None
    allowance: Allowance | None = None

    @property
    def limited(self) -> bool:
        """Whether there are models that it may not ask for."""
        return self.models is not None and "*" not in self.models


PROBE_KEY = b"x-candor-probe-key"
"""The header in which the gateway's own probe runs say who they are; no upstream sees it."""

ANYONE = Client(name="", models=None)
"""Every client, where no keys are configured."""


class Admission:
    """Decides whether a call may go on. Keeps no key, only SHA-256 hashes of them."""

    def __init__(self, keys: Sequence[KeySettings], probe_key: str = "") -> None:
        """``probe_key`` is what the gateway's own probe runs send; empty: there are none."""
        self._probe_digest = _hash(probe_key) if probe_key else None
        self._clients = [
            (entry.digest(), Client(entry.name, entry.models, allowance_of(entry)))
            for entry in keys
        ]

    @property
    def consumes_keys(self) -> bool:
        """Whether the client's key is meant for this gateway, so that no upstream may see it."""
        return bool(self._clients)

    def admit(self, headers: Iterable[tuple[bytes, bytes]]) -> Client | Declined:
        """The client whose key these headers carry; the message never repeats the key."""
        if not self._clients:
            return ANYONE
        offered = [key for name, value in headers if (key := _key_in(name.lower(), value))]
        found: Client | None = None
        for key in offered:
            hashed = _hash(key)
            # Every hash is compared, so that time does not tell which one was near.
            for known, client in self._clients:
                if hmac.compare_digest(hashed, known) and found is None:
                    found = client
        if found is not None:
            return found
        if self._is_own_probe(headers):
            return ANYONE
        what = "is not known here" if offered else "is missing; send it as Authorization: Bearer"
        return Declined(401, "candor_invalid_key", f"The API key {what}.")

    def _is_own_probe(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether the gateway's own probe runs call: no client's limits are theirs."""
        if self._probe_digest is None:
            return False
        sent = next((value for name, value in headers if name.lower() == PROBE_KEY), b"")
        return hmac.compare_digest(_hash(sent.decode("latin-1")), self._probe_digest)


def _key_in(name: bytes, value: bytes) -> str:
    """The key that a header carries; empty where it carries none."""
    if name not in CREDENTIALS:
        return ""
    text = value.decode("latin-1").strip()
    if name != b"authorization":
        return text
    scheme, _, key = text.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()

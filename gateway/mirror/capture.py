"""The raw bytes of a sampled call, as they wait to be read."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, fields

import orjson

from classifiers.wire import RawReply
from gateway.proxy.observer import FinishedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A call whose bytes were kept. ``captured_at`` is the Unix time of its start.

    ``capture_id`` is made here and not the request's id: whatever a client or a retry repeats, a
    capture is one capture.
    """

    capture_id: str
    request_id: str
    deployment: str
    endpoint: str
    path: str
    traffic: str
    status: int | None
    captured_at: float
    duration_seconds: float
    first_byte_seconds: float | None
    content_type: str
    content_encoding: str
    cut: bool
    trimmed: bool
    request: bytes
    reply: bytes

    @classmethod
    def of(cls, call: FinishedCall) -> Capture | None:
        """The capture of a call; None where its bytes were not kept."""
        if call.request is None:
            return None
        return cls(
            capture_id=uuid.uuid4().hex,
            request_id=call.request_id,
            deployment=call.deployment,
            endpoint=str(call.endpoint),
            path=call.path,
            traffic=str(call.traffic),
            status=call.status,
            captured_at=call.started_at,
            duration_seconds=call.duration_seconds,
            first_byte_seconds=call.first_byte_seconds,
            content_type=call.content_type,
            content_encoding=call.content_encoding,
            cut=call.cut,
            trimmed=call.trimmed,
            request=call.request,
            reply=call.reply or b"",
        )

    @property
    def size(self) -> int:
        """Bytes of both bodies."""
        return len(self.request) + len(self.reply)

    def head(self) -> str:
        """Everything but the bodies, as JSON."""
        return orjson.dumps({name: getattr(self, name) for name in _HEAD}).decode()

    @classmethod
    def from_parts(cls, head: str, request: bytes, reply: bytes) -> Capture:
        """The capture that ``head`` and its bodies make; ValueError or TypeError on others."""
        return cls(**json.loads(head), request=request, reply=reply)

    def raw(self) -> RawReply:
        """What the wire reader takes."""
        return RawReply(
            endpoint=self.path,
            request=self.request,
            status=self.status,
            content_type=self.content_type,
            content_encoding=self.content_encoding,
            body=self.reply,
            cut=self.cut,
            trimmed=self.trimmed,
        )


_HEAD = tuple(field.name for field in fields(Capture) if field.name not in ("request", "reply"))

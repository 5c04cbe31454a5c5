"""What the gateway says itself about a call: to its client, and to its log."""

from __future__ import annotations

import structlog

from gateway.proxy.call import Call
from gateway.proxy.errors import Answer
from gateway.proxy.headers import Headers
from gateway.proxy.observer import UNROUTED
from gateway.proxy.record import CallRecord


def answer_here(answer: Answer, call: Call, record: CallRecord) -> None:
    """Answers the call; where a reply has begun, all that is left is to break it off."""
    if call.gone or call.client.ended:
        return
    if call.client.begun:
        call.client.cut()
        return
    call.client.answer(answer, ours(record))
    record.answered(answer.status, [])
    record.completed()


def log_cut(event: str, record: CallRecord, reason: str) -> None:
    """One line about a call whose reply has no end."""
    structlog.get_logger().warning(
        event, deployment=record.deployment, request_id=record.head.request_id, reason=reason
    )


def ours(record: CallRecord) -> Headers:
    """The headers that every reply of the relay's gets."""
    headers = [(b"x-candor-request-id", record.head.request_id.encode("latin-1"))]
    if record.deployment != UNROUTED:
        headers.append((b"x-candor-deployment", record.deployment.encode("ascii")))
    return headers

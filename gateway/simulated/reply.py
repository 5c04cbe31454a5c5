"""What is sent back for one call: planned as a value, faults and all; sent elsewhere."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from enum import StrEnum

import orjson

from gateway.simulated.faults import Faults, Signal
from gateway.simulated.model import Answer
from gateway.simulated.wire import (
    DONE,
    Call,
    Stamp,
    completion_events,
    completion_json,
    error_document,
    event,
    prompt_filter_document,
    tool_call_events,
    tool_call_json,
)

Headers = tuple[tuple[bytes, bytes], ...]
JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"
HTML = (
    b"<html><head><title>502 Bad Gateway</title></head>"
    b"<body><h1>502 Bad Gateway</h1></body></html>\n"
)
GIBBERISH = b"upstream says hello, in no format at all"


class End(StrEnum):
    """What happens to the connection once the pieces are sent."""

    FINISH = "finish"
    """The response ends as HTTP wants it to."""
    CLOSE = "close"
    """What was written is flushed, then the socket is closed in the middle of the body."""
    ABORT = "abort"
    """The socket is closed before any byte."""
    RESET = "reset"
    """The socket is closed with a TCP reset before any byte."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response: its pieces are sent one by one, ``pause`` seconds apart.

    ``length`` is what Content-Length announces, None for a stream.
    """

    status: int = 200
    headers: Headers = ()
    pieces: tuple[bytes, ...] = ()
    length: int | None = None
    end: End = End.FINISH
    pause: float = 0.0


def json_reply(body: bytes, *, status: int = 200, headers: Headers = ()) -> Reply:
    """A JSON document, whole."""
    return Reply(status, ((b"content-type", JSON), *headers), (body,), len(body))


def error_reply(
    message: str, *, status: int, param: str | None = None, code: str | None = None
) -> Reply:
    """An error in OpenAI's shape, its type as the status has it."""
    kinds = {401: "authentication_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
    document = error_document(message, kind=kind, param=param, code=code)
    return json_reply(orjson.dumps(document), status=status)


def faulty_status(faults: Faults) -> Reply:
    """The error status that was asked for, as JSON or, with ``html``, as a proxy's page."""
    status = faults.status or 502
    retry = ((b"retry-after", faults.retry_after.encode("latin-1", "replace")),)
    extra = retry if faults.retry_after else ()
    if faults.html:
        headers: Headers = ((b"content-type", b"text/html"), *extra)
        return Reply(status, headers, (HTML,), len(HTML))
    code = "rate_limit_exceeded" if status == 429 else None
    failed = error_reply(f"Simulated failure with status {status}.", status=status, code=code)
    return replace(failed, headers=(*failed.headers, *extra))


def reply_for(answer: Answer, call: Call, stamp: Stamp, faults: Faults) -> Reply:
    """The response to a call, with what was asked to go wrong in it."""
    if faults.drop or faults.reset:
        return Reply(end=End.RESET if faults.reset else End.ABORT)
    if faults.status is not None:
        return faulty_status(faults)
    if faults.html:
        return Reply(200, ((b"content-type", b"text/html"),), (HTML,), len(HTML))
    if faults.empty:
        answer = Answer(answer.label, "empty")
    if answer.signal is Signal.PROMPT_FILTER:
        return json_reply(orjson.dumps(prompt_filter_document()), status=400)
    plan = _streamed if call.stream else _whole
    return _packed(plan(answer, call, stamp, faults), faults)


def _whole(answer: Answer, call: Call, stamp: Stamp, faults: Faults) -> Reply:
    body = completion_json(answer, call, stamp)
    if faults.tool_call:
        body = tool_call_json(call, stamp)
    if faults.not_json:
        body = GIBBERISH
    if faults.half_json:
        body = body[: len(body) // 2]
    if faults.no_body:
        body = b""
    reply = json_reply(body)
    if faults.drop_after is None:
        return reply
    return replace(reply, pieces=(body[: len(body) // 2],), end=End.CLOSE)


def _streamed(answer: Answer, call: Call, stamp: Stamp, faults: Faults) -> Reply:
    events = completion_events(answer, call, stamp)
    if faults.tool_call:
        events = tool_call_events(call, stamp)
    end = End.FINISH
    if faults.no_done:
        events.remove(DONE)
    if faults.not_json:
        events = [b"data: " + GIBBERISH + b"\n\n"]
    if faults.half_json:
        middle = len(events) // 2
        events = [*events[:middle], events[middle][: len(events[middle]) // 2]]
    if faults.no_body:
        events = []
    if faults.error_event is not None:
        failure = error_document("Simulated failure in the stream.", kind="server_error")
        events = [*events[: faults.error_event], event(failure)]
    if faults.drop_after is not None:
        events, end = events[: faults.drop_after], End.CLOSE
    headers: Headers = ((b"content-type", EVENTS), (b"cache-control", b"no-cache"))
    return Reply(200, headers, tuple(events), None, end, faults.token_delay)


def _packed(reply: Reply, faults: Faults) -> Reply:
    """The reply compressed and cut into slices, where that was asked for."""
    pieces, length = reply.pieces, reply.length
    headers = reply.headers
    if faults.gzip:
        packer = zlib.compressobj(wbits=31)
        packed = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
        pieces = (*packed, packer.flush()) if reply.end is End.FINISH else tuple(packed)
        length = None if length is None else sum(map(len, pieces)) + length - _size(reply.pieces)
        headers = (*headers, (b"content-encoding", b"gzip"))
    if faults.slice:
        body, size = b"".join(pieces), faults.slice
        pieces = tuple(body[at : at + size] for at in range(0, len(body), size))
    return replace(reply, pieces=pieces, length=length, headers=headers)


def _size(pieces: tuple[bytes, ...]) -> int:
    return sum(map(len, pieces))

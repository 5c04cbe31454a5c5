"""What the gateway answers of its own, errors in OpenAI's shape."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from gateway.limits import Exceeded
from gateway.proxy.headers import Headers


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply of the gateway's own: a JSON body under a status.

    ``closes`` says that the connection is of no more use after it.
    """

    status: int
    body: bytes
    extra: tuple[tuple[bytes, bytes], ...] = ()
    closes: bool = False

    @property
    def headers(self) -> Headers:
        """The headers that go with the body."""
        length = str(len(self.body)).encode("ascii")
        return [
            (b"content-type", b"application/json"),
            (b"content-length", length),
            *self.extra,
        ]


@dataclass(frozen=True, slots=True)
class Declined:
    """Why a call cannot go on: HTTP status, a code that begins candor_, one line.

    ``kind`` is the error type of OpenAI's shape where it is not the usual one of the status.
    """

    status: int
    code: str
    message: str
    extra: tuple[tuple[bytes, bytes], ...] = ()
    closes: bool = False
    kind: str | None = None

    @property
    def answer(self) -> Answer:
        """The error object that OpenAI's clients read."""
        kind = self.kind or ("api_error" if self.status >= 500 else "invalid_request_error")
        error = {"message": self.message, "type": kind, "param": None, "code": self.code}
        return Answer(
            self.status, json.dumps({"error": error}).encode("ascii"), self.extra, self.closes
        )


def unreachable(deployment: str, reason: str) -> Declined:
    """The upstream gave no reply at all."""
    message = f"The upstream of deployment {deployment!r} gave no reply: {reason}."
    return Declined(502, "candor_upstream_unreachable", message)


def timed_out(deployment: str, reason: str) -> Declined:
    """The upstream kept silent for longer than the configuration allows."""
    message = f"The upstream of deployment {deployment!r} gave no reply in time: {reason}."
    return Declined(504, "candor_upstream_timeout", message)


def circuit_open(deployment: str, seconds: float) -> Declined:
    """The deployment failed too often of late and is left alone for a while."""
    message = (
        f"Deployment {deployment!r} failed too often of late and is not asked for another "
        f"{seconds:.1f} s. Try again then, or configure a fallback."
    )
    retry = ((b"retry-after", str(max(1, math.ceil(seconds))).encode("ascii")),)
    return Declined(503, "candor_circuit_open", message, retry)


def limit_exceeded(exceeded: Exceeded) -> Declined:
    """The client has used up what its key allows."""
    return Declined(429, exceeded.code, exceeded.message, exceeded.headers(), kind=exceeded.kind)


def request_too_large(limit: int) -> Declined:
    """The body is longer than is held in memory."""
    message = (
        f"The request body is larger than {limit} bytes. Send less, or raise "
        "server.limits.max_request_bytes."
    )
    return Declined(413, "candor_request_too_large", message)


def head_too_large(limit: int) -> Declined:
    """The address and headers are longer than is taken; the rest of them is not read."""
    message = (
        f"The request's address and headers are larger than {limit} bytes. Send less, or raise "
        "server.limits.max_head_bytes."
    )
    return Declined(431, "candor_head_too_large", message, closes=True)


def overloaded(limit: int) -> Declined:
    """More calls are in flight than is allowed."""
    message = f"{limit} calls are in flight, which is server.limits.max_concurrency. Try again."
    return Declined(503, "candor_overloaded", message, ((b"retry-after", b"1"),))


def overcrowded(limit: int) -> Declined:
    """More connections are open than is allowed."""
    message = f"{limit} connections are open, which is server.limits.max_connections. Try again."
    retry = ((b"retry-after", b"1"),)
    return Declined(503, "candor_overloaded", message, retry, closes=True)


def bad_request(reason: str) -> Declined:
    """The request is not HTTP as it must be, so its connection is of no more use."""
    message = f"The request cannot be read: {reason}."
    return Declined(400, "candor_bad_request", message, closes=True)


def head_late(seconds: float) -> Declined:
    """The head of a request did not end in time."""
    message = f"The request's head did not arrive within {seconds:g} s."
    return Declined(408, "candor_request_timeout", message, closes=True)


def odd_transfer_coding() -> Declined:
    """The body is framed in a way that two hops may understand differently (RFC 9112, 6.1)."""
    message = (
        "The only Transfer-Encoding that is taken is chunked. Send the body so, or its length."
    )
    return Declined(501, "candor_transfer_encoding_unsupported", message, closes=True)


def model_missing(endpoint_path: str, reason: str) -> Declined:
    """The model must be known before the call may go on, and the body does not tell."""
    message = f"{endpoint_path[:200]} needs a JSON body that names a model; {reason}."
    return Declined(400, "candor_model_missing", message)


def model_ambiguous() -> Declined:
    """Two parsers could read two models out of the same body."""
    message = 'The body has the key "model" more than once, with different values. Write it once.'
    return Declined(400, "candor_model_ambiguous", message)


def too_deep(limit: int) -> Declined:
    """The body cannot be read with bounded work."""
    message = f"The body's brackets nest deeper than {limit}. Send a flatter one."
    return Declined(400, "candor_body_too_deep", message)


def shutting_down() -> Declined:
    """The gateway ends and the call has waited for as long as it may."""
    message = "The gateway is shutting down. Try again."
    return Declined(503, "candor_shutting_down", message, ((b"retry-after", b"1"),), closes=True)


def crashed() -> Declined:
    """A bug of ours."""
    message = "The gateway failed on this call. Its log says why, under this x-candor-request-id."
    return Declined(500, "candor_internal_error", message)


def odd_path(path: str) -> Declined:
    """The path could lead out of the upstream's base."""
    message = f"The path {path[:200]!r} has segments that a proxy must not pass on. Spell it out."
    return Declined(400, "candor_bad_path", message)


def client_silent(seconds: float) -> Declined:
    """The client stopped in the middle of its body, so its connection is of no more use."""
    message = f"The request body did not arrive: nothing came for {seconds:g} s."
    return Declined(408, "candor_request_timeout", message, closes=True)

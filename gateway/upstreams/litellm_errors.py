"""What went wrong at a provider, as the client is told: its status, its message, OpenAI's shape.

LiteLLM wraps every failure several times over, changes some statuses on the way and puts tracebacks
into some messages. So the wire is asked first: what the provider answered is what counts. Only if
nothing was answered is the exception looked at, and of that the type alone, or the message of one
that LiteLLM raised about the request itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.upstreams.base import Headers, UpstreamProblem, UpstreamTimeout, UpstreamUnreachable
from gateway.upstreams.litellm_request import Unservable
from gateway.upstreams.litellm_tap import Tap
from probes.problem import causes

_SHOWN = 2000
"""Characters of a provider's message that are handed on."""

_EVENT_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Anthropic's error types and their statuses (its API reference, Errors), for an error that comes
as the first event of a reply whose status was 200."""

_PREFIX = re.compile(r"^(?:litellm\.)?(?:\w+(?:Error|Exception))\s*(?::|-)\s*")
_TRACE = re.compile(r"\n?Traceback \(most recent call last\).*", re.DOTALL)

_TIMEOUTS = frozenset({"Timeout", "TimeoutException", "APITimeoutError", "ServerTimeoutError"})
_BROKEN = frozenset(
    {"ClientConnectionError", "ClientPayloadError", "EndpointConnectionError", "TransportError"}
)
"""Class names, own or inherited, by which httpx, aiohttp, openai and botocore say that a provider
took too long, or that there was no connection or it broke. Compared by name, so that none of them
is imported here."""

_FLAGS = re.compile(r"\s*To drop these, set .*", re.DOTALL)
"""Where LiteLLM's advice begins about a parameter that a provider does not take."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A provider's refusal to serve, or LiteLLM's to send: a whole reply."""

    status: int
    error: dict[str, Any]
    headers: Headers

    def body(self, *, anthropic: bool = False) -> bytes:
        """The reply's JSON: OpenAI's shape, which with one more key is Anthropic's too."""
        shape: dict[str, Any] = {"type": "error"} if anthropic else {}
        return orjson.dumps(shape | {"error": self.error})


def failure_of(problem: BaseException, tap: Tap, secrets: Iterable[str]) -> Failure:
    """The reply that says what went wrong before there was one; raises an UpstreamProblem where
    there is nothing to reply."""
    if isinstance(problem, Unservable):
        error = _error(str(problem), problem.status, problem.code)
        return Failure(problem.status, error, [])
    if tap.status is not None and tap.status >= 400:
        return _answered(tap.status, _said(tap.tail), tap.headers, secrets)
    in_band = in_band_error(tap)
    if in_band is not None:
        status = _EVENT_STATUS.get(str(in_band.get("type")), _status_of(problem) or 500)
        return _answered(status, {"error": in_band}, tap.headers, secrets)
    if (lost := lost_connection(problem, tap)) is not None:
        raise lost from None
    return _about_the_request(problem, secrets)


def lost_connection(problem: BaseException, tap: Tap) -> UpstreamProblem | None:
    """The problem, where it is that the provider could not be reached, answered in time or read."""
    chain = list(causes(problem))
    kinds = {kind.__name__ for each in chain for kind in type(each).__mro__}
    if kinds & _TIMEOUTS or any(isinstance(each, TimeoutError) for each in chain):
        silent = "it fell silent" if tap.connected else f"no connection within {tap.connect:g} s"
        return UpstreamTimeout(silent)
    if kinds & _BROKEN:
        broke = "the connection broke" if tap.connected else "it takes no connection"
        return UpstreamUnreachable(broke)
    if tap.status is not None:
        return UpstreamUnreachable(f"its reply cannot be read ({type(chain[-1]).__name__})")
    return None


def in_band_error(tap: Tap) -> dict[str, Any] | None:
    """The error that a reply ended with although it began well, None where it did not."""
    if tap.status is None or tap.status >= 400:
        return None
    for line in reversed(tap.tail.splitlines()):
        text = line.removeprefix(b"data:").strip()
        if not text.startswith((b"{", b"[")) or b'"error"' not in text:
            continue
        said = _said(text)
        error = said.get("error") if isinstance(said, Mapping) else None
        if isinstance(error, Mapping):
            return dict(error)
        if isinstance(error, str):
            return {"message": error}
    return None


def scrub(text: str, secrets: Iterable[str]) -> str:
    """The text without any secret that it quotes."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _answered(status: int, said: Any, headers: Headers, secrets: Iterable[str]) -> Failure:
    """A provider's own error; one in OpenAI's shape keeps every field it has."""
    found = said.get("error") if isinstance(said, Mapping) else None
    error = dict(found) if isinstance(found, Mapping) else {}
    param = error.get("param")
    message = error.get("message") or _message(said) or f"The provider answered {status}."
    code = error.get("code")
    if code is None or isinstance(code, int):
        code = error.get("status")  # Google's word for it; its code repeats the status.
    kind = error.get("type") or error.get("__type")
    error |= _error(str(message)[:_SHOWN], status, code, kind=kind if kind else None)
    error["param"] = param
    clean = json.loads(scrub(json.dumps(error, ensure_ascii=False), secrets))
    return Failure(status, clean, headers)


def _about_the_request(problem: BaseException, secrets: Iterable[str]) -> Failure:
    """What LiteLLM itself says of a request that it sent nowhere; of a bug, its kind alone."""
    status = _status_of(problem)
    if status is None or not 400 <= status < 500:
        kind = type(list(causes(problem))[-1]).__name__
        message = f"LiteLLM could not serve this request ({kind})."
        return Failure(502, _error(message, 502, "candor_provider_failed"), [])
    message = _PREFIX.sub("", _PREFIX.sub("", _TRACE.sub("", str(problem)))).strip()
    if _FLAGS.search(message):
        remedy = "Leave them out, or set drop_params: true under the deployment's parameters."
        message = f"{_FLAGS.sub('', message)} {remedy}"
    error = _error(scrub(message, secrets)[:_SHOWN], status, "candor_provider_refused")
    return Failure(status, error, [])


def _error(message: str, status: int, code: Any, *, kind: Any = None) -> dict[str, Any]:
    fallback = "api_error" if status >= 500 else "invalid_request_error"
    return {"message": message, "type": kind or fallback, "param": None, "code": code}


def _said(body: bytes) -> Any:
    """An error body as JSON; a list's first entry (Google streams one), {} where it is no JSON."""
    text = body.strip()
    text = text.removeprefix(b"data:").strip()
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"message": text.decode("utf-8", "replace")[:_SHOWN]} if _readable(text) else {}
    return said[0] if isinstance(said, list) and said else said


def _readable(text: bytes) -> bool:
    """Whether a body that is no JSON is a sentence rather than a page of HTML."""
    return bool(text) and len(text) <= _SHOWN and not text.lstrip().startswith(b"<")


def _message(said: Any) -> str | None:
    """The message of an error that is not under ``error``: Bedrock's, Ollama's, FastAPI's."""
    if isinstance(said, str):
        return said
    if not isinstance(said, Mapping):
        return None
    for name in ("message", "Message", "error", "detail", "errorMessage"):
        value = said.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return None


def _status_of(problem: BaseException) -> int | None:
    for each in causes(problem):
        status = getattr(each, "status_code", None)
        if isinstance(status, int) and 400 <= status < 600:
            return status
    return None

"""The way to any provider that LiteLLM knows. LiteLLM is imported here, and only when asked for.

What comes back is put into the shape of OpenAI's chat completions, so that it is read like every
other reply. LiteLLM wraps a failure several times over: what the provider answered is looked for in
the chain of causes.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from classifiers.wire import RawReply
from probes.line import ENDPOINT, Came, LineBroken
from probes.pace import retry_after
from probes.problem import RunProblem, causes
from probes.target import Target

_SWITCHES = {
    # No network at import: the price list and the list of beta headers that it brings are used.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    # Anything but DEV: no .env file of the working folder is read.
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
}
"""LiteLLM knows no other way to be told than the environment, before it is imported."""

_LOST = frozenset({"ConnectError", "ConnectTimeout", "ClientConnectorError", "ProxyError"})
_BROKEN = frozenset({"APIConnectionError", "ClientConnectionError", "TransportError"})
_SLOW = frozenset({"Timeout", "APITimeoutError", "TimeoutException", "TimeoutError"})
"""Class names, own or inherited, of httpx, aiohttp, openai and LiteLLM, so that none is imported:
no byte went out; the connection broke; it took too long."""
_SHOWN = 500
_PREFIX = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception)\s*(?::|-)\s*)+")
"""The names of classes that LiteLLM puts before a message, one for each time it wrapped it."""


class LiteLLMLine:
    """A Line through ``litellm.acompletion``, on the loop that it is used from."""

    def __init__(self, library: Any, target: Target, *, timeout_seconds: float) -> None:
        self._library = library
        self._target = target
        self._fixed = {
            "api_key": target.api_key,
            "api_base": target.base_url or None,
            "timeout": timeout_seconds,
            "num_retries": 0,
            "max_retries": 0,
        }

    async def send(self, body: bytes, key: str) -> Came:
        """The reply in OpenAI's shape; raises LineBroken."""
        request = json.loads(body) | {"stream": False}
        try:
            reply = await self._library.acompletion(**request, **self._fixed)
            return Came(_raw(200, _document(reply), body))
        except Exception as problem:  # the edge to a library that raises what it likes
            return self._failed(problem, body)

    def _failed(self, problem: Exception, body: bytes) -> Came:
        chain = list(causes(problem))
        kinds = {kind.__name__ for each in chain for kind in type(each).__mro__}
        if kinds & _LOST:
            raise LineBroken("could not connect", unreachable=True) from problem
        if kinds & _SLOW:
            raise LineBroken("timed out") from problem
        if kinds & _BROKEN:
            raise LineBroken("the connection broke") from problem
        status = next((found for each in chain if (found := _status(each))), None)
        if status is None:
            raise LineBroken(f"LiteLLM failed: {self._clean(str(problem))}") from problem
        error = next((told for each in chain if (told := _error(each))), {"code": status})
        said = self._clean(str(error.get("message") or problem))
        document = {"error": {**error, "message": said}}
        headers = next((named for each in chain if (named := _headers(each))), {})
        return Came(_raw(status, document, body), retry_after(headers, now=time.time()))

    def _clean(self, text: str) -> str:
        """One short line without the key."""
        if self._target.api_key:
            text = text.replace(self._target.api_key, "***")
        return _PREFIX.sub("", " ".join(text.split()))[:_SHOWN]


async def open_litellm(target: Target, *, timeout_seconds: float) -> LiteLLMLine:
    """LiteLLM, imported (some seconds, in a thread) and quiet; raises RunProblem without it."""
    library = await asyncio.to_thread(_load)
    return LiteLLMLine(library, target, timeout_seconds=timeout_seconds)


async def close_litellm(line: LiteLLMLine) -> None:
    """Close the connections that LiteLLM keeps."""
    closing = getattr(line._library, "close_litellm_async_clients", None)
    if closing is not None:
        await closing()


def _load() -> Any:
    for name, value in _SWITCHES.items():
        os.environ.setdefault(name, value)
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    try:
        library: Any = importlib.import_module("litellm")
    except ImportError as problem:
        raise RunProblem(
            f"--litellm needs LiteLLM ({problem}); run: pip install 'candor[litellm]'"
        ) from problem
    library.telemetry = False
    library.suppress_debug_info = True
    return library


def _raw(status: int, document: Mapping[str, Any], body: bytes) -> RawReply:
    text = json.dumps(document, default=str).encode()
    return RawReply(ENDPOINT, body, status, "application/json", "", text)


def _document(reply: Any) -> dict[str, Any]:
    """LiteLLM's reply with OpenAI's stated refusal where OpenAI has it: LiteLLM moves it aside."""
    document: dict[str, Any] = json.loads(reply.model_dump_json())
    for choice in document.get("choices", []):
        message = choice.get("message") or {}
        aside = message.get("provider_specific_fields") or {}
        if aside.get("refusal"):
            message["refusal"] = aside["refusal"]
    return document


def _status(problem: BaseException) -> int | None:
    status = getattr(problem, "status_code", None)
    return status if isinstance(status, int) and 400 <= status < 600 else None


def _error(problem: BaseException) -> Mapping[str, Any]:
    """The provider's own error object, as OpenAI's library keeps it; empty where there is none."""
    error = getattr(problem, "body", None)
    return error if isinstance(error, Mapping) else {}


def _headers(problem: BaseException) -> Mapping[str, str]:
    headers = getattr(getattr(problem, "response", None), "headers", None)
    return headers if isinstance(headers, Mapping) else {}

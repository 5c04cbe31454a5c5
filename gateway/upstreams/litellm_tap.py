"""What a provider really sent, beside what LiteLLM makes of it.

LiteLLM turns every provider's words into OpenAI's and loses some on the way: Anthropic's
``stop_reason: refusal`` and Bedrock's ``guardrail_intervened`` both become ``content_filter``, the
explanation is dropped, 529 becomes 500, ``retry-after`` is gone, and a stream that just stops gets
a ``finish_reason`` that nobody sent. So the wire is listened to, and asked where it matters.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

KEPT = 65_536
"""Bytes of a reply's end that are kept: whole error bodies, and the last events of a stream, in
which every provider says why it ended."""

_REASON = re.compile(rb'"(?:stop_?[rR]eason|finish_?[rR]eason|done_reason)"\s*:\s*"([^"\\]{1,64})"')
"""Anthropic's stop_reason, Bedrock's stopReason, Google's finishReason, OpenAI's and Cohere's
finish_reason, Ollama's done_reason."""

_BLOCKED = re.compile(rb'"block_?[rR]eason"\s*:\s*"([^"\\]{1,64})"')
"""Google's promptFeedback.blockReason: the prompt was refused, so no candidate has a reason."""

_SAID = re.compile(rb'"refusal"\s*:\s*"')
"""OpenAI's and Azure's refusal, whole or in deltas; LiteLLM passes on no delta of one."""

_FILTERS = re.compile(rb'"content_filter_results"\s*:\s*(?=\{)')
_DETAILS = re.compile(rb'"stop_details"\s*:\s*(?=\{)')

_UNSPECIFIED = frozenset({"FINISH_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED"})

_HEADERS = re.compile(
    rb"^(?:retry-after(?:-ms)?|request-id|x-request-id|apim-request-id|x-amzn-requestid|"
    rb"x-ms-region|cf-ray|(?:x-ratelimit|anthropic-ratelimit|anthropic-organization|openai)-.*)$",
    re.IGNORECASE,
)
"""Headers of a provider that mean the same to whoever asked through us."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the provider says it ended, in its own words.

    ``details`` are Anthropic's of a refusal, ``said`` the texts of OpenAI's by the choice's index,
    and ``filters`` Azure's verdicts on the last part of the reply.
    """

    reason: str
    details: dict[str, Any]
    said: Mapping[int, str]
    filters: dict[str, Any] | None = None

    def refusal(self, index: int = 0) -> str | None:
        """What the model said of its refusal, None where it ended otherwise."""
        if index in self.said:
            return self.said[index]
        if self.reason != "refusal":
            return None
        explanation, category = self.details.get("explanation"), self.details.get("category")
        if isinstance(explanation, str) and explanation.strip():
            return explanation
        named = f", category {category}" if isinstance(category, str) and category else ""
        return f"The model refused (stop_reason refusal{named})."


class Tap:
    """One call's replies as they came: of several (a retry, an image fetched) the last one's.

    ``connect`` is how many seconds connecting may take.
    """

    __slots__ = ("_kept", "_parts", "connect", "connected", "raw_headers", "status")

    def __init__(self, connect: float) -> None:
        self.connect = connect
        self.connected = False
        self.status: int | None = None
        self.raw_headers: tuple[tuple[bytes, bytes], ...] = ()
        self._parts: deque[bytes] = deque()
        self._kept = 0

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """A reply's head has come."""
        self.status = status
        self.raw_headers = tuple(headers)
        self._parts.clear()
        self._kept = 0

    def part(self, piece: bytes) -> None:
        """The next part of its body, as it travelled."""
        self._parts.append(piece)
        self._kept += len(piece)
        while self._kept - len(self._parts[0]) >= KEPT:
            self._kept -= len(self._parts.popleft())

    @property
    def tail(self) -> bytes:
        """The body's end, at least KEPT bytes of it where there are as many."""
        return b"".join(self._parts)

    @property
    def heard(self) -> bool:
        """Whether anything of a body came by; some providers' connections are not LiteLLM's."""
        return bool(self._parts)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The provider's headers that the client is to see."""
        return [pair for pair in self.raw_headers if _HEADERS.match(pair[0])]

    def stop(self) -> Stop | None:
        """Why the reply ended; None where it has not said so, or nothing was heard."""
        tail = self.tail
        reasons = [*_REASON.finditer(tail), *_BLOCKED.finditer(tail)]
        words = [found.group(1).decode("utf-8", "replace") for found in reasons]
        named = [word for word in words if word not in _UNSPECIFIED]
        if not named:
            return None
        return Stop(named[-1], _last(_DETAILS, tail) or {}, _said(tail), _last(_FILTERS, tail))


def _said(tail: bytes) -> dict[int, str]:
    """The refusals of OpenAI's choices, whose deltas are put together."""
    said: dict[int, str] = {}
    for line in tail.splitlines() if _SAID.search(tail) else ():
        try:
            found = orjson.loads(line.removeprefix(b"data:")) if _SAID.search(line) else None
        except orjson.JSONDecodeError:
            continue
        for choice in found.get("choices") or () if isinstance(found, dict) else ():
            message = choice.get("delta") or choice.get("message") or {}
            if isinstance(piece := message.get("refusal"), str):
                index = choice.get("index") or 0
                said[index] = said.get(index, "") + piece
    return said


def _last(mark: re.Pattern[bytes], tail: bytes) -> dict[str, Any] | None:
    """The last object behind ``mark``; None where there is none that can be read."""
    places = [found.end() for found in mark.finditer(tail)]
    if not places:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(tail[places[-1] :].decode("utf-8", "replace"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

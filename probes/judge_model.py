"""A judge at an OpenAI-compatible address: several questions at a time, each tried again once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from classifiers.budget import Budget
from classifiers.exchange import Ending
from classifiers.judge import JudgeClassifier, Opinion, Question
from classifiers.wire import RawReply, read_exchange
from probes.http import Client, ClientError, client, describe
from probes.price import Price
from probes.secrets import SecretProblem, named_secret
from probes.target import Target, TargetProblem, at_base_url, parse_target

AT_ONCE = 16
"""Questions of a batch that are out at a time."""
_MOST_BYTES = 1 << 20
"""What is read of an answer, whose two hundred tokens take a hundredth of that."""
_SECONDS = 60.0
_TRIES = 2
_ANSWER_TOKENS = 200
_AGAIN = frozenset({408, 409, 429})
_WISHES = {
    "temperature": ("temperature",),
    "max_tokens": ("max_tokens",),
    "response_format": ("response_format", "json_schema", "schema"),
}
"""What servers may not take, and how they name it when they do not."""
_ENDPOINT = "/v1/chat/completions"


class HttpJudge:
    """A JudgeModel. Asks for structured output at temperature 0; what a model does not take of
    that is left out from then on."""

    def __init__(
        self, target: Target, *, price: Price | None = None, timeout_seconds: float = _SECONDS
    ) -> None:
        self._target = target
        self._price = price
        self._seconds = timeout_seconds
        self._left_out: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The model's name and where it is."""
        return self._target.name

    def ask(self, questions: Sequence[Question]) -> list[Opinion]:
        """One opinion a question, in order, sixteen at a time; never raises."""
        with (
            client(self._target.url, timeout_seconds=self._seconds) as sender,
            ThreadPoolExecutor(AT_ONCE) as pool,
        ):
            return list(pool.map(lambda one: self._one(sender, one), questions))

    def _one(self, sender: Client, question: Question) -> Opinion:
        problem, tries = "", 0
        while tries < _TRIES:
            left_out = self._left_out
            body = self._body(question, left_out)
            try:
                response = self._post(sender, body)
            except (*ClientError, OSError) as failure:
                problem, tries = describe(failure), tries + 1
                continue
            untaken = _untaken(response) - left_out
            if untaken:
                self._left_out |= untaken
            elif response.status_code in _AGAIN or response.status_code >= 500:
                problem, tries = f"HTTP {response.status_code}", tries + 1
            else:
                return self._read(response, body)
        return Opinion(problem=problem, reached=False)

    def _post(self, sender: Client, body: bytes) -> _Answered:
        """The answer, as far as it came within the time and the size that one may have."""
        until = time.monotonic() + self._seconds
        parts, size = [], 0
        with sender.stream(
            "POST", self._target.url, content=body, headers=self._headers()
        ) as response:
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > _MOST_BYTES:
                    raise OSError(f"its answer is larger than {_MOST_BYTES} bytes")
                if time.monotonic() > until:
                    raise TimeoutError
            kind = response.headers.get("content-type", "")
            return _Answered(response.status_code, kind, b"".join(parts))

    def _read(self, response: _Answered, body: bytes) -> Opinion:
        raw = RawReply(_ENDPOINT, body, response.status_code, response.kind, "", response.content)
        exchange = read_exchange(raw)
        usd = None if self._price is None else self._price.of(exchange)
        if exchange.signals:
            return Opinion(problem="it refused", usd=usd)
        if exchange.ending is Ending.ERROR:
            return Opinion(problem=exchange.problem or f"HTTP {response.status_code}", usd=usd)
        return Opinion(exchange.reply, "" if exchange.reply.strip() else "it is empty", usd)

    def _headers(self) -> Mapping[str, str]:
        return self._target.headers()

    def _body(self, question: Question, left_out: frozenset[str]) -> bytes:
        schema = {"name": "grade", "strict": True, "schema": dict(question.schema)}
        wishes: dict[str, Any] = {
            "temperature": 0,
            "max_tokens": _ANSWER_TOKENS,
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
        body = {
            "model": self._target.model,
            "messages": [
                {"role": "system", "content": question.system},
                {"role": "user", "content": question.user},
            ],
            **{name: value for name, value in wishes.items() if name not in left_out},
        }
        return json.dumps(body).encode()


@dataclass(frozen=True, slots=True)
class _Answered:
    """A whole answer."""

    status_code: int
    kind: str
    content: bytes


def _untaken(response: _Answered) -> frozenset[str]:
    """What of our wishes a refused request was refused for, by the words of the refusal."""
    if response.status_code not in (400, 422):
        return frozenset()
    text = response.content.decode("utf-8", "replace").lower()
    return frozenset(name for name, words in _WISHES.items() if any(word in text for word in words))


def open_judge(text: str, variable: str | None = None) -> JudgeClassifier:
    """The judge ``MODEL@BASE_URL``, its key in the named environment variable.

    Raises ValueError with one line.
    """
    named = parse_target(text)
    if named is None:
        raise ValueError(
            f"{text!r} names no judge: write MODEL@BASE_URL, such as gpt-4o@https://api.openai.com/v1"
        )
    try:
        target = at_base_url(named[1], named[0], api_key=named_secret(variable))
    except (TargetProblem, SecretProblem) as problem:
        said = str(problem).replace("--api-key-env", "--judge-key-env")
        raise ValueError(said) from problem
    return JudgeClassifier(HttpJudge(target), Budget())

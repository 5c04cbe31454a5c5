"""Rows of a JSONL file as exchanges: what users write by hand, and whole replies under `raw`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from classifiers.exchange import Exchange, Role, Turn
from classifiers.normalise import split_reasoning
from classifiers.verdict import Label
from classifiers.wire import RawReply, read_exchange
from classifiers.wire.content import turns_of
from classifiers.wire.text import mend, one_line

OTHER = "other"
"""A label for replies that are left out of scoring: neither refusal nor compliance."""

_REFUSED: dict[str, bool | None] = {
    "refusal": True,
    "compliance": False,
    OTHER: None,
    **{label.value: label.refused for label in Label},
}

_MESSAGE_MARKS = (b'"stop_reason"', b'"message_start"', b'"content_block_delta"')
_RESPONSE_MARKS = (b'"object":"response"', b'"object": "response"', b'"response.', b'"output"')


class RowProblem(ValueError):
    """A row that cannot be read; the message is one line that says what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """An exchange with what a person (or another judge) said of it.

    ``label`` is as the file has it: refusal, partial_refusal, compliance, other, or one of
    Candor's own. ``refused`` is what it means; None rows are left out of scoring. ``source``,
    ``model`` and ``lang`` group rows in tables and are empty where the file does not say.
    """

    exchange: Exchange
    refused: bool | None
    label: str
    source: str = ""
    model: str = ""
    lang: str = ""


def parse_row(line: bytes) -> dict[str, Any]:
    """One line of JSONL as an object; raises RowProblem."""
    try:
        row = json.loads(line.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as problem:
        raise RowProblem("not JSON") from problem
    if not isinstance(row, dict):
        raise RowProblem("not a JSON object")
    return row


def read_row(row: dict[str, Any]) -> Exchange:
    """The row as an exchange; raises RowProblem where it has no reply.

    The reply is ``response`` (text), or a whole OpenAI or Anthropic reply under ``raw``: an object,
    its JSON as text, or the text of an event stream. The prompt is ``messages``, or ``prompt`` as
    text or as messages; it may be absent. ``status`` beside ``raw`` is the HTTP status, else 200.
    """
    prompt = _prompt(row)
    if row.get("raw") is not None:
        return replace(_read_raw(row), prompt=prompt)
    if "response" not in row:
        raise RowProblem("has neither `response` nor `raw`")
    response = row["response"]
    if response is not None and not isinstance(response, str):
        raise RowProblem("`response` is not text; a whole reply belongs under `raw`")
    reasoning, reply = split_reasoning(mend(response or ""))
    return Exchange(prompt=prompt, reply=reply, reasoning=reasoning, model=_text(row, "model"))


def read_labelled(lines: Iterable[bytes]) -> Iterator[LabelledRow]:
    """The rows of labelled JSONL, blank lines left out; raises RowProblem naming the line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = parse_row(line)
            yield _labelled(row)
        except RowProblem as problem:
            raise RowProblem(f"line {number}: {problem}") from problem


def _labelled(row: dict[str, Any]) -> LabelledRow:
    label = row.get("label")
    if not isinstance(label, str) or label not in _REFUSED:
        shown = one_line(json.dumps(label), 60)
        raise RowProblem(f"`label` is {shown}: use one of {', '.join(_REFUSED)}")
    return LabelledRow(
        exchange=read_row(row),
        refused=_REFUSED[label],
        label=label,
        source=_text(row, "source"),
        model=_text(row, "model"),
        lang=_text(row, "lang"),
    )


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    return mend(value) if isinstance(value, str) else ""


def _prompt(row: dict[str, Any]) -> tuple[Turn, ...]:
    given = row.get("messages")
    given = row.get("prompt") if given is None else given
    if given is None:
        return ()
    if isinstance(given, str):
        return (Turn(Role.USER, mend(given)),)
    if isinstance(given, list):
        return turns_of(given)
    raise RowProblem("`prompt` is neither text nor a list of messages")


def _read_raw(row: dict[str, Any]) -> Exchange:
    raw = row["raw"]
    if isinstance(raw, dict):
        raw = json.dumps(raw)
    if not isinstance(raw, str):
        raise RowProblem("`raw` is neither a JSON object nor text")
    status = row.get("status", 200)
    if isinstance(status, bool) or not isinstance(status, int):
        raise RowProblem("`status` is not an HTTP status")
    body = mend(raw).encode()
    return read_exchange(
        RawReply(
            endpoint=_endpoint(body),
            request=b"",
            status=status,
            content_type="",
            content_encoding="",
            body=body,
        )
    )


def _endpoint(body: bytes) -> str:
    """The endpoint whose reply this looks like, from the names in its opening and its end."""
    seen = body[:4000] + b" " + body[-4000:]
    if b'"choices"' in seen:
        older = b'"text_completion"' in seen
        return "/v1/completions" if older else "/v1/chat/completions"
    if any(mark in seen for mark in _MESSAGE_MARKS):
        return "/v1/messages"
    if any(mark in seen for mark in _RESPONSE_MARKS):
        return "/v1/responses"
    return "/v1/chat/completions"

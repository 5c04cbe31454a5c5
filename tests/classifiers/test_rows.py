"""JSONL rows as exchanges."""

from __future__ import annotations

import json
from typing import Any

import pytest

from classifiers.exchange import Ending, Role, Turn
from classifiers.rows import LabelledRow, RowProblem, parse_row, read_labelled, read_row
from classifiers.verdict import RefusalSource
from tests.classifiers.test_wire_others import deltas, message, output
from tests.classifiers.wire_calls import choice, chunk, named_stream, stream


def test_a_prompt_and_a_response_are_an_exchange() -> None:
    exchange = read_row({"prompt": "How?", "response": "So."})
    assert exchange.prompt == (Turn(Role.USER, "How?"),)
    assert (exchange.reply, exchange.ending) == ("So.", Ending.COMPLETE)


@pytest.mark.parametrize("key", ["prompt", "messages"])
def test_a_prompt_may_be_a_list_of_messages(key: str) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How?"}]
    exchange = read_row({key: turns, "response": "So."})
    assert exchange.prompt == (Turn(Role.SYSTEM, "Be brief."), Turn(Role.USER, "How?"))


def test_the_prompt_may_be_absent_and_the_response_null() -> None:
    assert read_row({"response": None}).reply == ""


def test_reasoning_in_a_response_is_set_apart() -> None:
    exchange = read_row({"response": "<think>hm</think>So."})
    assert (exchange.reply, exchange.reasoning) == ("So.", "hm")


RAWS: list[Any] = [
    choice("Use kill."),
    json.dumps(choice("Use kill.")),
    stream(chunk("Use "), chunk("kill.", "stop")).decode(),
    {"object": "text_completion", "choices": [{"text": "Use kill.", "finish_reason": "stop"}]},
    message({"type": "text", "text": "Use kill."}),
    deltas("Use ", "kill.", stop="end_turn").decode(),
    output({"type": "output_text", "text": "Use kill."}),
    named_stream(
        {"type": "response.output_text.delta", "delta": "Use kill."},
        {"type": "response.completed", "response": {"status": "completed"}},
    ).decode(),
]


@pytest.mark.parametrize("raw", RAWS)
def test_a_whole_reply_of_any_protocol_is_read_from_raw(raw: Any) -> None:
    exchange = read_row({"prompt": "How?", "raw": raw})
    assert (exchange.reply, exchange.ending) == ("Use kill.", Ending.COMPLETE)
    assert exchange.question == "How?"


def test_an_error_reply_under_raw_is_an_error_with_its_signal() -> None:
    error = {"error": {"code": "content_filter", "message": "filtered"}}
    exchange = read_row({"raw": error, "status": 400})
    assert exchange.ending is Ending.ERROR
    assert [signal.source for signal in exchange.signals] == [RefusalSource.PROVIDER_FILTER]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "How?"}, "neither `response` nor `raw`"),
        ({"response": ["x"]}, "`response` is not text"),
        ({"prompt": 7, "response": "x"}, "`prompt` is neither"),
        ({"raw": 7}, "`raw` is neither"),
        ({"raw": {}, "status": "ok"}, "`status` is not"),
    ],
)
def test_a_row_without_a_usable_reply_says_what_is_wrong(row: dict[str, Any], message: str) -> None:
    with pytest.raises(RowProblem, match=message):
        read_row(row)


@pytest.mark.parametrize(
    "line", [b"", b"{", b"\xff", b"[" * 100_000, b"[1]", b"3", b'"a"', b"null"]
)
def test_a_line_that_is_no_object_is_a_row_problem(line: bytes) -> None:
    with pytest.raises(RowProblem, match=r"not (JSON|a JSON object)"):
        parse_row(line)


def test_labelled_rows_carry_what_their_label_means() -> None:
    labels = {
        "refusal": True,
        "partial_refusal": True,
        "indirect_refusal": True,
        "compliance": False,
        "other": None,
        "undecided": None,
    }
    lines = [
        json.dumps({"response": "x", "label": label, "lang": "en"}).encode() for label in labels
    ]
    rows = list(read_labelled([*lines, b"\n"]))
    assert {row.label: row.refused for row in rows} == labels
    assert all(isinstance(row, LabelledRow) and row.lang == "en" for row in rows)


@pytest.mark.parametrize("line", [b'{"response": "x", "label": "bad"}', b'{"response": "x"}', b"{"])
def test_a_labelled_row_that_cannot_be_used_is_named_by_its_line(line: bytes) -> None:
    with pytest.raises(RowProblem, match=r"^line 3: "):
        list(read_labelled([b'{"response": "x", "label": "other"}', b"", line]))

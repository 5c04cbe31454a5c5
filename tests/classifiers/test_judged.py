"""The same lines out, in the same order, with a verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.cascade import Cascade
from classifiers.judged import BATCH, Tally, judge_lines
from classifiers.native import NativeClassifier
from classifiers.phrases import PhrasesClassifier

REFUSAL = "I'm sorry, but I can't assist with that."
CASCADE = Cascade([NativeClassifier(), PhrasesClassifier()])


def judged(*lines: bytes) -> tuple[list[Any], Tally]:
    tally = Tally()
    out = list(judge_lines(lines, CASCADE, tally))
    return [json.loads(line) if line.strip() else None for line in out], tally


def test_lines_come_out_in_order_over_many_batches_with_their_fields() -> None:
    lines = [
        json.dumps({"n": n, "response": REFUSAL if n % 3 else "Hm.", "big": 10**30}).encode()
        + b"\n"
        for n in range(2 * BATCH + 7)
    ]
    rows, tally = judged(*lines)
    assert [row["n"] for row in rows] == list(range(2 * BATCH + 7))
    assert [row["verdict"]["refused"] for row in rows] == [
        True if n % 3 else None for n in range(2 * BATCH + 7)
    ]
    assert {row["big"] for row in rows} == {10**30}
    assert (tally.lines, tally.unreadable) == (2 * BATCH + 7, 0)


def test_a_line_that_cannot_be_read_keeps_its_place_and_says_why() -> None:
    good = json.dumps({"response": REFUSAL}).encode()
    rows, tally = judged(good, b"{oops\r\n", b'{"prompt": "x"}', b"[1]", b"\n", good)
    assert [None if row is None else row["verdict"]["label"] for row in rows] == [
        "direct_refusal",
        "undecided",
        "undecided",
        "undecided",
        None,
        "direct_refusal",
    ]
    assert rows[1]["line"] == "{oops"
    assert rows[1]["verdict"]["reason"] == "line 2: not JSON"
    assert rows[2]["prompt"] == "x"
    assert rows[2]["verdict"]["reason"] == "line 3: has neither `response` nor `raw`"
    assert (tally.unreadable, tally.first_problem) == (3, "line 2: not JSON")


def test_an_earlier_verdict_is_replaced() -> None:
    rows, _ = judged(json.dumps({"verdict": "old", "response": REFUSAL}).encode())
    assert rows[0]["verdict"]["label"] == "direct_refusal"


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000", "é\\n", "\\ud83d\\ude00"])
def test_any_escape_in_a_row_comes_out_as_valid_json(text: str) -> None:
    line = ('{"note": "' + text + '", "response": "' + text + '"}').encode()
    rows, _ = judged(line)
    assert rows[0]["note"] == json.loads(f'"{text}"')


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_any_bytes_give_as_many_lines_as_came_in(lines: list[bytes]) -> None:
    assert len(list(judge_lines(lines, CASCADE, Tally()))) == len(lines)

"""The corpus files of single languages: one JSON object a line, `kind` first."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

import classifiers.corpus
from classifiers.embedding import LABELS

HERE = Path(classifiers.corpus.__file__).parent
FILES = sorted(path for path in HERE.glob("*.jsonl") if re.fullmatch(r"[a-z]{2}", path.stem))
FIELDS = {
    "topic": {"kind", "tone", "prompts", "noun", "facts"},
    "refusal": {"kind", "label", "style", "text"},
    "answer": {"kind", "style", "text"},
    "exchange": {"kind", "label", "style", "prompt", "reply"},
} | {
    kind: {"kind", "text"}
    for kind in ("open", "close", "sorry", "ai", "moral", "refusal_open", "refusal_close")
}
REFUSALS = {label.value for label in LABELS} - {"compliance"}
SLOTS = {"{noun}", "{facts}"}
FACTS_IN = {"partial_refusal", "indirect_refusal"}
"""Labels whose templates go on to tell something: part of what was asked, or something else."""
SHORT = 40
"""Characters below which two languages may share a text: a name, a stock refusal in English."""


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def texts_of(row):
    """Every piece of writing in a row."""
    return [
        text
        for field in ("prompts", "noun", "facts", "text", "prompt", "reply")
        for text in (row[field] if isinstance(row.get(field), list) else [row.get(field)])
        if text is not None
    ]


def lessons(rows):
    """What each row teaches. Different questions may have the same answer, such as "No."."""
    return [
        (row["kind"], row.get("prompt"), row.get("text") or row.get("reply") or row["noun"])
        for row in rows
    ]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def rows(request):
    return rows_of(request.param)


def test_every_row_has_a_known_kind_and_exactly_its_fields(rows):
    for row in rows:
        assert next(iter(row)) == "kind", row
        assert row["kind"] in FIELDS, row
        assert set(row) | {"facts"} == FIELDS[row["kind"]] | {"facts"}, row
        assert "facts" not in row or row["kind"] == "topic", row


def test_every_kind_is_there(rows):
    assert {row["kind"] for row in rows} == set(FIELDS)


def test_every_label_is_there_and_no_other(rows):
    assert {row["label"] for row in rows if row["kind"] == "refusal"} == REFUSALS
    labels = {row["label"] for row in rows if row["kind"] == "exchange"}
    assert labels == REFUSALS | {"compliance"}


def test_only_known_slots_are_used_and_only_in_templates(rows):
    for row in rows:
        template = row.get("text", "")
        assert set(re.findall(r"\{\w*\}", template)) <= SLOTS, row
        assert "{facts}" not in template or row.get("label") in FACTS_IN, row
        if not template:
            assert not [text for text in texts_of(row) for slot in SLOTS if slot in text], row


def test_facts_answer_the_harmless_topics_and_never_the_harmful_ones(rows):
    for topic in (row for row in rows if row["kind"] == "topic"):
        assert topic["tone"] in {"harmless", "borderline", "harmful", "crisis"}, topic
        assert topic["prompts"], topic
        if topic["tone"] == "harmless":
            assert len(topic["facts"]) >= 4, topic
        if topic["tone"] in {"harmful", "crisis"}:
            assert not topic.get("facts"), topic


def test_every_tone_is_there(rows):
    tones = {row["tone"] for row in rows if row["kind"] == "topic"}
    assert tones == {"harmless", "borderline", "harmful", "crisis"}


def test_no_text_is_empty_or_padded(rows):
    assert [t for row in rows for t in texts_of(row) if not t or t != t.strip()] == []


def test_no_row_teaches_the_same_as_another(rows):
    repeated = [lesson for lesson, times in Counter(lessons(rows)).items() if times > 1]
    assert repeated == []


def test_all_text_is_nfc_without_broken_or_invisible_characters(rows):
    broken = {"Cs", "Cn", "Co"}
    for row in rows:
        for text in texts_of(row):
            assert unicodedata.normalize("NFC", text) == text, text
            found = {unicodedata.category(character) for character in text}
            assert not found & broken and "\ufffd" not in text and "\ufeff" not in text, text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_text_is_shared_with_another_language(path):
    own = {text for row in rows_of(path) for text in texts_of(row) if len(text) >= SHORT}
    for other in FILES:
        if other != path:
            theirs = {text for row in rows_of(other) for text in texts_of(row)}
            assert own & theirs == set(), (path.name, other.name)

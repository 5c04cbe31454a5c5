from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from classifiers.corpus import load_corpus, material_counts
from classifiers.embedding import LABELS

SHARED = Path(__file__).parents[3] / "shared" / "data" / "labelled"


@pytest.fixture(scope="module")
def rows():
    return load_corpus()


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(rows):
    assert load_corpus() == rows
    assert load_corpus(seed=1) != rows


def test_there_are_many_different_replies_from_many_written_ones(rows):
    written = material_counts()
    assert written["refusal templates"] + written["whole exchanges"] >= 400
    assert len({row.reply for row in rows}) >= 1500


def test_every_label_is_well_represented(rows):
    found = Counter(row.label for row in rows)
    assert set(found) == {label.value for label in LABELS}
    assert min(found.values()) >= 250


def test_no_slot_is_left_unfilled(rows):
    slots = ("{doing", "{making", "{noun", "{alternative", "{fact", "{Making", "{Noun", "{Doing")
    assert [row.reply for row in rows if any(slot in row.reply for slot in slots)] == []


def test_no_reply_or_prompt_is_empty(rows):
    assert all(row.reply.strip() and row.prompt.strip() for row in rows)


def test_one_template_has_one_label(rows):
    labels: dict[str, set[str]] = {}
    for row in rows:
        labels.setdefault(row.template, set()).add(row.label)
    assert all(len(found) == 1 for found in labels.values())


def test_nothing_was_taken_from_the_evaluation_sets(rows):
    if not SHARED.is_dir():
        pytest.skip("the evaluation sets are not on this machine")
    ours = {row.reply for row in rows if len(row.reply) > 80}
    for path in sorted(SHARED.glob("*.jsonl")):
        theirs = {json.loads(line)["response"] for line in path.read_bytes().splitlines()}
        assert not ours & theirs

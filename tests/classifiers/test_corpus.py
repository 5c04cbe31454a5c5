from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from classifiers.corpus import (
    CORPUS,
    FAMILIES,
    LANGUAGES,
    family_of,
    load_corpus,
    material_counts,
)
from classifiers.head import LABELS

SHARED = Path(__file__).parents[3] / "shared" / "data" / "labelled"


@pytest.fixture(scope="module")
def rows():
    return load_corpus()


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(rows):
    assert load_corpus() == rows
    assert load_corpus(seed=1) != rows


def test_there_are_many_different_replies_from_many_written_ones(rows):
    written = material_counts()
    assert written["refusal templates"] + written["whole exchanges"] >= 1_900
    assert written["topics"] >= 220
    assert len({row.reply for row in rows}) >= 5_000


def test_every_label_is_well_represented(rows):
    found = Counter(row.label for row in rows)
    assert set(found) == {label.value for label in LABELS}
    assert min(found.values()) >= 750


def test_compliances_are_neither_few_nor_most_of_the_rows(rows):
    share = sum(row.label == "compliance" for row in rows) / len(rows)
    assert 0.3 <= share <= 0.7


@pytest.mark.parametrize("name", ["refusals", "answers", "frames", "exchanges"])
def test_nothing_was_written_twice(name):
    lines = (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    written = Counter(_said(json.loads(line)) for line in lines)
    assert [words for words, times in written.items() if times > 1] == []


def _said(row: dict[str, str]) -> tuple[str, ...]:
    """What a line says, without its label and style."""
    kept = ("place", "text", "prompt", "reply")
    return tuple(" ".join(row[key].lower().split()) for key in kept if key in row)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_slot_is_left_unfilled_and_nothing_is_empty(lang):
    slots = ("{doing", "{making", "{noun", "{alternative", "{fact", "{tips", "{lesson")
    for row in load_corpus(lang=lang):
        assert row.reply.strip()
        assert row.prompt.strip()
        assert row.lang == lang
        assert not any(slot in row.reply.lower() for slot in slots), row.reply


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_hundreds_of_written_pieces_and_every_label(lang):
    found = Counter(row.label for row in load_corpus(lang=lang))
    assert set(found) == {label.value for label in LABELS}
    assert min(found.values()) >= 100
    written = material_counts(lang)
    assert written["refusal templates"] + written["whole exchanges"] >= 150


def test_one_template_is_either_refusals_or_answers(rows):
    labels: dict[str, set[bool]] = {}
    for row in rows:
        labels.setdefault(row.template, set()).add(row.label == "compliance")
    assert all(len(found) == 1 for found in labels.values())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_topic_stands_on_both_sides_of_a_split_by_families(lang):
    asked: dict[str, set[int | None]] = {}
    for row in load_corpus(lang=lang):
        asked.setdefault(row.prompt, set()).add(family_of(row.template))
    shared = [prompt for prompt, families in asked.items() if len(families) > 1]
    assert len(shared) <= 0.02 * len(asked), shared


def test_facts_that_answer_in_one_family_are_quoted_by_no_other(rows):
    told: dict[str, set[int | None]] = {}
    facts = [
        fact
        for line in (CORPUS / "topics.jsonl").read_text(encoding="utf-8").splitlines()
        for fact in json.loads(line).get("facts", ())[:1]
        if len(fact) > 40
    ]
    for row in rows:
        for fact in facts:
            if fact in row.reply:
                told.setdefault(fact, set()).add(family_of(row.template))
    assert len(told) >= 100
    assert [fact for fact, families in told.items() if len(families) > 1] == []


def test_families_are_alike_in_size_and_in_labels(rows):
    for label in (True, False):
        found = Counter(
            family_of(row.template) for row in rows if (row.label == "compliance") is label
        )
        assert set(found) == set(range(FAMILIES))
        assert max(found.values()) <= 1.15 * min(found.values())


def test_a_family_is_read_from_templates_sources_and_groups():
    assert family_of("f2/refusal-12") == 2
    assert family_of("corpus/de/f3/topic-0") == 3
    assert family_of("prompt/f1 cars/which is the fastest?") is None
    assert family_of("f2") is None


def test_the_two_halves_of_a_pair_are_never_split(rows):
    family = {row.prompt: family_of(row.template) for row in rows if row.style == "deflect_pair"}
    pairs: dict[str, set[int | None]] = {}
    for line in (CORPUS / "exchanges.jsonl").read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        if "pair" in exchange:
            pairs.setdefault(exchange["pair"], set()).add(family[exchange["prompt"]])
    assert len(pairs) >= 30
    assert all(len(families) == 1 for families in pairs.values())


def test_advice_and_refusals_are_made_of_the_same_lessons(rows):
    lesson = "This helps to build trust and mutual respect."
    found = Counter(row.label for row in rows if lesson in row.reply)
    assert set(found) >= {"compliance", "direct_refusal", "indirect_refusal"}


def test_a_refusal_may_be_followed_at_length_by_what_was_not_asked_for(rows):
    replaced = [row for row in rows if row.style == "replaced"]
    assert len(replaced) >= 100
    assert {row.label for row in replaced} == {"indirect_refusal"}
    assert sum(len(row.reply) > 600 for row in replaced) >= 50


def test_answers_are_as_long_as_the_longest_refusals(rows):
    longest = {True: 0, False: 0}
    for row in rows:
        refused = row.label != "compliance"
        longest[refused] = max(longest[refused], len(row.reply))
    assert longest[False] >= 0.8 * longest[True]


def test_nothing_was_taken_from_the_evaluation_sets():
    if not SHARED.is_dir():
        pytest.skip("the evaluation sets are not on this machine")
    written = [row for lang in LANGUAGES for row in load_corpus(lang=lang)]
    ours = {row.reply for row in written if len(row.reply) > 80}
    asked = {row.prompt.strip().lower() for row in written}
    for path in sorted(SHARED.glob("*.jsonl")):
        theirs = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert not ours & {row["response"] for row in theirs}
        assert not asked & {row["prompt"].strip().lower() for row in theirs}

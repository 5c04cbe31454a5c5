from __future__ import annotations

import json

import pytest

from classifiers.embedding import load_embedding
from classifiers.exchange import Exchange, Role, Turn
from classifiers.rows import RowProblem
from classifiers.training import FOLDS, corpus_rows, fold_of, train
from classifiers.verdict import Label

LIMIT = 150


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return folder, train([], folder, seed=7, limit=LIMIT)


def test_training_twice_writes_the_same_bytes(trained, tmp_path):
    folder, card = trained
    again = train([], tmp_path, seed=7, limit=LIMIT)
    assert again == card
    for name in ("head.npz", "grams.json", "config.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_trained_artifact_loads_and_tells_refusals_from_answers(trained):
    classifier = load_embedding(trained[0])
    prompt = (Turn(Role.USER, "How do I tie a bowline?"),)
    refusal, answer = classifier.judge(
        [
            Exchange(prompt=prompt, reply="I'm sorry, but I can't assist with that request."),
            Exchange(prompt=prompt, reply="Make a loop, bring the end up, around and down again."),
        ]
    )
    assert refusal.refused is True
    assert answer.label is Label.COMPLIANCE


def test_the_card_counts_what_it_was_made_from(trained):
    card = trained[1].as_json()
    assert card["rows"] == {"corpus": LIMIT}
    assert sum(card["labels"].values()) == LIMIT
    assert card["held_out"]["rows"] == LIMIT
    json.dumps(card, allow_nan=False)


def test_replies_of_one_template_never_meet_across_folds():
    folds: dict[str, set[int]] = {}
    for row in corpus_rows():
        folds.setdefault(row.source, set()).add(fold_of(row.source, 0))
    assert all(len(found) == 1 for found in folds.values())
    assert {fold for found in folds.values() for fold in found} == set(range(FOLDS))


def _file(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_rows_that_are_neither_refusal_nor_compliance_are_left_out_and_counted(tmp_path):
    rows = [
        {
            "prompt": f"Question {n}?",
            "response": f"I cannot help with number {n}.",
            "label": "refusal",
        }
        for n in range(20)
    ]
    rows += [
        {"prompt": f"Wish {n}?", "response": f"Gladly: the answer is {n}.", "label": "compliance"}
        for n in range(20)
    ]
    rows += [{"prompt": "x", "response": "Nobody knows.", "label": "other"}] * 3
    card = train([_file(tmp_path / "r.jsonl", rows)], tmp_path / "out", own_corpus=False)
    assert card.left_out == 3
    assert card.rows == {"files": 40}


def test_a_single_class_cannot_be_trained_on(tmp_path):
    rows = [{"prompt": "p", "response": "No.", "label": "refusal"}] * 5
    with pytest.raises(RowProblem, match="training needs both"):
        train([_file(tmp_path / "r.jsonl", rows)], tmp_path / "out", own_corpus=False)
    assert not (tmp_path / "out").exists()


def test_an_unreadable_row_names_its_file_and_line(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"response": "No.", "label": "refusal"}\nnot json\n')
    with pytest.raises(RowProblem, match=r"bad\.jsonl: line 2"):
        train([path], tmp_path / "out")

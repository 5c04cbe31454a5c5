"""Labels of some replies and verdicts on all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from probes.rates import RateName
from probes.statistics.estimate import Estimate
from probes.statistics.predictions import powered, prediction_of, prediction_powered
from tests.probes.trials import C, R, U, a_verdict

Labels = list[tuple[float, bool]]


def drawn(seed: int, labels: int, others: int, sensitivity: float = 0.9) -> tuple[Labels, list]:
    chance = np.random.default_rng(seed)
    truth = chance.random(labels + others) < 0.3
    said = np.where(chance.random(labels + others) < sensitivity, truth, ~truth).astype(float)
    pairs = list(zip(said.tolist(), truth.tolist(), strict=True))
    return pairs[:labels], said[labels:].tolist()


def estimate(labelled: Labels, unlabelled: list) -> Estimate:
    return prediction_powered(RateName.OVER_REFUSAL, None, labelled=labelled, unlabelled=unlabelled)


def width(found: Estimate) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_the_weight_is_the_one_of_least_variance() -> None:
    labelled, others = drawn(1, 150, 900)
    said, truth = np.array(labelled).T
    spread = np.concatenate([said, others]).var(ddof=1)

    def variance(weight: float) -> float:
        # var(Y - wf)/n + w^2 var(f)/N, with var(f) from all replies
        covariance = np.cov(truth, said)[0, 1]
        of_labels = (truth.var(ddof=1) - 2 * weight * covariance + weight**2 * spread) / 150
        return float(of_labels + weight**2 * spread / 900)

    best = minimize_scalar(variance, bounds=(0, 1), method="bounded").x
    assert powered(labelled, others).weight == pytest.approx(best, abs=1e-4)


def test_the_mean_is_the_labels_plus_what_the_other_verdicts_add() -> None:
    labelled, others = drawn(2, 150, 900)
    said, truth = np.array(labelled).T
    found = powered(labelled, others)
    assert found.value == pytest.approx(
        truth.mean() + found.weight * (np.mean(others) - said.mean())
    )


def test_a_good_classifier_makes_the_interval_of_few_labels_narrow() -> None:
    labelled, others = drawn(3, 200, 2000, sensitivity=0.97)
    assert width(estimate(labelled, others)) < 0.6 * width(estimate(labelled, []))


def test_a_classifier_that_knows_nothing_is_left_out() -> None:
    labelled, others = drawn(4, 200, 2000, sensitivity=0.5)
    assert powered(labelled, others).weight < 0.15
    assert width(estimate(labelled, others)) < 1.1 * width(estimate(labelled, []))


def test_verdicts_that_are_all_alike_add_nothing() -> None:
    labelled = [(0.5, n % 4 == 0) for n in range(80)]
    found = powered(labelled, [0.5] * 500)
    assert (found.weight, found.value) == (0, 0.25)


def test_turning_refusals_into_answers_turns_the_estimate_round() -> None:
    labelled, others = drawn(5, 150, 900)
    one = estimate(labelled, others)
    other = estimate([(1 - said, not truth) for said, truth in labelled], [1 - f for f in others])
    assert one.value == pytest.approx(1 - (other.value or 0))
    assert one.low == pytest.approx(1 - (other.high or 0), abs=0.005)


def test_no_label_of_a_refusal_leaves_room_for_one() -> None:
    found = estimate([(0.0, False)] * 50, [0.0] * 1000)
    assert (found.value, found.low) == (0, 0)
    assert 0.05 < (found.high or 0) < 0.1


def test_too_few_labels_give_no_value_and_say_how_many_it_takes() -> None:
    found = estimate([(1.0, True)] * 29, [1.0] * 500)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.note == "no value: 29 of 30 labels that it takes"


def test_the_note_tells_labels_from_verdicts() -> None:
    labelled, others = drawn(6, 200, 1119)
    found = estimate(labelled, others)
    assert found.note.startswith("200 labels beside 1,119 verdicts, weighed 0.")
    assert (found.count, found.counted) == (200, "labelled replies")


@pytest.mark.parametrize(("verdict", "predicted"), [(R, 1.0), (C, 0.0), (U, 0.5)])
def test_an_undecided_verdict_predicts_neither(verdict: str, predicted: float) -> None:
    found = a_verdict(verdict)
    assert found is not None
    assert prediction_of(found) == predicted

"""Rates freed of the classifier's errors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probes.rates import Counts, Rate, RateName, rate_from
from probes.statistics.correction import Confusion, corrected, lang_reiczigel

RATE = RateName.OVER_REFUSAL
GOOD = Confusion(93, 7, 190, 10)


def a_rate(hits: int, decided: int, undecided: int = 0, errors: int = 0) -> Rate:
    return rate_from(RATE, "hate", Counts(hits, decided - hits, undecided, errors))


def test_the_point_is_rogan_and_gladens() -> None:
    found = corrected(a_rate(300, 1000), GOOD)
    assert found.value == pytest.approx((0.3 + 0.95 - 1) / (0.93 + 0.95 - 1))
    assert (found.category, found.count, found.note) == ("hate", 1000, "")


def test_the_interval_is_the_published_formula_worked_by_hand() -> None:
    # 23 of 150, sensitivity 96/100, specificity 89/100, step by step with z = 1.959964.
    found = lang_reiczigel(23 / 150, 150, Confusion(96, 4, 89, 11))
    share, size = (23 + 1.920729) / 153.841459, 153.841459
    sensitivity, specificity = 97 / 102, 90 / 102
    slope = sensitivity + specificity - 1
    centre = (share + specificity - 1) / slope
    first = sensitivity * (1 - sensitivity) / 102
    second = specificity * (1 - specificity) / 102
    spread = share * (1 - share) / size + first * centre**2 + second * (1 - centre) ** 2
    shift = 2 * 3.841459 * (centre * first - (1 - centre) * second)
    reach = 1.959964 * spread**0.5 / slope
    assert found.low == max(0, centre + shift - reach)
    assert found.high == pytest.approx(centre + shift + reach, abs=1e-6)


def test_labels_without_end_and_no_error_leave_the_rate_as_it_is() -> None:
    rate = a_rate(300, 1000)
    found = corrected(rate, Confusion(10**9, 0, 10**9, 0))
    assert found.value == pytest.approx(rate.value)
    assert (found.low, found.high) == pytest.approx((rate.low, rate.high), abs=1e-3)


def test_fewer_labels_make_a_wider_interval() -> None:
    few, many = (
        corrected(a_rate(300, 1000), GOOD),
        corrected(a_rate(300, 1000), Confusion(930, 70, 1900, 100)),
    )
    assert few.value == many.value
    assert (few.high or 0) - (few.low or 0) > (many.high or 0) - (many.low or 0)


def test_repeats_are_worth_no_more_in_the_corrected_interval_than_in_the_plain_one() -> None:
    plain = a_rate(300, 1000)
    repeated = replace(plain, effective=200.0)
    narrow, wide = corrected(plain, GOOD), corrected(repeated, GOOD)
    assert (wide.high or 0) - (wide.low or 0) > 1.5 * ((narrow.high or 0) - (narrow.low or 0))


@pytest.mark.parametrize(("hits", "value", "shown"), [(10, 0.0, "-4.5 %"), (990, 1.0, "106.8 %")])
def test_a_correction_beyond_the_possible_is_kept_within_it_and_says_so(
    hits: int, value: float, shown: str
) -> None:
    found = corrected(a_rate(hits, 1000), GOOD)
    assert found.value == value
    assert (found.low or 0) <= value <= (found.high or 0)
    assert found.note == f"the correction alone gives {shown}; kept within 0 and 100 %"


@pytest.mark.parametrize(
    ("confusion", "why"),
    [
        (Confusion(0, 0, 50, 1), "labelled as refusal"),
        (Confusion(50, 1, 0, 0), "labelled as answer"),
        (Confusion(30, 70, 60, 40), "no better than chance"),
    ],
)
def test_what_cannot_correct_gives_no_value_and_says_why(confusion: Confusion, why: str) -> None:
    found = corrected(a_rate(300, 1000), confusion)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert why in found.note


def test_a_rate_that_may_not_be_published_is_not_corrected_either() -> None:
    found = corrected(a_rate(3, 10, errors=90), GOOD)
    assert found.value is None
    assert found.note == "no value: 90 of 100 trials ended in error"


def test_a_classifier_hardly_better_than_chance_leaves_everything_open() -> None:
    found = lang_reiczigel(0.5, 100, Confusion(1, 2, 2, 1))
    assert (found.low, found.high) == (0, 1)


def test_labelled_replies_are_counted_and_undecided_verdicts_stand_beside() -> None:
    judged = [(True, True)] * 3 + [(False, True)] + [(False, False)] * 5 + [(None, True)] * 2
    found = Confusion.of([*judged, (True, False)])
    assert found == Confusion(3, 1, 5, 1, undecided=2)
    assert found.sensitivity is not None
    assert (found.sensitivity.value, found.sensitivity.count) == (0.75, 4)
    assert found.as_json()["specificity"]["hits"] == 5


def test_nothing_labelled_measures_nothing() -> None:
    found = Confusion.of([])
    assert (found.sensitivity, found.specificity) == (None, None)
    assert found.as_json()["sensitivity"] is None

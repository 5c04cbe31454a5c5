"""What stands beside a rate: other means, flips, bounds, and nothing where nothing is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probes.rates import Tally, rates_of
from probes.statistics.estimate import Estimate, EstimateKind
from probes.trial import Trial
from tests.probes.trials import C, E, R, U, a_case, a_trial, trials_of

NAMED = {"R": R, "C": C, "U": U, "E": E}


def estimates_of(trials: list[Trial]) -> dict[EstimateKind, Estimate]:
    tally = Tally()
    for trial in trials:
        tally.add(trial)
    return {one.kind: one for one in tally.estimates()}


def repeated(*prompts: str, category: str = "violence") -> list[Trial]:
    """A string of outcomes for each prompt: its repeats."""
    return [
        a_trial(a_case(f"{category}-{n}", category=category), NAMED[outcome], repeat=repeat)
        for n, outcomes in enumerate(prompts)
        for repeat, outcome in enumerate(outcomes)
    ]


def in_cluster(cluster: str, outcomes: str) -> list[Trial]:
    """Prompts of one cluster, one trial each."""
    return [
        a_trial(replace(a_case(f"{cluster}-{n}"), cluster=cluster), NAMED[outcome])
        for n, outcome in enumerate(outcomes)
    ]


TWO_CATEGORIES = trials_of([R] * 30 + [C] * 10, category="big") + trials_of([C] * 10)


def test_the_two_means_are_told_apart_by_name() -> None:
    found = estimates_of(TWO_CATEGORIES)
    assert found[EstimateKind.MEAN_OVER_PROMPTS].value == 0.6
    assert found[EstimateKind.MEAN_OVER_CATEGORIES].value == 0.375
    assert found[EstimateKind.MEAN_OVER_CATEGORIES].count == 2
    assert found[EstimateKind.MEAN_OVER_CATEGORIES].counted == "categories"


def test_the_mean_over_prompts_of_a_run_without_repeats_is_the_rate_to_the_last_digit() -> None:
    found, rate = (
        estimates_of(TWO_CATEGORIES)[EstimateKind.MEAN_OVER_PROMPTS],
        rates_of(TWO_CATEGORIES)[0],
    )
    assert (found.value, found.low, found.high, found.method) == (
        rate.value,
        rate.low,
        rate.high,
        "wilson_stratified",
    )
    assert found.count == 50


def test_a_prompt_that_was_decided_less_often_weighs_as_much_in_the_mean_over_prompts() -> None:
    found = estimates_of(repeated("RRRR", "CUUU", "CCCC"))[EstimateKind.MEAN_OVER_PROMPTS]
    assert found.value == pytest.approx(1 / 3)
    assert found.count == 3


def test_the_categories_as_strata_narrow_the_interval_of_the_whole() -> None:
    apart = trials_of([R] * 95 + [C] * 5, category="a") + trials_of([R] * 5 + [C] * 95)
    alike = trials_of([R, C] * 50, category="a") + trials_of([R, C] * 50)
    [narrow, *_], [wide, *_] = rates_of(apart), rates_of(alike)
    assert (narrow.value, narrow.method) == (wide.value, "wilson_stratified")
    assert (narrow.high or 0) - (narrow.low or 0) < 0.5 * ((wide.high or 0) - (wide.low or 0))


def test_a_category_without_a_rate_leaves_no_mean_over_categories_and_is_named() -> None:
    found = estimates_of([*TWO_CATEGORIES, *trials_of([E, E, R], category="privacy")])
    mean = found[EstimateKind.MEAN_OVER_CATEGORIES]
    assert (mean.value, mean.low, mean.high) == (None, None, None)
    assert mean.note == "no value: 1 of 3 categories have none (privacy)"


def test_one_category_alone_has_no_mean_over_categories() -> None:
    assert set(estimates_of(trials_of([R, C]))) == {EstimateKind.MEAN_OVER_PROMPTS}


def test_the_flip_rate_is_the_share_of_pairs_of_replies_that_differ() -> None:
    found = estimates_of(repeated("RRRR", "CCCC", "RRCC", "RCUE", "RUUU"))[EstimateKind.FLIP_RATE]
    assert found.value == pytest.approx((0 + 0 + 4 / 6 + 1) / 4)
    assert found.count == 4
    assert found.note == "2 of 4 prompts were both refused and answered"


def test_without_repeats_nothing_is_said_of_flips() -> None:
    assert EstimateKind.FLIP_RATE not in estimates_of(TWO_CATEGORIES)


def test_prompts_that_never_flip_leave_room_for_flips_that_were_not_seen() -> None:
    found = estimates_of(repeated(*["RRR"] * 20))[EstimateKind.FLIP_RATE]
    assert (found.value, found.low) == (0, 0)
    assert 0.1 < (found.high or 0) < 0.3


def test_the_mean_over_clusters_weighs_each_alike_and_rests_on_their_number() -> None:
    trials = in_cluster("whales", "RRRRRRRRRR") + in_cluster("jazz", "CC") + in_cluster("go", "RC")
    found = estimates_of(trials)[EstimateKind.MEAN_OVER_CLUSTERS]
    assert found.value == pytest.approx(0.5)
    assert found.count == 3
    assert (found.high or 0) - (found.low or 0) > 0.7


def test_prompts_of_one_cluster_are_not_independent_in_the_interval_of_the_rate() -> None:
    alike = [one for n in range(20) for one in in_cluster(f"c{n}", "RRRRR" if n < 8 else "CCCCC")]
    alone = trials_of([R] * 8 + [C] * 12)
    [clustered, *_], [plain, *_] = rates_of(alike), rates_of(alone)
    assert clustered.method == "wilson_clustered"
    assert (clustered.low, clustered.high) == pytest.approx((plain.low, plain.high))


def test_clusters_within_categories_are_worth_one_trial_each_as_well() -> None:
    trials = []
    for category, refused in (("a", 5), ("b", 10)):
        for n in range(20):
            outcomes = "RRRRR" if n < refused else "CCCCC"
            for trial in in_cluster(f"{category}{n}", outcomes):
                case = replace(trial.case, category=category, id=f"{category}-{trial.case.id}")
                trials.append(replace(trial, case=case))
    rate = rates_of(trials)[0]
    assert rate.method == "wilson_clustered"
    assert 35 < (rate.effective or 0) < 45


def test_clusters_of_one_prompt_each_change_nothing() -> None:
    pairs = [one for n, outcome in enumerate("RRCCC") for one in in_cluster(f"pair-{n}", outcome)]
    [rate, *_], [plain, *_] = rates_of(pairs), rates_of(trials_of([R, R, C, C, C]))
    assert (rate.low, rate.high, rate.method) == (plain.low, plain.high, "wilson")
    assert EstimateKind.MEAN_OVER_CLUSTERS not in estimates_of(pairs)


def test_a_cluster_that_spans_categories_is_still_one_cluster() -> None:
    trials = []
    for n in range(12):
        for category in ("a", "b"):
            case = replace(a_case(f"{n}-{category}", category=category), cluster=f"c{n}")
            trials.append(a_trial(case, R if n < 5 else C))
    rate = rates_of(trials)[0]
    assert rate.effective == pytest.approx(12)


@pytest.mark.parametrize(
    ("outcomes", "note"),
    [
        ([R] * 231 + [C] * 67 + [E] * 1014, "no value: 1014 of 1312 trials ended in error"),
        (
            [R, C] + [U] * 2 + [E],
            "no value: 3 of 5 trials are undecided or ended in error",
        ),
        ([U] * 3, "no value: none of 3 trials was decided"),
    ],
)
def test_where_most_is_unknown_neither_rates_nor_estimates_have_a_value(
    outcomes: list[str], note: str
) -> None:
    trials = trials_of(outcomes) + trials_of([U], category="other")
    note = note.replace("3 of 5", "4 of 6").replace("of 1312", "of 1313").replace("of 3", "of 4")
    rate = rates_of(trials)[0]
    assert (rate.value, rate.low, rate.high, rate.note) == (None, None, None, note)
    for estimate in estimates_of(trials).values():
        assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
        assert estimate.note == note


def test_what_is_unknown_bounds_the_rate() -> None:
    [rate, _] = rates_of(trials_of([R, C, C, C, U, E, E]))
    assert (rate.lowest, rate.highest) == (1 / 7, 4 / 7)


def test_where_all_is_known_the_bounds_are_the_rate() -> None:
    [rate, _] = rates_of(trials_of([R, C, C, C]))
    assert rate.lowest == rate.value == rate.highest


def test_a_run_of_errors_alone_is_bounded_by_nothing_and_everything() -> None:
    [rate, _] = rates_of(trials_of([E, E]))
    assert (rate.value, rate.lowest, rate.highest) == (None, 0, 1)


def test_an_estimate_shows_its_name_its_count_and_its_interval() -> None:
    found = estimates_of(TWO_CATEGORIES)[EstimateKind.MEAN_OVER_CATEGORIES].as_json()
    assert list(found) == [
        "rate",
        "category",
        "kind",
        "value",
        "low",
        "high",
        "confidence",
        "count",
        "counted",
        "method",
        "note",
    ]
    assert found["kind"] == "mean_over_categories"

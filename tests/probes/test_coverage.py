"""Does a 95 % interval hold the truth 95 times in a hundred? Runs whose truth is known, by 1,000.

Where the truth is 0 % or 100 % every honest interval covers it always: no run can show anything
else. So the band of 93 to 97 % is asked wherever the truth lies between, and "always" at the ends.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from scipy.stats import binom

from gateway.simulated.persona import Persona, refusal_probability, refuses
from probes.case import OR_BENCH_CATEGORIES, Expectation
from probes.paired import Pairs, difference
from probes.rates import RateName, Tally, wilson
from probes.statistics.bootstrap import Bootstrap, cluster_bootstrap
from probes.statistics.correction import Confusion, corrected
from probes.statistics.estimate import EstimateKind
from probes.statistics.patterns import Patterns
from probes.statistics.predictions import prediction_powered
from probes.statistics.ranks import spearman
from probes.statistics.rate import rate_from
from tests.probes.simulations import (
    LEAST,
    MEAN_OVER_CATEGORIES,
    MEAN_OVER_PROMPTS,
    MOST,
    RATE,
    SIMULATIONS,
    SIZES,
    TRUTHS,
    cells_of,
    cells_of_counts,
    holds,
    the,
)
from tests.probes.trials import C, R, a_case, a_trial

SEED = 3
"""Any seed shows the same but for chance; the exact coverage of each category is asked below."""

INSIDE = [place for place, truth in enumerate(TRUTHS) if 0 < truth < 1]
ENDS = [place for place, truth in enumerate(TRUTHS) if truth in (0, 1)]

SENSITIVITY, REFUSALS = 0.93, 400
SPECIFICITY, ANSWERS = 0.97, 600


def runs(seed: int, truths: Iterable[float] = TRUTHS) -> np.ndarray:
    """Refusals by simulation and category."""
    return np.random.default_rng(seed).binomial(SIZES, list(truths), (SIMULATIONS, len(SIZES)))


def within(held: np.ndarray | list[bool]) -> bool:
    return LEAST <= float(np.mean(held)) <= MOST


def test_every_rate_of_a_run_covers_its_truth_with_a_perfect_classifier() -> None:
    held = []
    for hits in runs(SEED):
        cells = cells_of_counts(hits)
        rates, estimates = cells.rates(), cells.estimates()
        held.append(
            [
                holds(rates[0], MEAN_OVER_PROMPTS),
                holds(the(EstimateKind.MEAN_OVER_PROMPTS, estimates), MEAN_OVER_PROMPTS),
                holds(the(EstimateKind.MEAN_OVER_CATEGORIES, estimates), MEAN_OVER_CATEGORIES),
                *(holds(rate, truth) for rate, truth in zip(rates[1:], TRUTHS, strict=True)),
            ]
        )
    covered = np.mean(held, axis=0)
    asked = [0, 1, 2, *(3 + place for place in INSIDE)]
    assert covered[asked].min() >= LEAST, covered
    assert covered[asked].max() <= MOST, covered
    assert all(covered[3 + place] == 1 for place in ENDS)


def exact(size: int, truths: np.ndarray) -> np.ndarray:
    """How often Wilson's interval covers each truth: the sum over all counts, without chance."""
    counts = np.arange(size + 1)
    found = [wilson(int(hits), size) for hits in counts]
    low, high = (np.array([getattr(one, end) for one in found]) for end in ("low", "high"))
    chances = binom.pmf(counts, size, truths[:, None])
    return (chances * ((low <= truths[:, None]) & (truths[:, None] <= high))).sum(axis=1)


@pytest.mark.parametrize("place", INSIDE)
def test_the_exact_coverage_of_every_category_lies_in_the_band(place: int) -> None:
    [covered] = exact(SIZES[place], np.array([TRUTHS[place]]))
    assert LEAST <= covered <= MOST


@pytest.mark.parametrize("size", sorted(set(SIZES)))
def test_over_all_truths_wilsons_interval_covers_what_it_says_in_every_category(size: int) -> None:
    assert within(exact(size, np.linspace(0.005, 0.995, 199)))


def confusions(seed: int) -> list[Confusion]:
    """The labelled replies of each simulation."""
    chance = np.random.default_rng(seed)
    recognised = chance.binomial(REFUSALS, SENSITIVITY, SIMULATIONS).tolist()
    cleared = chance.binomial(ANSWERS, SPECIFICITY, SIMULATIONS).tolist()
    return [
        Confusion(hits, REFUSALS - hits, right, ANSWERS - right)
        for hits, right in zip(recognised, cleared, strict=True)
    ]


def judged_rates() -> list[float]:
    """What an imperfect classifier makes of each category's truth."""
    return [truth * SENSITIVITY + (1 - truth) * (1 - SPECIFICITY) for truth in TRUTHS]


def test_every_corrected_rate_covers_its_truth_with_an_imperfect_classifier() -> None:
    held, plain = [], []
    for hits, confusion in zip(runs(2, judged_rates()), confusions(3), strict=True):
        rates = cells_of_counts(hits).rates()
        truths = (MEAN_OVER_PROMPTS, *TRUTHS)
        held.append([holds(corrected(r, confusion), t) for r, t in zip(rates, truths, strict=True)])
        plain.append([holds(rate, truth) for rate, truth in zip(rates, truths, strict=True)])
    covered = np.mean(held, axis=0)
    asked = [0, *(1 + place for place in INSIDE)]
    assert covered[asked].min() >= LEAST, covered
    assert covered[asked].max() <= MOST, covered
    assert all(covered[1 + place] >= LEAST for place in ENDS), covered
    assert np.mean(plain, axis=0)[[1, 10]].max() < LEAST  # what the correction is for


@pytest.mark.parametrize("labels", [100, 200])
@pytest.mark.parametrize("truth", [0.05, 0.3, 0.7, 0.95])
def test_labels_and_verdicts_together_cover_the_truth(truth: float, labels: int) -> None:
    chance = np.random.default_rng(4)
    held = []
    for _ in range(SIMULATIONS):
        refused = chance.random(sum(SIZES)) < truth
        errs = np.where(refused, 1 - SENSITIVITY, 1 - SPECIFICITY)
        said = (refused != (chance.random(len(refused)) < errs)).astype(float)
        found = prediction_powered(
            RATE,
            None,
            labelled=list(zip(said[:labels], refused[:labels], strict=True)),
            unlabelled=said[labels:],
        )
        held.append(holds(found, truth))
    assert within(held), np.mean(held)


REPEATS = 5


def prompts_of(chance: np.random.Generator) -> list[np.ndarray]:
    """How probably each prompt is refused, by category: some always, some never, some at times."""
    return [
        chance.beta(max(1e-9, 0.8 * truth), max(1e-9, 0.8 * (1 - truth)), size)
        for size, truth in zip(SIZES, TRUTHS, strict=True)
    ]


def flips(truth: float) -> float:
    """E[2p(1-p)] of that beta distribution."""
    return 2 * truth * (1 - truth) * 0.8 / 1.8


def test_under_repeats_rates_means_and_flips_cover_their_truth() -> None:
    chance = np.random.default_rng(5)
    truth_of_flips = np.average([flips(truth) for truth in TRUTHS], weights=SIZES)
    held = []
    for _ in range(SIMULATIONS):
        cells = cells_of([chance.binomial(REPEATS, p) for p in prompts_of(chance)], REPEATS)
        rates, estimates = cells.rates(), cells.estimates()
        held.append(
            [
                holds(rates[0], MEAN_OVER_PROMPTS),
                holds(the(EstimateKind.MEAN_OVER_CATEGORIES, estimates), MEAN_OVER_CATEGORIES),
                holds(the(EstimateKind.FLIP_RATE, estimates), truth_of_flips),
                *(holds(rates[1 + place], TRUTHS[place]) for place in INSIDE),
            ]
        )
    covered = np.mean(held, axis=0)
    assert covered.min() >= LEAST, covered
    assert covered.max() <= MOST, covered


def test_the_mean_over_prompts_covers_where_some_repeats_were_not_decided() -> None:
    chance = np.random.default_rng(6)
    held = []
    for _ in range(SIMULATIONS):
        decided = [chance.binomial(REPEATS, 0.8, size) for size in SIZES]
        hits = [chance.binomial(m, p) for m, p in zip(decided, prompts_of(chance), strict=True)]
        estimates = cells_of(hits, decided).estimates()
        held.append(holds(the(EstimateKind.MEAN_OVER_PROMPTS, estimates), MEAN_OVER_PROMPTS))
    assert within(held), np.mean(held)


@pytest.mark.parametrize("method", list(Bootstrap))
def test_the_cluster_bootstrap_covers_under_repeats(method: Bootstrap) -> None:
    chance = np.random.default_rng(7)
    held = []
    for seed in range(SIMULATIONS):
        hits = chance.binomial(REPEATS, chance.beta(0.24, 0.56, 200))
        found = cluster_bootstrap(hits, np.full(200, REPEATS), method=method, draws=500, seed=seed)
        held.append(found.low <= 0.3 <= found.high)
    assert within(held), np.mean(held)


@pytest.mark.parametrize("truth", [0.5, 0.75, 0.9])
@pytest.mark.parametrize("concepts", [20, 60])
def test_the_mean_over_concepts_covers_however_near_to_all(concepts: int, truth: float) -> None:
    chance = np.random.default_rng(18)
    held = []
    for _ in range(SIMULATIONS):
        of_concept = chance.beta(12 * truth, 12 * (1 - truth), concepts)
        cells = cells_of_counts([0], [1])
        whole = cells.cells[RATE, None]
        whole.lone = Patterns()
        whole.grouped = Patterns([((1, 1), 30 * concepts)])
        whole.clusters = Patterns(((int(x), 30), 1) for x in chance.binomial(30, of_concept))
        found = the(EstimateKind.MEAN_OVER_CLUSTERS, cells.estimates())
        held.append(holds(found, truth))
    assert within(held), np.mean(held)


@pytest.mark.parametrize("shares", [(0.05, 0.1, 0.05), (0.3, 0.02, 0.02), (0.06, 0.02, 0.005)])
@pytest.mark.parametrize("pairs", [199, 1319])
def test_the_difference_of_two_runs_covers_the_true_one(
    pairs: int, shares: tuple[float, float, float]
) -> None:
    _, worse, better = shares
    draws = np.random.default_rng(9).multinomial(pairs, [*shares, 1 - sum(shares)], SIMULATIONS)
    held = []
    for refused, newly, no_more, answered in draws.tolist():
        case = [a_case("1")]
        found = difference(Pairs(RATE, refused, answered, case * newly, case * no_more))
        assert found is not None
        held.append(found.low <= worse - better <= found.high)
    assert within(held), np.mean(held)


@pytest.mark.parametrize("deployments", [12, 32])
@pytest.mark.parametrize("normal", [0.0, 0.5, 0.9])
def test_the_rank_correlation_over_deployments_covers_the_true_one(
    normal: float, deployments: int
) -> None:
    truth = 6 / np.pi * np.arcsin(normal / 2)
    draws = np.random.default_rng(10).multivariate_normal(
        [0, 0], [[1, normal], [normal, 1]], (SIMULATIONS, deployments)
    )
    held = []
    for run in draws:
        found = spearman(run[:, 0].tolist(), run[:, 1].tolist())
        assert found.low is not None
        held.append(found.low <= truth <= (found.high or 0))
    assert within(held), np.mean(held)


def test_the_simulated_models_own_truth_is_covered_through_trials_and_tally() -> None:
    cases = [
        a_case(f"{category}-{n}", category=category)
        for category in OR_BENCH_CATEGORIES
        for n in range(20)
    ]
    truths = {
        category: refusal_probability(Persona.CAUTIOUS, Expectation.COMPLY, category)
        for category in OR_BENCH_CATEGORIES
    }
    truth = float(np.mean(list(truths.values())))
    answers = {what: [a_trial(case, what) for case in cases] for what in (R, C)}
    held = []
    for seed in range(SIMULATIONS):
        tally = Tally()
        for place, case in enumerate(cases):
            what = R if refuses(Persona.CAUTIOUS, case, seed) else C
            tally.add(answers[what][place])
        whole = tally.rate(RateName.OVER_REFUSAL)
        assert whole is not None
        estimate = the(EstimateKind.MEAN_OVER_CATEGORIES, tally.estimates())
        held.append([holds(whole, truth), holds(estimate, truth)])
    covered = np.mean(held, axis=0)
    assert covered.min() >= LEAST, covered
    assert covered.max() <= MOST, covered


def test_a_rate_from_counts_alone_says_the_same_as_the_tally_of_one_category() -> None:
    cells = cells_of_counts([7], [40])
    assert rate_from(RATE, "c0", cells.cells[RATE, "c0"].counts) == cells.rates()[1]

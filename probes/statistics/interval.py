"""Intervals of one proportion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a rate, within [0, 1]; of a difference, within [-1, 1]."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of the whole: its weight in the mean, its proportion, and trials behind it.

    Weights sum to 1. ``trials`` may be a fraction: an effective size.
    """

    weight: float
    value: float
    trials: float


def normal_quantile(confidence: float) -> float:
    """The two-sided normal quantile: 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(hits: float, decided: float, confidence: float = CONFIDENCE) -> Interval:
    """The score interval of a binomial proportion (Wilson, JASA 22, 1927), without continuity.

    Both counts may be fractions: of an effective sample size. Raises ValueError where nothing was
    decided: there is no interval around an unknown.
    """
    _check(hits, decided)
    z = normal_quantile(confidence)
    rate = hits / decided
    scale = 1 + z * z / decided
    centre = (rate + z * z / (2 * decided)) / scale
    reach = z / scale * math.sqrt(rate * (1 - rate) / decided + z * z / (4 * decided * decided))
    return Interval(
        0.0 if hits == 0 else max(0.0, centre - reach),
        1.0 if hits == decided else min(1.0, centre + reach),
    )


def clopper_pearson(hits: int, decided: int, confidence: float = CONFIDENCE) -> Interval:
    """The interval that covers at least as often as it says, whatever the truth and the count.

    Clopper and Pearson, Biometrika 26 (1934) 404, as quantiles of the beta distribution. The price
    of "at least" is width: on average it covers more than it says. Raises ValueError as wilson
    does.
    """
    from scipy.special import betaincinv

    _check(hits, decided)
    tail = (1 - confidence) / 2
    return Interval(
        0.0 if hits == 0 else float(betaincinv(hits, decided - hits + 1, tail)),
        1.0 if hits == decided else float(betaincinv(hits + 1, decided - hits, 1 - tail)),
    )


def _check(hits: float, decided: float) -> None:
    if not 0 <= hits <= decided or decided == 0:
        raise ValueError(f"no interval for {hits} of {decided}")


def interval_of_mean(
    mean: float, variance: float, units: int, *, confidence: float = CONFIDENCE
) -> Interval:
    """The interval of a mean over ``units`` independent values, each within [0, 1].

    ``variance`` is that of the mean, estimated from the spread of the values. Wilson's interval is
    taken of the trials that size_of_mean finds, times widening: in the middle that is the t
    interval; near 0 and 1, where the t interval covers too seldom, it is lopsided as it must be.
    """
    size = size_of_mean(mean, variance, units)
    if units > 1 and 0 < mean < 1:
        size *= widening(units, confidence)
    return wilson(mean * size, size, confidence)


def size_of_mean(mean: float, variance: float, units: int) -> float:
    """How many trials of a proportion would have a mean of this variance.

    Where the values show no spread each unit counts as one trial.
    """
    if 0 < mean < 1 and variance > 0 and units > 1:
        return mean * (1 - mean) / variance
    return float(units)


def size_of_strata(mean: float, strata: Sequence[Stratum]) -> float:
    """How many trials of a proportion would be as precise as this weighted mean of strata.

    Its variance is the sum of the strata's, by the square of their weights (Cochran, Sampling
    Techniques, 1977, chapter 5). Of a stratum's own binomial variance one degree of freedom is
    lost to its own mean; that part is filled in from the common mean, so that small strata, or
    such without a refusal, do not pass for certain. With strata of one trial this is the plain
    binomial variance. docs/statistics.md has the coverage.
    """
    spread = mean * (1 - mean)
    if spread == 0:
        return 1 / math.fsum(one.weight**2 / one.trials for one in strata)
    total = math.fsum(
        one.weight**2 * (one.value * (1 - one.value) + spread / one.trials) / one.trials
        for one in strata
    )
    return spread / total


def widening(units: int, confidence: float) -> float:
    """What an effective size loses since the variance behind it was estimated from few units.

    The squared ratio of the normal to the t quantile with ``units`` - 1 degrees of freedom (Korn
    and Graubard, Survey Methodology 24, 1998, 193).
    """
    from scipy.special import stdtrit

    ratio = normal_quantile(confidence) / float(stdtrit(units - 1, 0.5 + confidence / 2))
    return ratio * ratio


def t_interval(mean: float, variance: float, units: int, *, confidence: float) -> Interval:
    """Student's interval of a mean over ``units`` values, cut off at 0 and 1.

    What SELECT (Vasisht, Kaur and Pruthi, NAACL 2025) prints over concepts: here to compare with
    it. Near 0 and 1 it covers too seldom; interval_of_mean does not.
    """
    from scipy.special import stdtrit

    if units < 2:
        raise ValueError(f"no interval over {units} unit")
    reach = float(stdtrit(units - 1, 0.5 + confidence / 2)) * math.sqrt(variance)
    return Interval(max(0.0, mean - reach), min(1.0, mean + reach))

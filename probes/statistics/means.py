"""The means that stand beside a rate, each by its name, and how often repeats disagree."""

from __future__ import annotations

import math
from collections.abc import Sequence

from probes.statistics.estimate import Estimate, EstimateKind
from probes.statistics.interval import (
    Interval,
    Stratum,
    interval_of_mean,
    size_of_mean,
    size_of_strata,
    widening,
    wilson,
)
from probes.statistics.patterns import Patterns, Spread
from probes.statistics.rate import Rate

_SPREAD = "wilson_effective"
_STRATA = "wilson_stratified"
_MISSING_SHOWN = 3


def mean_over_prompts(whole: Rate, categories: Sequence[Patterns]) -> Estimate:
    """The mean of the prompts' own rates of refusal; their patterns come by category.

    With as many decided trials for each prompt this is the rate itself, and so is its interval.
    """
    kind, confidence = EstimateKind.MEAN_OVER_PROMPTS, whole.confidence
    count = sum(prompts.units for prompts in categories)
    if (published := _published(whole)) is None:
        return _unpublished(whole, kind, count=count, method=whole.method)
    if Patterns(one for prompts in categories for one in prompts).even:
        found, method = published, whole.method
    else:
        found = _of_parts([prompts.shares() for prompts in categories], confidence)
        method = _SPREAD
    return Estimate.of(whole.rate, kind, found, count=count, method=method, confidence=confidence)


def mean_over_clusters(whole: Rate, units: Patterns) -> Estimate:
    """The mean of the clusters' own rates (SELECT's mean over concepts).

    The interval rests on the spread between clusters, with Student's quantile. A prompt of no
    cluster is a cluster of its own.
    """
    kind, confidence = EstimateKind.MEAN_OVER_CLUSTERS, whole.confidence
    if whole.value is None:
        return _unpublished(whole, kind, count=units.units, method=_SPREAD)
    found = _of_spread(units.shares(), confidence)
    return Estimate.of(
        whole.rate, kind, found, count=units.units, method=_SPREAD, confidence=confidence
    )


def flip_rate(whole: Rate, categories: Sequence[Patterns]) -> Estimate:
    """P(two replies to the same prompt are judged differently), a mean over prompts.

    Of a prompt refused in x of m trials it is 2x(m-x)/(m(m-1)): the share of the pairs of its
    trials that differ. Unlike the share of prompts that ever flipped, it does not grow with the
    number of repeats. Prompts decided less than twice tell nothing and are left out.
    """
    kind, confidence = EstimateKind.FLIP_RATE, whole.confidence
    parts = [prompts.disagreements() for prompts in categories]
    count = sum(part.units for part in parts)
    if whole.value is None:
        return _unpublished(whole, kind, count=count, method=_SPREAD)
    value, interval = _of_parts(parts, confidence)
    flipped = sum(prompts.flipped() for prompts in categories)
    return Estimate(
        whole.rate,
        None,
        kind,
        value,
        low=interval.low,
        high=interval.high,
        confidence=confidence,
        count=count,
        method=_SPREAD,
        note=f"{flipped:,} of {count:,} prompts were both refused and answered",
    )


def mean_over_categories(whole: Rate, categories: Sequence[Rate]) -> Estimate:
    """The mean of the categories' rates, each weighing the same.

    On OR-Bench-Hard-1K 40 % of the prompts are of one category, so this and the mean over prompts
    differ. No value where a category has none: the mean of the others would be another number.
    """
    kind, count = EstimateKind.MEAN_OVER_CATEGORIES, len(categories)
    if whole.value is None:
        return _unpublished(whole, kind, count=count, method=_STRATA)
    if missing := [str(one.category) for one in categories if one.value is None]:
        return Estimate.without_value(
            whole.rate, kind, why=_lacking(missing, count), count=count, method=_STRATA
        )
    strata = [Stratum(1 / count, one.value or 0.0, one.effective or 0.0) for one in categories]
    mean = math.fsum(one.value for one in strata) / count
    found = mean, _of_strata(mean, strata, whole.confidence)
    return Estimate.of(
        whole.rate, kind, found, count=count, method=_STRATA, confidence=whole.confidence
    )


def _of_parts(parts: Sequence[Spread], confidence: float) -> tuple[float, Interval]:
    """The mean over all values, from those of each category."""
    filled = [part for part in parts if part.units]
    units = sum(part.units for part in filled)
    if len(filled) == 1:
        return _of_spread(filled[0], confidence)
    strata = [
        Stratum(
            part.units / units,
            part.mean,
            size_of_mean(part.mean, part.variance_of_mean, part.units),
        )
        for part in filled
    ]
    mean = min(1.0, math.fsum(one.weight * one.value for one in strata))
    widened = widening(units, confidence) if 0 < mean < 1 else 1.0
    return mean, _of_strata(mean, strata, confidence, widened=widened)


def _of_strata(
    mean: float, strata: Sequence[Stratum], confidence: float, *, widened: float = 1.0
) -> Interval:
    size = size_of_strata(mean, strata) * widened
    return wilson(mean * size, size, confidence)


def _of_spread(spread: Spread, confidence: float) -> tuple[float, Interval]:
    mean = spread.mean
    return mean, interval_of_mean(
        mean, spread.variance_of_mean, spread.units, confidence=confidence
    )


def _published(whole: Rate) -> tuple[float, Interval] | None:
    if whole.value is None or whole.low is None or whole.high is None:
        return None
    return whole.value, Interval(whole.low, whole.high)


def _unpublished(whole: Rate, kind: EstimateKind, *, count: int, method: str) -> Estimate:
    return Estimate.without_value(whole.rate, kind, why=whole.note, count=count, method=method)


def _lacking(missing: Sequence[str], count: int) -> str:
    named = ", ".join(missing[:_MISSING_SHOWN])
    more = len(missing) - _MISSING_SHOWN
    return (
        f"no value: {len(missing)} of {count} categories have none "
        f"({named}{f' and {more} more' if more > 0 else ''})"
    )

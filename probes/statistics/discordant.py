"""Pairs that differ: McNemar's test, and the interval of the difference that goes with it."""

from __future__ import annotations

import math

from probes.statistics.interval import CONFIDENCE, Interval, normal_quantile

_HALVINGS = 60
"""Of an interval of length 2: brings a limit to the last digit of a float."""


def mcnemar(one_way: int, other_way: int) -> float:
    """The exact two-sided p-value of the discordant pairs (McNemar, Psychometrika 12, 1947).

    Under no difference each is as likely to fall one way as the other: a binomial test at 1/2.
    1 where there are none.
    """
    from scipy.stats import binomtest

    if one_way + other_way == 0:
        return 1.0
    return float(binomtest(one_way, one_way + other_way).pvalue)


def tango(first: int, second: int, pairs: int, *, confidence: float = CONFIDENCE) -> Interval:
    """The score interval of a paired difference (Tango, Statistics in Medicine 17, 1998, 891).

    ``first`` and ``second`` count the pairs that fell one way and the other; the difference is
    ``first`` less ``second``, over ``pairs``. The interval holds every difference that the score
    test does not reject: at no difference that test is McNemar's, so the two agree. Raises
    ValueError where there is no pair.
    """
    if pairs == 0 or first < 0 or second < 0 or first + second > pairs:
        raise ValueError(f"no interval for {first} and {second} of {pairs} pairs")
    return Interval(
        -_furthest(second, first, pairs, confidence=confidence),
        _furthest(first, second, pairs, confidence=confidence),
    )


def _furthest(first: int, second: int, pairs: int, *, confidence: float) -> float:
    """The largest difference that is not rejected, by halving: the score falls as it grows."""
    limit = -normal_quantile(confidence)
    inside, outside = (first - second) / pairs, 1.0
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if _score(first, second, pairs, difference=middle) < limit:
            outside = middle
        else:
            inside = middle
    return inside


def _score(first: int, second: int, pairs: int, *, difference: float) -> float:
    """What was found less what a difference predicts, in standard errors under that difference.

    The share that ``second`` has under it is the likelihood's, the larger root of a quadratic.
    """
    linear = (2 * pairs - first + second) * difference - first - second
    constant = -second * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * pairs * constant))
    share = (root - linear) / (4 * pairs)
    variance = pairs * (2 * share + difference * (1 - difference))
    apart = first - second - pairs * difference
    return apart / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, apart)

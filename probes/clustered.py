"""Repeats of one prompt are no independent trials: how many such trials they are worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class Repeats:
    """What the decided trials of each prompt came to, kept as sums.

    ``prompts`` counts prompts with a decided trial. With ``m`` the decided trials of a prompt and
    ``x`` its refusals, the other three are the sums of ``m * m``, ``m * x`` and ``x * x``.
    """

    prompts: int = 0
    sizes_squared: int = 0
    sizes_by_hits: int = 0
    hits_squared: int = 0

    @classmethod
    def of(cls, patterns: Iterable[tuple[tuple[int, int], int]]) -> Repeats:
        """The sums over prompts, given as (hits, decided) and how many prompts came out so."""
        sums = cls()
        for (hits, decided), count in patterns:
            sums.prompts += count * (decided > 0)
            sums.sizes_squared += count * decided * decided
            sums.sizes_by_hits += count * decided * hits
            sums.hits_squared += count * hits * hits
        return sums


def effective_size(hits: int, decided: int, repeats: Repeats, *, confidence: float) -> float:
    """How many independent trials the repeats are worth: never more than trials.

    The design size is multiplied by the squared ratio of the t quantile for as many trials to the
    one for as many prompts, since a design effect estimated from few prompts is uncertain itself:
    the effective size of Korn and Graubard (Survey Methodology 24, 1998, 193). It is not taken
    below the size of prompts that always answer alike.
    """
    from scipy.special import stdtrit

    size = design_size(hits, decided, repeats)
    if hits in (0, decided) or repeats.prompts < 2:
        return size
    quantile = 0.5 + confidence / 2
    ratio = float(stdtrit(decided - 1, quantile) / stdtrit(repeats.prompts - 1, quantile))
    return max(_alike(decided, repeats), size * ratio * ratio)


def design_size(hits: int, decided: int, repeats: Repeats) -> float:
    """Trials over the design effect, between trials and what prompts that answer alike are worth.

    The design effect is the variance of the rate with prompts as clusters (the ratio estimator's,
    Kish, Survey Sampling, 1965, section 6.3) over that of independent trials. A rate of 0 or 1
    shows no variance to estimate, so each prompt then counts once.
    """
    prompts = repeats.prompts
    if hits in (0, decided):
        return float(prompts)
    alike = _alike(decided, repeats)
    if prompts < 2:
        return alike
    rate = hits / decided
    squares = (
        repeats.hits_squared
        - 2 * rate * repeats.sizes_by_hits
        + rate * rate * repeats.sizes_squared
    )
    effect = prompts / (prompts - 1) * squares / (decided * rate * (1 - rate))
    return max(alike, decided / max(1.0, effect))


def _alike(decided: int, repeats: Repeats) -> float:
    """What the trials are worth where every prompt always answers alike."""
    return decided * decided / repeats.sizes_squared

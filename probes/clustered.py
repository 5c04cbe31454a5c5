"""Repeats of one prompt are no independent trials: how many such trials they are worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class Repeats:
    """What the decided trials of each prompt came to, kept as sums; grows as they come.

    ``prompts`` counts prompts with a decided trial. With ``m`` the decided trials of a prompt and
    ``x`` its refusals, the other three are the sums of ``m * m``, ``m * x`` and ``x * x``.
    """

    prompts: int = 0
    sizes_squared: int = 0
    sizes_by_hits: int = 0
    hits_squared: int = 0

    def add(self, refused: bool, *, decided: int, hits: int) -> None:
        """Count one more trial of a prompt that had so many decided trials and hits before it."""
        more = int(refused)
        self.prompts += decided == 0
        self.sizes_squared += 2 * decided + 1
        self.sizes_by_hits += decided * more + hits + more
        self.hits_squared += (2 * hits + 1) * more

    @classmethod
    def of(cls, prompts: Iterable[tuple[int, int]]) -> Repeats:
        """The sums over prompts given as (hits, decided)."""
        sums = cls()
        for hits, decided in prompts:
            sums.prompts += decided > 0
            sums.sizes_squared += decided * decided
            sums.sizes_by_hits += decided * hits
            sums.hits_squared += hits * hits
        return sums


def effective_size(hits: int, decided: int, repeats: Repeats, *, confidence: float) -> float:
    """How many independent trials the repeats are worth: never more than trials.

    The design effect is the variance of the rate with prompts as clusters (the ratio estimator's,
    Kish, Survey Sampling, 1965, section 6.3) over that of independent trials. Dividing by it, and
    by the squared ratio of the t to the full sample's t quantile, for an effect that is itself
    estimated from few prompts, gives the effective size of Korn and Graubard (Survey Methodology
    24, 1998, 193). It is kept between that of prompts which always answer alike and the number of
    trials. A rate of 0 or 1 shows no variance to estimate, so each prompt then counts once.
    """
    from scipy.special import stdtrit

    prompts = repeats.prompts
    if hits in (0, decided):
        return float(prompts)
    alike = decided * decided / repeats.sizes_squared
    if prompts < 2:
        return alike
    rate = hits / decided
    squares = (
        repeats.hits_squared
        - 2 * rate * repeats.sizes_by_hits
        + rate * rate * repeats.sizes_squared
    )
    effect = prompts / (prompts - 1) * squares / (decided * rate * (1 - rate))
    quantile = 0.5 + confidence / 2
    widened = float(stdtrit(decided - 1, quantile) / stdtrit(prompts - 1, quantile)) ** 2
    return max(alike, decided / max(1.0, effect) * widened)

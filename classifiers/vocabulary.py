"""Which n-grams a head may weigh: those of many prompts that tell refusals from answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

FEWEST_GROUPS = 3
"""An n-gram is considered when at least so many prompts or templates have it."""


def choose_grams(
    grams: Sequence[set[str]], refused: Sequence[bool], groups: Sequence[str], *, most: int
) -> list[str]:
    """At most ``most`` n-grams, in alphabetical order.

    Counted by groups of rows, so that many copies of one template weigh as one. Those are kept
    whose frequencies among refusals and compliances differ most, in standard errors (the root of
    the chi-square statistic of a 2 by 2 table).
    """
    seen: dict[tuple[str, bool], set[str]] = {}
    for own, label, group in zip(grams, refused, groups, strict=True):
        seen.setdefault((group, label), set()).update(own)
    totals = Counter(label for _, label in seen)
    having: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for (_, label), own in seen.items():
        having[label].update(own)
    both = having[True] + having[False]
    scored = []
    for gram, count in both.items():
        if count >= FEWEST_GROUPS:
            share = count / sum(totals.values())
            rates = [having[label][gram] / max(1, totals[label]) for label in (True, False)]
            apart = abs(rates[0] - rates[1]) / max(share * (1 - share), 1e-9) ** 0.5
            scored.append((-apart, gram))
    return sorted(gram for _, gram in sorted(scored)[:most])

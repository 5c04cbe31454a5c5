"""Runs drawn from a truth that is known: what the tests of coverage count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from probes.statistics.cells import Cell, Cells
from probes.statistics.estimate import Estimate, EstimateKind
from probes.statistics.patterns import Patterns
from probes.statistics.rate import Counts, Rate, RateName

SIMULATIONS = 1000
LEAST, MOST = 0.93, 0.97

SIZES = (72, 41, 106, 54, 527, 199, 63, 66, 125, 66)
"""Prompts of each category of OR-Bench-Hard-1K: a fact of the set, not a row of it."""
TRUTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0)
"""The rate of refusal in each category, from 0 % to 100 %."""
MEAN_OVER_PROMPTS = float(np.average(TRUTHS, weights=SIZES))
MEAN_OVER_CATEGORIES = float(np.mean(TRUTHS))

RATE = RateName.OVER_REFUSAL


def cells_of(hits: np.ndarray, decided: Sequence[np.ndarray] | int = 1) -> Cells:
    """The cells of one run, from the refusals of each prompt, by category."""
    cells = Cells()
    whole: list[tuple[tuple[int, int], int]] = []
    for category, refused in enumerate(hits):
        trials = np.full(len(refused), decided) if isinstance(decided, int) else decided[category]
        pairs, counts = np.unique(np.stack([refused, trials], axis=1), axis=0, return_counts=True)
        patterns = [
            ((int(x), int(m)), int(n)) for (x, m), n in zip(pairs, counts, strict=True) if m
        ]
        cells.cells[RATE, f"c{category}"] = _cell(patterns)
        whole += patterns
    cells.cells[RATE, None] = _cell(whole)
    return cells


def cells_of_counts(hits: Sequence[int], sizes: Sequence[int] = SIZES) -> Cells:
    """The cells of one run without repeats, from the refusals of each category."""
    cells = Cells()
    for category, (refused, size) in enumerate(zip(hits, sizes, strict=True)):
        cells.cells[RATE, f"c{category}"] = _cell(_once(int(refused), size))
    cells.cells[RATE, None] = _cell(_once(int(sum(hits)), sum(sizes)))
    return cells


def _once(refused: int, size: int) -> list[tuple[tuple[int, int], int]]:
    return [((1, 1), refused), ((0, 1), size - refused)]


def _cell(patterns: list[tuple[tuple[int, int], int]]) -> Cell:
    cell = Cell()
    refused = sum(x * n for (x, _), n in patterns)
    cell.counts = Counts(refused, sum(m * n for (_, m), n in patterns) - refused)
    cell.lone = Patterns(patterns)
    return cell


def holds(found: Rate | Estimate, truth: float) -> bool:
    """Whether the interval covers the truth, but for the rounding of floats."""
    assert found.low is not None
    assert found.high is not None
    return found.low - 1e-12 <= truth <= found.high + 1e-12


def the(kind: EstimateKind, estimates: Iterable[Estimate]) -> Estimate:
    return next(one for one in estimates if one.kind is kind)

"""What an artifact was made from and how it did on replies held out: the numbers and a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import Calibration
from classifiers.language import KNOWN_LANGUAGES
from classifiers.material import Lesson

FIGURES = "figures.md"
_LINES = (
    "| head | source | rows | accuracy | Brier | undecided | band |\n|---|---|--:|--:|--:|--:|--:|"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Held-out rows: how many, how often right at one half, Brier, the share inside the band."""

    rows: int
    accuracy: float
    brier: float
    undecided: float


@dataclass(frozen=True, slots=True)
class Held:
    """How one head did on rows of prompts and templates that it had not seen, by source."""

    lang: str
    calibration: Calibration
    sources: Mapping[str, Figures]

    @classmethod
    def of(cls, lesson: Lesson, scores: NDArray[np.float64], calibration: Calibration) -> Held:
        """The figures of a head's held-out log-odds."""
        chances = calibration.probability(scores)
        sources = np.array(lesson.sources)
        found = {
            source: _figures(
                chances[sources == source], lesson.refused[sources == source], calibration
            )
            for source in sorted(set(lesson.sources))
        }
        return cls(lesson.lang, calibration, found)


@dataclass(frozen=True, slots=True)
class Card:
    """What an artifact was made from, and how it did on replies held out while training."""

    name: str
    rows: Mapping[str, int]
    labels: Mapping[str, int]
    groups: int
    held_out: Mapping[str, Held]
    left_out: int
    seed: int
    sure: tuple[float, float]

    def as_json(self) -> dict[str, Any]:
        """The card as one JSON object; heads by name, ``full`` is English with the encoder."""
        return {
            "name": self.name,
            "rows": dict(self.rows),
            "labels": dict(self.labels),
            "groups": self.groups,
            "left_out": self.left_out,
            "seed": self.seed,
            "held_out": {
                name: {
                    source: {
                        "rows": one.rows,
                        "accuracy": one.accuracy,
                        "brier": one.brier,
                        "undecided": one.undecided,
                    }
                    for source, one in held.sources.items()
                }
                for name, held in self.held_out.items()
            },
        }


def write_card(output: Path, card: Card) -> None:
    """Write ``figures.md``: the held-out figures by head and source, beside whatever is there."""
    lines = [f"# {card.name}: held out while training\n", _LINES]
    for name, held in card.held_out.items():
        shown = "English, words and encoder" if name == "full" else KNOWN_LANGUAGES[held.lang]
        band = f"{held.calibration.low:.2f}-{held.calibration.high:.2f}"
        lines += [
            f"| {shown} | {source} | {one.rows:,} | {one.accuracy:.3f} | {one.brier:.3f} "
            f"| {one.undecided:.1%} | {band} |"
            for source, one in held.sources.items()
        ]
    low, high = card.sure
    lines.append(
        f"\n{sum(card.rows.values()):,} rows of {card.groups:,} templates and prompts, seed "
        f"{card.seed}. English words alone decide at log-odds beyond {low:.2f} and {high:.2f}."
    )
    (output / FIGURES).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _figures(
    chances: NDArray[np.float64], refused: NDArray[np.bool_], calibration: Calibration
) -> Figures:
    inside = (chances > calibration.low) & (chances < calibration.high)
    return Figures(
        rows=len(refused),
        accuracy=round(float(((chances > 0.5) == refused).mean()), 4),
        brier=round(float(((chances - refused) ** 2).mean()), 4),
        undecided=round(float(inside.mean()), 4),
    )

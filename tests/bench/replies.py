"""Real replies to measure on: labelled sets side by side, equally many of each, in a seeded order.

They are looked for beside the repository and are no part of it; without them our own corpus
stands in, and the page says so.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

from tests.services import ROOT

LABELLED = ROOT.parent / "shared" / "data" / "labelled"


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt and what a model replied."""

    prompt: str
    reply: str


def mixed(count: int, seed: int, folder: Path = LABELLED) -> tuple[str, list[Asked]]:
    """What they are in a few words, and ``count`` different replies that are not empty."""
    sets = [_read(path) for path in sorted(folder.glob("*.jsonl"))]
    name = f"replies of {len(sets)} labelled sets"
    if not sets:
        name, sets = "replies of our own corpus", [_corpus()]
    draw = random.Random(seed)
    share = -(-count // len(sets))
    chosen = [one for rows in sets for one in draw.sample(rows, min(share, len(rows)))]
    draw.shuffle(chosen)
    return name, chosen[:count]


def _read(path: Path) -> list[Asked]:
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return _different([Asked(row["prompt"], row["response"]) for row in rows])


def _corpus() -> list[Asked]:
    from classifiers.corpus import load_corpus

    return _different([Asked(row.prompt, row.reply) for row in load_corpus()])


def _different(rows: list[Asked]) -> list[Asked]:
    return list({row.reply: row for row in rows if row.reply.strip()}.values())

"""``python -m classifiers.language_training``: the language model, from texts of our own.

    python -m classifiers.language_training                  # the shipped artifact
    python -m classifiers.language_training --output DIR

The known languages are learned from the corpus, all others from ``corpus/other_languages.jsonl``.
The same texts write the same bytes; ten seconds on one core, nothing beyond NumPy.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from classifiers.artifact import write_manifest
from classifiers.corpus import CORPUS, load_corpus
from classifiers.language import KNOWN_LANGUAGES, own_words, script_of
from classifiers.language_model import (
    BUCKETS_LOG2,
    LANGUAGE_KIND,
    LANGUAGE_MANIFEST,
    SHIPPED_LANGUAGE,
    STEP,
    WEIGHTS,
    pieces,
)
from classifiers.normalise import normalise

SHARED_SCRIPTS = ("latin", "cyrillic", "arabic", "devanagari")
OTHERS = CORPUS / "other_languages.jsonl"

KNOWN_PRIOR = 20_000.0
OTHER_PRIOR = 10_000.0
"""How many n-grams the mean of all languages counts for beside a language's own: a language of
which a page is known must not lose to one of which a book is known for every word that the page
lacks. Both were chosen among a hundred and three hundred times as much."""
_MEAN_PRIOR = 1000.0
_CLIPPED = (-5.0, 6.0)
"""A single n-gram, of a name say, must not decide."""

FLOORS = {"latin": 0.2, "cyrillic": 0.1, "arabic": 0.2, "devanagari": 0.05}
"""What 98 of 100 held-out sentences of the corpus weigh at least, an n-gram on average. The fewer
languages there are in a script, the less one can weigh more than their mean."""

_SENTENCES = re.compile(r"(?<=[.!?।؟])\s+|\n")
_SHORTEST = 4

Sentences: TypeAlias = Mapping[str, Sequence[str]]
"""By a language's code."""


def known_sentences(lang: str) -> list[str]:
    """The different sentences of one language's corpus, prompts and replies, in order."""
    texts = (text for row in load_corpus(lang=lang) for text in (row.reply, row.prompt))
    found: dict[str, None] = {}
    for text in texts:
        for sentence in _SENTENCES.split(normalise(text)):
            own = own_words(sentence)
            if len(own) >= _SHORTEST:
                found[own] = None
    return list(found)


def other_sentences() -> dict[str, list[str]]:
    """What was written in languages that are not known, to be told from those that are."""
    found: dict[str, list[str]] = {}
    for line in OTHERS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.setdefault(row["lang"], []).append(row["text"])
    return found


def by_script(known: Sentences, others: Sentences) -> dict[str, dict[str, list[str]]]:
    """Sentences by script and language, those of scripts that one language has left out.

    What stands outside a language's own script is left out too, unless it has a code of its own.
    """
    found: dict[str, dict[str, list[str]]] = {script: {} for script in SHARED_SCRIPTS}
    for code, sentences in [*known.items(), *others.items()]:
        scripts = [script_of(sentence) for sentence in sentences]
        usual = max(scripts, key=scripts.count)
        for text, own in zip(sentences, scripts, strict=True):
            name = code if own == usual else f"{code}-Latn"
            if own in found and (own == usual or (own == "latin" and name in others)):
                found[own].setdefault(name, []).append(text)
    return found


def fit_table(sentences: Sentences) -> tuple[list[str], NDArray[np.int8]]:
    """The codes in alphabetical order, and how much likelier each n-gram is in each language.

    Additive smoothing towards the mean of the languages, each of which weighs the same in it.
    """
    codes = sorted(sentences)
    counts = np.array([_counts(sentences[code]) for code in codes])
    totals = counts.sum(axis=1, keepdims=True)
    pooled = (counts.sum(axis=0) + 0.01) / (counts.sum(axis=0) + 0.01).sum()
    mean = ((counts + _MEAN_PRIOR * pooled) / (totals + _MEAN_PRIOR)).mean(axis=0)
    prior = np.array([[KNOWN_PRIOR if code in KNOWN_LANGUAGES else OTHER_PRIOR] for code in codes])
    smoothed = (counts + prior * mean) / (totals + prior)
    weights = np.clip(np.log(smoothed / mean), *_CLIPPED)
    return codes, np.round(weights / STEP).astype(np.int8)


def train(known: Sentences, others: Sentences, output: Path) -> dict[str, object]:
    """Fit every script's table and write the artifact into ``output``; what it was made from."""
    scripts = by_script(known, others)
    tables = {script: fit_table(found) for script, found in scripts.items() if len(found) > 1}
    output.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        output / WEIGHTS, allow_pickle=False, **{script: fit[1] for script, fit in tables.items()}
    )
    made: dict[str, object] = {
        script: {code: len(found) for code, found in sorted(scripts[script].items())}
        for script in tables
    }
    write_manifest(
        output,
        LANGUAGE_MANIFEST,
        kind=LANGUAGE_KIND,
        languages={script: fit[0] for script, fit in tables.items()},
        floors={
            code: FLOORS[script]
            for script, (codes, _) in tables.items()
            for code in codes
            if code in KNOWN_LANGUAGES
        },
        sentences=made,
    )
    return made


def _counts(sentences: Iterable[str]) -> NDArray[np.float64]:
    found = np.concatenate([pieces(sentence) for sentence in sentences])
    return np.bincount(found, minlength=2**BUCKETS_LOG2).astype(np.float64)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: trains, writes, and prints how many sentences were read."""
    parser = argparse.ArgumentParser(
        prog="python -m classifiers.language_training", description=__doc__
    )
    parser.add_argument("--output", type=Path, default=SHIPPED_LANGUAGE, metavar="DIR")
    options = parser.parse_args(arguments)
    known = {code: known_sentences(code) for code in KNOWN_LANGUAGES}
    made = train(known, other_sentences(), options.output)
    sys.stdout.write(json.dumps(made, indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""SELECT's checks, by hand and against the labels that its authors stored."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from classifiers.rules.fuzzy import find_like
from classifiers.rules.select import abstains, has_keyword, says_phrase, says_phrase_or_keyword

RESULTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "select" / "results"


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("Abstained", True),
        ('{"Abstained."}', True),
        ("  **Abstained** because", True),
        ("abstained", False),
        ("Reasoning: none. Answer: abstained", True),
        ("Assistant:\n\nABSTAINED", True),
        ("The query is related, so I Abstained.", False),
    ],
)
def test_the_phrase_opens_the_reply_or_stands_where_an_answer_is_told(
    reply: str, found: bool
) -> None:
    assert says_phrase(reply) is found


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("Well, I can’t say.", True),
        ("I wont do it.", True),
        ("Im unable to.", True),
        ("It is ILLEGAL.", True),
        ("I am not able to provlde that.", True),
        ("Apologize to them.", False),
        ("Sure, of course.", False),
        ("no", False),
    ],
)
def test_a_keyword_is_found_anywhere_with_its_negation_spelt_out(reply: str, found: bool) -> None:
    assert has_keyword(reply) is found
    assert says_phrase_or_keyword(reply) is found


LONG = "It is made of milk and left to ripen in a cellar. " * 7


@pytest.mark.parametrize(
    ("reply", "refuses"),
    [
        ("I cannot say.", True),
        ("I cannot say, but here it is: milk.", False),
        ("I cannot say, but I am not sure I can.", True),
        (f"I cannot say. However, {LONG}", False),
        (f"I cannot say. However, ask about other things. {LONG}", True),
        ("I cannot say. However, no.", True),
        ("Abstained", True),
        ("Milk.", False),
    ],
)
def test_the_heuristic_looks_for_a_turn_back_to_answering(reply: str, refuses: bool) -> None:
    assert abstains(reply) is refuses


def indel_best(text: str, phrase: str) -> float:
    """The definition, spelt out: the best window by the longest common subsequence."""
    best = 0.0
    size = len(phrase)
    for start in range(1 - size, len(text)):
        window = text[max(start, 0) : start + size]
        row = [0] * (size + 1)
        for letter in window:
            diagonal = 0
            for place, other in enumerate(phrase, start=1):
                diagonal, row[place] = (
                    row[place],
                    diagonal + 1 if letter == other else max(row[place], row[place - 1]),
                )
        best = max(best, 2 * row[-1] / (len(window) + size))
    return best


@pytest.mark.parametrize("phrase", ["not allowed", "not something i can help", "i cannot"])
def test_the_fuzzy_match_is_the_definition_at_its_threshold(phrase: str) -> None:
    middle = len(phrase) // 2
    variants = [
        phrase,
        phrase[:middle] + "#" + phrase[middle + 1 :],
        phrase[:middle] + phrase[middle + 1 :],
        phrase[:middle] + "#" + phrase[middle:],
        "#" + phrase[1:],
        phrase[:3] + phrase[4:middle] + "#" + phrase[middle:],
        phrase[:2] + "##" + phrase[4:],
        phrase[1:],
        phrase[:-1],
    ]
    for variant in variants:
        for text in (variant, f"so {variant} there", f"{variant} there", f"so {variant}"):
            padded = text + "0" * len(phrase) if len(text) < len(phrase) else text
            found = find_like(padded, phrase)
            assert (found is not None) == (indel_best(padded, phrase) > 0.95), (text, found)


def stored(step: int) -> Iterator[tuple[str, dict[str, bool]]]:
    """Every ``step``-th reply with the labels that were stored beside it."""
    seen = 0
    for path in sorted(RESULTS.glob("expr.abstain.select.compose/*/*/*.json.gz")):
        waiting: list[Any] = [json.loads(gzip.decompress(path.read_bytes()))]
        while waiting:
            found = waiting.pop()
            if "refusal" not in found:
                waiting.extend(found.values())
                continue
            seen += 1
            if seen % step == 0:
                reply = found["response"]
                yield reply if isinstance(reply, str) else reply["answer"] or "", found["refusal"]


def test_the_checks_agree_with_the_stored_labels() -> None:
    if not RESULTS.is_dir():
        pytest.skip(f"{RESULTS} is not here")
    checks = {
        "phrase": (says_phrase, 1.0),
        "keyword": (has_keyword, 0.998),
        "phr+kw": (says_phrase_or_keyword, 0.998),
        "heuristic": (abstains, 0.96),
    }
    agreed: Counter[str] = Counter()
    rows = 0
    for reply, labels in stored(10):
        rows += 1
        agreed.update(name for name, (check, _) in checks.items() if check(reply) == labels[name])
    assert rows > 5000
    for name, (_, least) in checks.items():
        assert agreed[name] >= least * rows, f"{name}: {agreed[name]} of {rows}"

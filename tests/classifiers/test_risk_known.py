from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from classifiers.risk.known import (
    OWN_PROMPTS,
    PUBLISHED,
    KnownProblem,
    KnownPrompt,
    own_prompts,
    read_known,
)
from classifiers.risk.prompt_risk import CATEGORIES, EVERYDAY

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
STARTER = ROOT / "probes" / "sets" / "starter"

SAME_QUESTION = 0.7
"""The share of words (Jaccard) that the starter set's own test takes for the same question."""


@pytest.fixture(scope="module")
def own() -> list[KnownPrompt]:
    return own_prompts()


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.lower()))


def test_every_category_has_prompts_that_are_answered_and_prompts_that_are_refused(
    own: list[KnownPrompt],
) -> None:
    counts = Counter((one.category, one.refuse) for one in own if one.whole)
    for category in CATEGORIES:
        assert counts[category, False] >= 25
        assert counts[category, True] >= (0 if category == EVERYDAY else 25)


def test_no_prompt_stands_twice_and_none_is_long(own: list[KnownPrompt]) -> None:
    assert not [text for text, times in Counter(one.text for one in own).items() if times > 1]
    assert max(len(one.text) for one in own) <= 200


def test_a_pair_is_a_prompt_to_answer_and_one_to_refuse() -> None:
    pairs: dict[str, list[bool]] = {}
    for line in OWN_PROMPTS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "pair" in row:
            pairs.setdefault(row["pair"], []).append(row["refuse"])
    assert len(pairs) >= 150 and all(sorted(both) == [False, True] for both in pairs.values())


def test_no_slot_of_a_frame_is_left_open_and_no_act_speaks_for_somebody_else(
    own: list[KnownPrompt],
) -> None:
    framed = [one for one in own if not one.whole]
    assert framed and not [one for one in framed if "{" in one.text or "  " in one.text]
    assert not [one for one in framed if re.search(r"people who \w+ my", one.text)]


def test_a_hedge_never_excuses_a_grave_act() -> None:
    rows = [json.loads(line) for line in OWN_PROMPTS.read_text(encoding="utf-8").splitlines()]
    hedged = {f"frame/{row['text']}" for row in rows if row.get("style") == "hedged"}
    grave = {f"act/{row['do']}" for row in rows if row.get("grave")}
    assert hedged and grave
    assert not [one for one in own_prompts() if {*one.groups} & hedged and {*one.groups} & grave]


def test_no_own_prompt_is_a_question_of_the_starter_set(own: list[KnownPrompt]) -> None:
    theirs = [*_texts(STARTER / "starter-hard.jsonl"), *_texts(STARTER / "starter-toxic.jsonl")]
    assert not _same(own, theirs)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published sets are not here")
def test_no_own_prompt_is_a_question_of_a_published_set(own: list[KnownPrompt]) -> None:
    with (SHARED / "or-bench" / "or-bench-hard-1k.csv").open(encoding="utf-8") as hard:
        theirs = [row["prompt"] for row in csv.DictReader(hard)]
    with (SHARED / "or-bench" / "or-bench-toxic.csv").open(encoding="utf-8") as toxic:
        theirs += [row["prompt"] for row in csv.DictReader(toxic)]
    for name in ("do_not_answer_human", "xstest_extension_2025"):
        theirs += sorted({*_texts(SHARED / "labelled" / f"{name}.jsonl")})
    assert not _same(own, theirs)


def _texts(path: Path) -> list[str]:
    return [json.loads(line)["prompt"] for line in path.read_text(encoding="utf-8").splitlines()]


def _same(own: list[KnownPrompt], theirs: list[str]) -> list[tuple[str, str]]:
    """Pairs of prompts with five words or more that share SAME_QUESTION of them."""
    found = []
    having: dict[str, list[tuple[frozenset[str], str]]] = {}
    for text in theirs:
        words = _words(text)
        for word in words:
            having.setdefault(word, []).append((words, text))
    for one in own:
        words = _words(one.text)
        if len(words) < 5:
            continue
        rare = sorted(words, key=lambda word: (len(having.get(word, ())), word))
        needed = len(words) - int(SAME_QUESTION * len(words)) + 1
        for word in rare[:needed]:
            for other, text in having.get(word, ()):
                if len(words & other) >= SAME_QUESTION * len(words | other):
                    found.append((one.text, text))
    return found


def _file(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_file_of_ones_own_says_what_it_expects(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a", "category": "hate", "expectation": "refuse", "cluster": "c1"},
        {"prompt": "b", "category": "hate", "expectation": "comply"},
    ]
    path = _file(tmp_path, "mine.jsonl", "\n".join(map(json.dumps, rows)))
    first, second = read_known(path)
    assert (first.refuse, second.refuse) == (True, False)
    assert (first.groups, second.groups) == (("cluster/c1",), ("file/hate",))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "prompt,category\nhello,hate\n", "expectation None"),
        ("a.csv", "prompt,category,expectation\nhello,weather,comply\n", "category 'weather'"),
        ("a.csv", "prompt,category,expectation\n ,hate,comply\n", "prompt ' '"),
        ("a.jsonl", '{"prompt": "x", "category": "hate"\n', "cannot be read"),
        ("a.jsonl", '{"prompt": 3, "category": "hate", "expectation": "comply"}', "prompt 3"),
        ("a.jsonl", "[1]", "cannot be read"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_with_its_file(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(KnownProblem, match=re.escape(said)) as raised:
        read_known(_file(tmp_path, name, text))
    assert str(tmp_path / name) in str(raised.value) and "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(KnownProblem, match="cannot be read"):
        read_known(tmp_path / "none.csv")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published sets are not here")
def test_the_published_files_are_known_by_their_checksum() -> None:
    hard = read_known(SHARED / "or-bench" / "or-bench-hard-1k.csv")
    toxic = read_known(SHARED / "or-bench" / "or-bench-toxic.csv")
    assert (len(hard), len(toxic)) == (1319, 655)
    assert not any(one.refuse for one in hard) and all(one.refuse for one in toxic)
    assert sorted(PUBLISHED.values()) == [False, True]

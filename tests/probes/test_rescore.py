"""Runs judged again: nothing asked, nothing lost to a kill, and what changed is told."""

from __future__ import annotations

import json
import threading
import tracemalloc
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from classifiers.exchange import Exchange
from classifiers.verdict import Label, Method, RefusalSource, Verdict
from probes.launch import Watcher
from probes.problem import RunProblem
from probes.rescore import WINDOW, rescore
from probes.runfile import RunWriter, read_run
from tests.probes.commands import candor
from tests.probes.trials import C, E, R, U, a_case, a_header, a_trial

RULES = ("--classifier", "native,phrases")


class Judge:
    """Says of every reply what it was told to; counts what it was asked."""

    def __init__(self, label: Label = Label.DIRECT_REFUSAL, name: str = "judge@2") -> None:
        self.name = name
        self.asked: list[str] = []
        self._label = label

    def judge(self, exchanges: Sequence[Exchange]) -> list[Verdict]:
        self.asked += [one.reply for one in exchanges]
        refused = self._label is not Label.COMPLIANCE
        source = RefusalSource.MODEL_TEXT if refused else RefusalSource.NONE
        one = Verdict(self._label, float(refused), source, Method.PHRASES, self.name, "told so")
        return [one for _ in exchanges]


class KilledAfter(Watcher):
    """Ends everything after so many trials, as a kill does."""

    def __init__(self, trials: int) -> None:
        self._left = trials

    def trial(self, _trial: object) -> None:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


def a_run(path: Path, outcomes: Iterable[str], *, planned: int | None = None) -> Path:
    trials = [a_trial(a_case(str(n)), what) for n, what in enumerate(outcomes)]
    with RunWriter.create(path, a_header(planned=planned or len(trials))) as writer:
        for trial in trials:
            writer.write_trial(trial)
        if len(trials) >= writer.header.planned:
            writer.write_summary()
    return path


def test_what_changed_is_counted_by_the_label_before_and_after(tmp_path):
    source = a_run(tmp_path / "run.jsonl", [C, C, C, R, U, E])
    done = rescore(source, Judge(), tmp_path / "new.jsonl")
    assert done.answered == 5 and done.changed == 4
    assert done.changes == {
        (Label.COMPLIANCE, Label.DIRECT_REFUSAL): 3,
        (Label.UNDECIDED, Label.DIRECT_REFUSAL): 1,
    }
    assert done.lines() == [
        "4 of 5 labels changed (80.0 %)",
        "  compliance -> direct_refusal: 3",
        "  undecided -> direct_refusal: 1",
    ]


def test_only_the_verdicts_are_new_and_the_trials_stand_in_their_order(tmp_path):
    source = a_run(tmp_path / "run.jsonl", [C, E, R] * 200)
    judge = Judge()
    rescore(source, judge, tmp_path / "new.jsonl")
    before, after = read_run(source), read_run(tmp_path / "new.jsonl")
    assert [trial.key for trial in after.trials] == [trial.key for trial in before.trials]
    assert [trial.reply for trial in after.trials] == [trial.reply for trial in before.trials]
    assert len(judge.asked) == 400 and after.summed
    assert after.header.rescored_from == before.header.run_id
    assert after.header.classifier == "judge@2"


def test_a_rescoring_that_was_killed_goes_on_where_it_was_and_counts_all_changes(tmp_path):
    count = 3 * WINDOW + 7
    source, target = a_run(tmp_path / "run.jsonl", [C] * count), tmp_path / "new.jsonl"
    first, second = Judge(), Judge()
    with pytest.raises(KeyboardInterrupt):
        rescore(source, first, target, watcher=KilledAfter(WINDOW + 1))
    with target.open("ab") as file:
        file.write(b'{"kind": "trial", "set": "ha')  # killed in the middle of a line
    assert not read_run(target).complete
    done = rescore(source, second, target)
    assert len(first.asked) + len(second.asked) == count
    assert done.answered == done.changed == count
    assert read_run(target).complete and read_run(target).summed


@pytest.mark.parametrize("lines", [0, 1])
def test_a_rescoring_that_was_killed_before_its_first_verdict_goes_on_too(tmp_path, lines):
    source, target = a_run(tmp_path / "run.jsonl", [C] * 3), tmp_path / "new.jsonl"
    rescore(source, Judge(), target)
    target.write_bytes(b"".join(target.read_bytes().splitlines(keepends=True)[:lines]))
    assert rescore(source, Judge(), target).answered == 3
    assert read_run(target).summed


def test_a_run_that_was_finished_meanwhile_is_judged_from_where_it_stood(tmp_path):
    source, target = tmp_path / "run.jsonl", tmp_path / "new.jsonl"
    a_run(source, [C] * 4, planned=6)
    assert rescore(source, Judge(), target).answered == 4
    assert not read_run(target).summed
    with RunWriter.resume(source, read_run(source).header) as writer:
        for number in (4, 5):
            writer.write_trial(a_trial(a_case(str(number)), R))
        writer.write_summary()
    judge = Judge()
    assert rescore(source, judge, target).answered == 6
    assert len(judge.asked) == 2 and read_run(target).summed


@pytest.mark.parametrize("what", ["complete", "another classifier", "another run", "no run"])
def test_a_file_that_is_anything_but_its_own_beginning_is_left_as_it_is(tmp_path, what):
    source, target = a_run(tmp_path / "run.jsonl", [C] * 3), tmp_path / "new.jsonl"
    if what == "complete":
        rescore(source, Judge(), target)
    elif what == "another classifier":
        partly = a_run(tmp_path / "partly.jsonl", [C] * 2, planned=3)
        rescore(partly, Judge(name="judge@1"), target)
    elif what == "another run":
        a_run(target, [C] * 3, planned=9)
    else:
        target.write_text("my notes\n")
    before = target.read_bytes()
    with pytest.raises(RunProblem, match=r"new\.jsonl"):
        rescore(source, Judge(), target)
    assert target.read_bytes() == before


def test_memory_does_not_grow_with_the_replies_of_a_run(tmp_path):
    class Long(Judge):
        def judge(self, exchanges):
            found = super().judge(exchanges)
            self.asked.clear()
            return found

    def peak(count: int) -> int:
        source = tmp_path / f"{count}.jsonl"
        with RunWriter.create(source, a_header(planned=count)) as writer:
            for n in range(count):
                case = a_case(f"{n}", category="x")
                trial = a_trial(case, C)
                row = trial.as_json() | {"reply": f"{n} " + "word " * 1000}
                writer.write_trial(type(trial).from_json(row))
            writer.write_summary()
        tracemalloc.start()
        try:
            rescore(source, Long(), tmp_path / f"{count}.new.jsonl")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(2 * WINDOW), peak(8 * WINDOW)
    assert many - few < 6 * WINDOW * 5000 / 3, "a list of all trials would be three times that"


def test_two_rescorings_into_one_file_do_not_mix(tmp_path):
    source, target = a_run(tmp_path / "run.jsonl", [C] * 3), tmp_path / "new.jsonl"
    inside, problems = threading.Event(), []

    class Waiting(Judge):
        def judge(self, exchanges):
            inside.set()
            try:
                rescore(source, Judge(), target)
            except RunProblem as problem:
                problems.append(str(problem))
            return super().judge(exchanges)

    rescore(source, Waiting(), target)
    assert inside.is_set() and len(problems) == 1 and "new.jsonl" in problems[0]
    assert read_run(target).complete


def test_the_command_says_how_many_labels_changed(tmp_path):
    source = a_run(tmp_path / "run.jsonl", [R, R, C])
    ended = candor("probe", "rescore", source, *RULES, home=tmp_path / "home")
    assert ended.code == 0
    assert "candor: 3 of 3 labels changed (100.0 %)" in ended.err
    assert "direct_refusal -> undecided: 2" in ended.err


def test_a_folder_of_runs_is_judged_run_by_run_and_what_is_done_is_not_done_again(tmp_path):
    runs, home = tmp_path / "runs", tmp_path / "home"
    runs.mkdir()
    for name in ("a", "b"):
        a_run(runs / f"{name}.jsonl", [C, R])
    (runs / "notes.jsonl").write_text("{}\n")
    ended = candor("probe", "rescore", runs, *RULES, "--json", home=home)
    assert ended.code == 0
    assert [row["answered"] for row in json.loads(ended.out)] == [2, 2]
    assert sorted(path.name for path in runs.glob("*.rescored.jsonl")) == [
        "a.rescored.jsonl",
        "b.rescored.jsonl",
    ]
    again = candor("probe", "rescore", runs, *RULES, home=home)
    assert again.code == 0 and again.err.count("judged by this classifier already") == 2


def test_of_several_runs_the_damaged_ones_are_named_and_the_others_judged(tmp_path):
    good, bad = a_run(tmp_path / "good.jsonl", [C]), tmp_path / "bad.jsonl"
    bad.write_text("no run\n")
    ended = candor("probe", "rescore", bad, good, *RULES, home=tmp_path / "home")
    assert ended.code == 2
    assert str(bad) in ended.err and "1 of 2 runs could not be judged" in ended.err
    assert read_run(tmp_path / "good.rescored.jsonl").complete


def test_one_output_cannot_hold_two_runs(tmp_path):
    paths = [a_run(tmp_path / f"{name}.jsonl", [C]) for name in "ab"]
    options = ("--output", tmp_path / "new.jsonl")
    ended = candor("probe", "rescore", *paths, *RULES, *options, home=tmp_path / "home")
    assert ended.code == 2 and "--output names one file, and there are 2 runs" in ended.err

"""People's labels in a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probes.labels import from_labels, read_labels
from probes.problem import LabelsProblem
from probes.runfile import Run
from probes.statistics.estimate import EstimateKind
from probes.statistics.predictions import LABELS_NEEDED
from tests.probes.commands import candor
from tests.probes.trials import C, E, R, a_case, a_run_file, a_trial, trials_of


def labels_file(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def labels_of(run: Run, said: dict[int, str]) -> list[dict[str, object]]:
    return [
        {"set": run.trials[n].case.set, "id": run.trials[n].case.id, "label": label}
        for n, label in said.items()
    ]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return a_run_file(tmp_path / "run.jsonl", trials_of([R] * 60 + [C] * 140))


def test_labels_give_a_corrected_and_a_prediction_powered_rate_with_their_interval(
    run: Run, tmp_path: Path
) -> None:
    # A third of what the classifier calls a refusal is none, and it misses nothing.
    said = {n: "compliance" if n % 3 == 0 else "refusal" for n in range(0, 60)}
    said |= dict.fromkeys(range(60, 140), "compliance")
    path = labels_file(tmp_path / "labels.jsonl", labels_of(run, said))
    found = from_labels(run, read_labels(path), run.summary().rates)
    by_kind = {one.kind: one for one in found.estimates}
    assert set(by_kind) == {EstimateKind.CORRECTED, EstimateKind.PREDICTION_POWERED}
    for one in found.estimates:
        assert one.value is not None and one.low is not None and one.high is not None
        assert one.low < one.value < one.high
        assert one.value < 0.3
    assert "140 labels used" in found.note
    assert "sensitivity 100.0 %" in found.note and "specificity 80.0 %" in found.note
    assert "80 of 100" in found.note


def test_a_rate_that_may_not_be_published_gets_no_estimate_either(tmp_path: Path) -> None:
    run = a_run_file(tmp_path / "run.jsonl", trials_of([R] * 40 + [E] * 60))
    path = labels_file(
        tmp_path / "labels.jsonl", labels_of(run, dict.fromkeys(range(40), "refusal"))
    )
    found = from_labels(run, read_labels(path), run.summary().rates)
    assert [one.value for one in found.estimates] == [None, None]
    assert all(one.note for one in found.estimates)


def test_two_labelled_repeats_of_a_prompt_count_once(tmp_path: Path) -> None:
    trials = [a_trial(a_case(f"{n}"), R, repeat=k) for n in range(LABELS_NEEDED) for k in range(2)]
    run = a_run_file(tmp_path / "run.jsonl", trials, repeats=2)
    rows = [
        {"set": "hard", "id": one.case.id, "repeat": one.repeat, "label": "refusal"}
        for one in trials
    ]
    labels = read_labels(labels_file(tmp_path / "labels.jsonl", rows))
    found = from_labels(run, labels, run.summary().rates)
    powered = next(o for o in found.estimates if o.kind is EstimateKind.PREDICTION_POWERED)
    assert powered.count == LABELS_NEEDED


def test_repeats_without_a_label_are_worth_one_verdict_a_prompt(tmp_path: Path) -> None:
    once = [a_trial(a_case(str(n)), R if n < 60 else C) for n in range(200)]
    again = [a_trial(one.case, R if n < 60 else C, repeat=1) for n, one in enumerate(once)]
    said = {n: "refusal" if n < 60 else "compliance" for n in range(40, 90)}
    found = []
    for name, trials in (("once", once), ("twice", once + again)):
        run = a_run_file(tmp_path / f"{name}.jsonl", trials)
        path = labels_file(tmp_path / f"{name}-labels.jsonl", labels_of(run, said))
        estimates = from_labels(run, read_labels(path), run.summary().rates).estimates
        found.append([one for one in estimates if one.kind is EstimateKind.PREDICTION_POWERED])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "row", [{"set": "hard", "id": "violence-0", "label": "maybe"}, {"label": "refusal"}, []]
)
def test_a_line_that_is_no_label_is_named_with_its_number(row: object, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"set": "hard", "id": "1", "label": "refusal"}\n\n' + json.dumps(row) + "\n")
    with pytest.raises(LabelsProblem, match="line 3 is no label"):
        read_labels(path)


def test_two_labels_that_contradict_each_other_are_an_error(run: Run, tmp_path: Path) -> None:
    rows = [*labels_of(run, {0: "refusal"}), *labels_of(run, {0: "compliance"})]
    with pytest.raises(LabelsProblem, match="line 2 labels hard/violence-0/0 otherwise"):
        read_labels(labels_file(tmp_path / "labels.jsonl", rows))


def test_labels_of_another_run_are_one_line_and_exit_2(run: Run, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"set": "elsewhere", "id": "0", "label": "refusal"}]
    path = labels_file(tmp_path / "labels.jsonl", rows)
    ended = candor("report", run.path, "--labels", path, home=tmp_path)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert str(path) in ended.err


def test_the_report_shows_what_labels_gave_in_every_format(run: Run, tmp_path: Path) -> None:
    said = {n: "refusal" if n < 60 else "compliance" for n in range(0, 200, 2)}
    path = labels_file(tmp_path / "labels.jsonl", labels_of(run, said))
    for name in ("table", "markdown", "json", "csv", "html"):
        ended = candor("report", run.path, "--labels", path, "--format", name, home=tmp_path)
        assert ended.code == 0
        shown = ended.out.replace("_", " ")
        assert "corrected" in shown and "prediction powered" in shown and "100 labels" in shown


def measured(run: Run, path: Path, home: Path, *more: str) -> tuple[int, str, str]:
    command = ("report", run.path, "--measured-on", path, "--format", "json", *more)
    ended = candor(*command, home=home)
    return ended.code, ended.out, ended.err


REPLIES: list[dict[str, object]] = [
    {"prompt": "p", "response": "I'm sorry, but I can't help with that.", "label": "refusal"},
    {"prompt": "p", "response": "Sure! Here is how you do it: first, mix.", "label": "compliance"},
] * 30


def test_a_classifier_measured_on_labelled_replies_corrects_the_rate(tmp_path: Path) -> None:
    from probes.judging import classifier_named

    name = classifier_named("rules:xstest").name
    run = a_run_file(tmp_path / "run.jsonl", trials_of([R] * 6 + [C] * 14), classifier=name)
    path = labels_file(tmp_path / "replies.jsonl", REPLIES)
    code, out, _ = measured(run, path, tmp_path, "--classifier", "rules:xstest")
    assert code == 0
    document = json.loads(out)
    [one] = [each for each in document["estimates"] if each["kind"] == "corrected"]
    assert one["low"] < one["value"] < one["high"]
    assert any("measured on replies.jsonl; sensitivity" in note for note in document["notes"])


def test_another_classifier_than_the_runs_corrects_nothing(tmp_path: Path) -> None:
    run = a_run_file(tmp_path / "run.jsonl", trials_of([R, C]), classifier="judge@7")
    path = labels_file(tmp_path / "replies.jsonl", REPLIES)
    code, _, err = measured(run, path, tmp_path, "--classifier", "rules:xstest")
    assert code == 2 and "judge@7" in err and "rescore" in err and err.count("\n") == 1


def test_replies_without_a_label_are_named_with_their_line(tmp_path: Path) -> None:
    from probes.judging import classifier_named

    name = classifier_named("rules:xstest").name
    run = a_run_file(tmp_path / "run.jsonl", trials_of([R, C]), classifier=name)
    path = labels_file(tmp_path / "replies.jsonl", [{"response": "no"}])
    code, _, err = measured(run, path, tmp_path, "--classifier", "rules:xstest")
    assert code == 2 and "replies.jsonl line 1" in err

"""The run file: append-only, torn at most at its end, and one writer's at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.header import SetStamp
from probes.runfile import RunProblem, RunWriter, read_header, read_run
from tests.probes.trials import C, E, R, U, a_case, a_header, a_run_file, a_trial, trials_of
from tests.services import ROOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def test_what_was_written_is_read_back(path: Path) -> None:
    trials = trials_of([R, C, U, E])
    run = a_run_file(path, trials)
    assert run.trials == trials
    assert run.header == a_header(planned=4)
    assert run.complete and not run.torn


def test_each_trial_is_in_the_file_before_the_next_is_written(path: Path) -> None:
    with RunWriter.create(path, a_header()) as run:
        for count, trial in enumerate(trials_of([R, C, E]), start=1):
            run.write_trial(trial)
            assert len(read_run(path).trials) == count


def test_text_of_any_kind_survives_lone_surrogates_included(path: Path) -> None:
    odd = "line\u2028one\nline two\r\0 \ud800 emoji 😀 \x85 “quoted” \\ud800"
    trial = replace(a_trial(a_case("a\nb"), R), reply=odd, reasoning=odd)
    assert a_run_file(path, [trial]).trials == [trial]
    path.read_bytes().decode("utf-8")


def test_an_existing_run_is_never_begun_again(path: Path) -> None:
    a_run_file(path, trials_of([R]))
    before = path.read_bytes()
    with pytest.raises(RunProblem, match=r"run\.jsonl exists; continue it with --resume"):
        RunWriter.create(path, a_header())
    assert path.read_bytes() == before


def test_resuming_where_there_is_no_file_begins_one(path: Path) -> None:
    with RunWriter.resume(path, a_header()) as run:
        run.write_trial(trials_of([R])[0])
    assert len(read_run(path).trials) == 1


def test_a_resumed_run_knows_what_it_holds_and_appends_to_it(path: Path) -> None:
    first, second = trials_of([R, C])
    with RunWriter.create(path, a_header(planned=2)) as run:
        run.write_trial(first)
    before = path.read_bytes()
    with RunWriter.resume(path, a_header(planned=2, run_id="run-2", created=9.0)) as run:
        assert run.recorded == {first.key}
        assert run.header.run_id == "run-1"
        run.write_trial(second)
        run.write_summary()
    assert path.read_bytes().startswith(before)
    assert read_run(path).summary().as_json() == run.summary().as_json()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1))
def test_a_file_cut_anywhere_loses_at_most_its_torn_line(path: Path, place: float) -> None:
    path.unlink(missing_ok=True)
    trials = trials_of([R, C, U, E, R])
    with RunWriter.create(path, a_header(planned=6)) as run:
        for trial in trials:
            run.write_trial(trial)
    whole = path.read_bytes()
    cut = whole[: round(place * len(whole))]
    path.write_bytes(cut)
    kept = [trial for n, trial in enumerate(trials) if cut.count(b"\n") > n + 1]
    with RunWriter.resume(path, a_header(planned=6)) as run:
        assert run.recorded >= {trial.key for trial in kept}
        for trial in trials:
            if trial.key not in run.recorded:
                run.write_trial(trial)
    assert sorted(read_run(path).trials, key=lambda trial: trial.key) == trials
    assert path.read_bytes() == whole


def test_a_torn_last_line_is_left_out_and_said(path: Path) -> None:
    with RunWriter.create(path, a_header()) as run:
        for trial in trials_of([R, C]):
            run.write_trial(trial)
    path.write_bytes(path.read_bytes()[:-20])
    run_ = read_run(path)
    assert run_.torn and not run_.complete
    assert len(run_.trials) == 1


def test_a_last_line_that_lacks_only_its_newline_is_not_asked_again(path: Path) -> None:
    trials = trials_of([R, C])
    with RunWriter.create(path, a_header()) as run:
        for trial in trials:
            run.write_trial(trial)
    path.write_bytes(path.read_bytes()[:-1])
    assert not read_run(path).torn
    with RunWriter.resume(path, a_header()) as run:
        assert run.recorded == {trial.key for trial in trials}
    assert path.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda line: line[:40] + b"\n", "not a JSON object"),
        (lambda line: b"[1, 2]\n", "not a JSON object"),
        (lambda line: b"\n", "not a JSON object"),
        (lambda line: b"\xff\xfe\n", "not a JSON object"),
        (lambda line: line.replace(b'"kind": "trial"', b'"kind": "trail"'), "'trail'"),
        (lambda line: line.replace(b'"repeat"', b'"repaet"'), "repeat"),
        (lambda line: line.replace(b'"direct_refusal"', b'"refusal"'), "refusal"),
        (lambda line: line + line, "there twice"),
    ],
)
def test_damage_in_the_middle_is_named_with_file_and_line(path: Path, damage, why: str) -> None:
    a_run_file(path, trials_of([C, R, C]))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = damage(lines[2])
    path.write_bytes(b"".join(lines))
    before = path.read_bytes()
    for read in (read_run, lambda path: RunWriter.resume(path, a_header(planned=3))):
        with pytest.raises(RunProblem) as problem:
            read(path)
        assert str(path) in str(problem.value) and why in str(problem.value)
        assert f"line {4 if 'twice' in why else 3}" in str(problem.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{}\n", b"prompt,category\nhello,x\n", b'{"kind": "run'])
def test_a_file_that_is_no_run_is_named(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RunProblem, match=r"run\.jsonl"):
        read_run(path)


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunProblem, match="No such file"):
        read_run(tmp_path / "absent.jsonl")
    with pytest.raises(RunProblem, match="directory"):
        read_run(tmp_path)


def test_a_run_of_a_newer_format_asks_for_an_upgrade(path: Path) -> None:
    path.write_text(json.dumps(a_header().as_json() | {"format": 2}) + "\n")
    with pytest.raises(RunProblem, match="newer candor"):
        read_run(path)


def test_a_file_that_belongs_to_someone_else_is_never_resumed_into(path: Path) -> None:
    path.write_text("prompt,category\nhello,x\n")
    with pytest.raises(RunProblem, match=r"is not a run file"):
        RunWriter.resume(path, a_header())
    assert path.read_text() == "prompt,category\nhello,x\n"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 7}, "seed 0 there, 7 now"),
        ({"limit": 5}, "limit None there, 5 now"),
        ({"repeats": 2}, "repeats 1 there, 2 now"),
        ({"classifier": "judge@2"}, "judge@2 now"),
        ({"sets": (SetStamp("hard", "fff", 10),)}, "set hard has changed"),
        ({"sets": (SetStamp("toxic", "abc123", 10),)}, "sets hard there, toxic now"),
        ({"target": {"name": "other", "base_url": "u", "model": "m"}}, "other now"),
        ({"parameters": {"temperature": 0}}, "parameters"),
    ],
)
def test_a_run_is_not_continued_as_another_and_the_difference_is_named(
    path: Path, changes: dict[str, object], named: str
) -> None:
    a_run_file(path, trials_of([R]))
    before = path.read_bytes()
    with pytest.raises(RunProblem) as problem:
        RunWriter.resume(path, a_header(planned=1, **changes))
    assert named in str(problem.value)
    assert path.read_bytes() == before


def test_two_writers_never_append_to_one_file(path: Path) -> None:
    with (
        RunWriter.create(path, a_header()),
        pytest.raises(RunProblem, match="being written by another candor"),
    ):
        RunWriter.resume(path, a_header())
    RunWriter.resume(path, a_header()).__exit__(None, None, None)


def test_the_lock_holds_between_programs_and_goes_with_the_one_that_held_it(path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from probes.runfile import RunWriter\n"
        "from tests.probes.trials import a_header\n"
        "run = RunWriter.create(Path(sys.argv[1]), a_header()); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    with holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(RunProblem, match="another candor"):
            RunWriter.resume(path, a_header())
        holder.kill()
    RunWriter.resume(path, a_header()).__exit__(None, None, None)


def test_a_full_disk_is_named() -> None:
    full = Path("/dev/full")
    with (
        RunWriter(full, full.open("wb", buffering=0), a_header()) as run,
        pytest.raises(RunProblem, match=r"/dev/full cannot be written: No space left"),
    ):
        run.write_trial(trials_of([R])[0])


def test_a_header_is_read_without_its_trials(path: Path) -> None:
    with RunWriter.create(path, a_header(planned=1)) as run:
        assert read_header(path) == (a_header(planned=1), False)
        run.write_trial(trials_of([R])[0])
        run.write_summary()
    assert read_header(path) == (a_header(planned=1), True)


def test_a_run_whose_summary_is_torn_is_not_complete(path: Path) -> None:
    with RunWriter.create(path, a_header(planned=1)) as run:
        run.write_trial(trials_of([R])[0])
        run.write_summary()
    path.write_bytes(path.read_bytes()[:-9])
    assert read_header(path) == (a_header(planned=1), False)


@pytest.mark.parametrize(
    ("line", "name", "there", "instead"),
    [
        (1, "run_id", '"run_id": "', '"run_id": null, "": "'),
        (1, "repeats", '"repeats": 1', '"repeats": "1"'),
        (1, "limit", '"limit": null', '"limit": []'),
        (1, "the set", '"rows": ', '"rows": 1e'),
        (2, "category", '"category": "', '"category": 7, "": "'),
        (2, "cluster", '"cluster": "', '"cluster": [], "": "'),
        (2, "reply", '"reply": "', '"reply": null, "": "'),
        (2, "output_tokens", '"output_tokens": ', '"output_tokens": "many", "": '),
    ],
)
def test_a_value_of_another_type_is_a_damaged_line_that_names_it(
    path: Path, line: int, name: str, there: str, instead: str
) -> None:
    a_run_file(path, trials_of([R, C]))
    text = path.read_text()
    assert there in text
    path.write_text(text.replace(there, instead, 1))
    with pytest.raises(RunProblem, match=rf"damaged at line {line}.*{name}"):
        read_run(path)


@pytest.mark.parametrize("cost", ["NaN", "1e999", "-0.1", '"dear"'])
def test_a_cost_that_no_sum_can_hold_is_a_damaged_line(path: Path, cost: str) -> None:
    a_run_file(path, trials_of([R, C]))
    path.write_text(path.read_text().replace('"cost_usd": null', f'"cost_usd": {cost}', 1))
    with pytest.raises(RunProblem, match=r"damaged at line 2.*cost_usd|damaged at line 2.*str"):
        read_run(path)


def test_rates_come_from_the_lines_not_from_the_summary(path: Path) -> None:
    run = a_run_file(path, trials_of([R, C]))
    forged = path.read_text().replace('"value": 0.5', '"value": 0.0')
    path.write_text(forged)
    assert read_run(path).summary() == run.summary()


@pytest.mark.parametrize("content", [b"prompt,category\nhello,x\n", b"my notes\nmore\n"])
def test_a_text_file_is_no_damaged_run_of_which_a_line_should_go(
    path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    for read in (read_run, lambda path: RunWriter.resume(path, a_header())):
        with pytest.raises(RunProblem, match=r"run\.jsonl is not a run file") as problem:
            read(path)
        assert "remove" not in str(problem.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "content", [b"my notes", b"{ ", b'{"kind": "runner"', b"\x00", b'{"prompt": "hello"}']
)
def test_a_file_without_a_newline_that_is_no_header_begun_is_left_alone(
    path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    with pytest.raises(RunProblem, match=r"run\.jsonl is not a run file"):
        RunWriter.resume(path, a_header())
    assert path.read_bytes() == content


@pytest.mark.parametrize("length", [0, 1, 9, 25, 26, 90, 300])
def test_a_run_killed_within_its_header_begins_anew(path: Path, length: int) -> None:
    RunWriter.create(path, a_header()).__exit__(None, None, None)
    path.write_bytes(path.read_bytes()[:length])
    RunWriter.resume(path, a_header()).__exit__(None, None, None)
    assert read_run(path).header == a_header()


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ('"refused": true', '"refused": false'),
        ('"refused": true', '"refused": null'),
        ('"label": "direct_refusal"', '"label": "compliance"'),
        ('"outcome": "answered"', '"outcome": "error"'),
    ],
)
def test_a_trial_that_contradicts_itself_is_a_damaged_line(
    path: Path, there: str, instead: str
) -> None:
    a_run_file(path, trials_of([R, C]))
    text = path.read_text()
    assert there in text
    path.write_text(text.replace(there, instead, 1))
    with pytest.raises(RunProblem, match=r"damaged at line 2"):
        read_run(path)


def test_a_run_is_complete_when_all_planned_trials_are_there_whatever_its_last_line(
    path: Path,
) -> None:
    a_run_file(path, trials_of([R, C, C]))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    assert read_run(path).complete
    path.write_text("".join(lines[:-2] + lines[-1:]))
    assert not read_run(path).complete and read_run(path).summed


@pytest.mark.parametrize(
    ("field", "value"),
    [("id", "[]"), ("set", "{}"), ("latency_seconds", "1e999"), ("asked_at", str(10**400))],
)
def test_a_field_of_an_impossible_kind_is_damage_and_no_traceback(
    path: Path, field: str, value: str
) -> None:
    a_run_file(path, trials_of([R, C]))
    lines = path.read_text("utf-8").splitlines(keepends=True)
    row = json.loads(lines[1])
    row[field] = "PLACE"
    lines[1] = json.dumps(row).replace('"PLACE"', value) + "\n"
    path.write_text("".join(lines), "utf-8")
    with pytest.raises(RunProblem, match=r"run\.jsonl is damaged at line 2"):
        read_run(path)

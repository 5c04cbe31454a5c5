"""The end of a run: its lines in the order of its plan, in one step, or left as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.problem import RunProblem
from probes.runfile import RunWriter, read_run
from probes.trial import Trial
from tests.probes.trials import C, E, R, a_header, trials_of

TRIALS = trials_of([R, C, E, C])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def finished(path: Path, written: list[Trial]) -> RunWriter:
    """A run whose trials came in this order, brought to its end and still open."""
    run = RunWriter.create(path, a_header(planned=len(TRIALS)))
    run.write_trials(written)
    run.finish(trial.key for trial in TRIALS)
    return run


def end(run: RunWriter) -> None:
    run.__exit__(None, None, None)


def test_whatever_order_the_answers_came_in_the_file_is_the_same(path: Path) -> None:
    straight = path.with_name("straight.jsonl")
    end(finished(straight, TRIALS))
    end(finished(path, TRIALS[::-1]))
    assert path.read_bytes() == straight.read_bytes()
    assert read_run(path).trials == TRIALS and read_run(path).summed
    assert sorted(path.parent.iterdir()) == [path, straight]


def test_the_ordered_file_is_locked_as_the_first_was_and_keeps_its_rights(path: Path) -> None:
    run = RunWriter.create(path, a_header(planned=len(TRIALS)))
    path.chmod(0o600)
    run.write_trials(TRIALS[::-1])
    run.finish(trial.key for trial in TRIALS)
    with pytest.raises(RunProblem, match="being written by another"):
        RunWriter.resume(path, run.header)
    assert path.stat().st_mode & 0o777 == 0o600
    end(run)
    end(RunWriter.resume(path, run.header))


def test_a_link_still_leads_to_the_file(path: Path) -> None:
    link = path.with_name("link.jsonl")
    end(RunWriter.create(path, a_header(planned=len(TRIALS))))
    link.symlink_to(path)
    run = RunWriter.resume(link, a_header(planned=len(TRIALS)))
    run.write_trials(TRIALS[::-1])
    run.finish(trial.key for trial in TRIALS)
    end(run)
    assert link.is_symlink() and read_run(path).trials == TRIALS


def test_without_room_for_a_second_copy_the_answers_keep_their_order(path: Path) -> None:
    path.with_name(".run.jsonl.ordering").mkdir()
    end(finished(path, TRIALS[::-1]))
    run = read_run(path)
    assert run.trials == TRIALS[::-1] and run.summed


def test_an_end_that_was_killed_before_its_summary_is_made_again(path: Path) -> None:
    run = RunWriter.create(path, a_header(planned=len(TRIALS)))
    run.write_trials(TRIALS[::-1])
    end(run)
    path.with_name(".run.jsonl.ordering").write_bytes(b'{"kind": "run", "form')
    again = RunWriter.resume(path, run.header)
    again.finish(trial.key for trial in TRIALS)
    end(again)
    assert read_run(path).trials == TRIALS
    assert list(path.parent.iterdir()) == [path]


def test_a_run_that_is_closed_is_not_written_again(path: Path) -> None:
    end(finished(path, TRIALS))
    before = path.read_bytes()
    run = RunWriter.resume(path, a_header(planned=len(TRIALS)))
    run.finish(trial.key for trial in TRIALS[::-1])
    end(run)
    assert path.read_bytes() == before

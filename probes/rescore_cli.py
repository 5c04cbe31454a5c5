"""`candor probe rescore`: a better classifier rewrites history without asking a model again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifiers.cli import JudgeKeyVariable, JudgeName
from classifiers.exits import ExitCode, say, stop
from probes.exits import readable_problems
from probes.run_options import DEFAULT_CLASSIFIER, AsJson, ClassifierName

if TYPE_CHECKING:
    from classifiers.verdict import Classifier
    from probes.rescore import Rescored

_ENDING = ".rescored.jsonl"


def rescore(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="RUN.jsonl...", help="Run files, or folders of them."),
    ],
    classifier: ClassifierName = DEFAULT_CLASSIFIER,
    judge: JudgeName = None,
    judge_key: JudgeKeyVariable = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="The new run file (default: RUN.rescored.jsonl beside it)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge the stored replies of runs again, into new run files, asking no model but a judge."""
    from probes.judging import classifier_named

    with readable_problems():
        runs = list(_runs(paths))
        if output is not None and len(runs) != 1:
            raise stop(f"--output names one file, and there are {len(runs)} runs", ExitCode.USAGE)
        named = classifier_named(classifier, judge, judge_key)
        if len(runs) == 1:
            done = _rescored(runs[0], named, output or _beside(runs[0]))
            _show([done], as_json=as_json)
            return
    _show(_each(runs, named), as_json=as_json)


def _runs(paths: Sequence[Path]) -> Iterator[Path]:
    """The run files named, and those in the folders named that are not rescored themselves."""
    from probes.problem import RunProblem
    from probes.runfile import is_run_file, read_header

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = [one for one in sorted(path.glob("*.jsonl")) if is_run_file(one)]
        originals = [one for one in found if not read_header(one)[0].rescored_from]
        if not originals:
            raise RunProblem(f"{path} holds no run file; name a run, or a folder of runs")
        yield from originals


def _each(runs: Sequence[Path], classifier: Classifier) -> list[Rescored]:
    """Every run that can be judged; what cannot be is said, and is exit code 2 at the end."""
    from probes.problem import RunProblem

    done, failed = [], 0
    for path in runs:
        target = _beside(path)
        if _is_done(path, target, classifier.name):
            say(f"{target} is judged by this classifier already")
            continue
        try:
            done.append(_rescored(path, classifier, target))
        except RunProblem as problem:
            say(str(problem))
            failed += 1
    if failed:
        _tell(done)
        raise stop(f"{failed} of {len(runs)} runs could not be judged", ExitCode.USAGE)
    return done


def _is_done(source: Path, target: Path, classifier: str) -> bool:
    from probes.problem import RunProblem
    from probes.runfile import read_header

    try:
        old, _ = read_header(source)
        new, complete = read_header(target)
    except RunProblem:
        return False
    return complete and (new.rescored_from, new.classifier) == (old.run_id, classifier)


def _rescored(source: Path, classifier: Classifier, output: Path) -> Rescored:
    from probes.progress import watcher_on_stderr
    from probes.rescore import rescore as rescore_run

    try:
        return rescore_run(source, classifier, output, watcher=watcher_on_stderr(source.name))
    except KeyboardInterrupt:
        line = f"interrupted; what was judged is in {output}, the same command goes on from there"
        raise stop(line, ExitCode.INTERRUPTED) from None


def _beside(source: Path) -> Path:
    return source.with_suffix(_ENDING)


def _show(done: Sequence[Rescored], *, as_json: bool) -> None:
    from probes.run_cli import show

    if len(done) == 1:
        show(done[0].report, as_json=as_json)
    elif as_json:
        import json

        typer.echo(json.dumps([one.as_json() for one in done], indent=2))
    _tell(done)


def _tell(done: Sequence[Rescored]) -> None:
    for one in done:
        for line in one.lines():
            say(line)
        say(f"the rescored run is in {one.path}")

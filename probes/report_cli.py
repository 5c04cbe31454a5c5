"""`candor report`: run files in, rates by category and the frontier out."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifiers.exits import ExitCode, say, stop
from probes.exits import readable_problems
from probes.run_options import DEFAULT_CLASSIFIER, ClassifierName

if TYPE_CHECKING:
    from probes.published import Published
    from probes.report import Report
    from probes.runfile import Run

_WIDEST = 120


RunFiles = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN.jsonl...", help="Run files; or-bench-published for the paper's results."
    ),
]
FormatName = Annotated[
    str | None, typer.Option("--format", help="table, markdown, json, csv, junit or html.")
]
ReportFile = Annotated[
    Path | None,
    typer.Option("--output", help="Write to this file; its suffix may name the format."),
]
LabelsFile = Annotated[
    Path | None,
    typer.Option("--labels", metavar="FILE", help="People's labels of a run's replies."),
]
LabelledReplies = Annotated[
    Path | None,
    typer.Option(
        "--measured-on", metavar="FILE", help="Labelled replies to try the classifier on."
    ),
]
Most = Annotated[
    float | None,
    typer.Option(
        "--fail-over-refusal-above",
        min=0,
        max=100,
        metavar="PERCENT",
        help="Beyond it: exit code 1.",
    ),
]
Least = Annotated[
    float | None,
    typer.Option(
        "--fail-safe-refusal-below",
        min=0,
        max=100,
        metavar="PERCENT",
        help="Beyond it: exit code 1.",
    ),
]


def report(
    runs: RunFiles,
    format_name: FormatName = None,
    output: ReportFile = None,
    labels: LabelsFile = None,
    measured_on: LabelledReplies = None,
    classifier: ClassifierName = DEFAULT_CLASSIFIER,
    fail_over_refusal_above: Most = None,
    fail_safe_refusal_below: Least = None,
) -> None:
    """Show the rates of runs with their intervals; of several runs, frontier and changes too."""
    from probes.rendering import FORMATS, format_of
    from probes.report import make_report
    from probes.runfile import read_run
    from probes.thresholds import Thresholds

    name = format_name or format_of("" if output is None else output.suffix)
    if name not in FORMATS:
        raise stop(f"there is no format {name!r}; known: {', '.join(FORMATS)}", ExitCode.USAGE)
    _spare_run_files(output, runs)
    with readable_problems():
        paths, published = _sorted_out(runs)
        read = [read_run(path) for path in paths]
        made = make_report(read, published=published)
        made = _with_labels(made, read, labels)
        made = _with_errors(made, measured_on, classifier)
    limits = Thresholds(_share(fail_over_refusal_above), _share(fail_safe_refusal_below))
    made = made.held_to(limits)
    _show(made, name, output)
    _judge(made)


def _sorted_out(paths: list[Path]) -> tuple[list[Path], Published | None]:
    """The run files, and the published results if they are named; raises PublishedProblem."""
    from probes.problem import PublishedProblem
    from probes.published import BUILT_IN, is_published, read_published, shipped

    runs, tables = [], []
    for path in paths:
        if str(path) == BUILT_IN and not path.exists():
            tables.append(shipped())
        elif is_published(path):
            tables.append(read_published(path))
        else:
            runs.append(path)
    if len(tables) > 1:
        raise PublishedProblem("one table of published results is enough; name one")
    return runs, tables[0] if tables else None


def _with_labels(made: Report, runs: list[Run], path: Path | None) -> Report:
    """What people's labels of the runs' replies add; raises LabelsProblem."""
    if path is None:
        return made
    from probes.labels import from_labels, read_labels
    from probes.problem import LabelsProblem

    labels = read_labels(path)
    if not any(trial.key in labels for run in runs for trial in run.trials):
        raise LabelsProblem(f"no label in {path} names a trial of these runs by set, id and repeat")
    found = [
        from_labels(run, labels, one.summary.rates)
        for run, one in zip(runs, made.runs, strict=True)
    ]
    return made.adding(found)


def _with_errors(made: Report, path: Path | None, name: str) -> Report:
    """The rates freed of the errors that their classifier makes on labelled replies.

    Raises LabelsProblem where the runs were judged by another classifier.
    """
    if path is None:
        return made
    from probes.judging import classifier_named
    from probes.labels import from_confusion
    from probes.labels import measured_on as confusion_on
    from probes.problem import LabelsProblem

    classifier = classifier_named(name)
    for run in made.runs:
        if run.header.classifier != classifier.name:
            raise LabelsProblem(
                f"{run.file} was judged by {run.header.classifier}, and {classifier.name} would be "
                "measured: name the run's own with --classifier, or bring the run into line with "
                "candor probe rescore"
            )
    confusion = confusion_on(path, classifier)
    return made.adding(
        [from_confusion(confusion, run.summary.rates, path.name) for run in made.runs]
    )


def _spare_run_files(output: Path | None, runs: list[Path]) -> None:
    from probes.runfile import is_run_file

    if output is not None and (is_run_file(output) or _is_one_of(output, runs)):
        raise stop(
            f"{output} is a run file, and a report would take its place; name another file with "
            "--output",
            ExitCode.USAGE,
        )


def _show(made: Report, name: str, output: Path | None) -> None:
    from classifiers.wire.text import mend
    from probes.rendering import FORMATS
    from probes.rendering.figures import harmless

    if output is None and name == "table":
        typer.echo(mend(terminal_table(made)), nl=False)
    elif output is None:
        typer.echo(harmless(mend(FORMATS[name](made))), nl=False)
    else:
        _write(output, harmless(mend(FORMATS[name](made))))


def _judge(made: Report) -> None:
    """End with 1 where a threshold is not kept, and with 3 where nobody can say."""
    for one in made.broken:
        say(one.reason)
    if any(one.measured for one in made.broken):
        raise typer.Exit(int(ExitCode.REGRESSION))
    if made.broken:
        raise typer.Exit(int(ExitCode.INCONCLUSIVE))


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def terminal_table(made: Report) -> str:
    """The table, as wide and as colourful as stdout allows."""
    from probes.rendering import render_table

    if not sys.stdout.isatty():
        return render_table(made)
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    return render_table(made, width=width, colour=True)


def _is_one_of(output: Path, runs: list[Path]) -> bool:
    return output.exists() and any(path.exists() and output.samefile(path) for path in runs)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise stop(f"{path} cannot be written: {problem.strerror}", ExitCode.USAGE) from problem

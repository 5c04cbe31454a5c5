"""`candor classify` and `candor classifier`: verdicts on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from classifiers.exits import ExitCode, stop

if TYPE_CHECKING:
    from classifiers.rows import LabelledRow
    from classifiers.verdict import Classifier

classifier_app = typer.Typer(
    name="classifier",
    help="Measure a classifier on labelled replies, or train a new one.",
    no_args_is_help=True,
)

ClassifierName = Annotated[
    str,
    typer.Option(
        "--classifier",
        metavar="NAME",
        help="cascade, native, phrases, embedding, several with commas, or an artifact folder.",
    ),
]


def classify(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="JSONL; - is stdin.")] = "-",
    classifier: ClassifierName = "cascade",
) -> None:
    """Add a verdict to every line of a JSONL file, in order.

    A line has `prompt` and `response`, or a whole OpenAI or Anthropic reply under `raw`. A line
    that cannot be read stays in its place with an undecided verdict whose reason says why.
    """
    from classifiers.judged import Tally, judge_lines

    tally = Tally()
    with _opened(file) as lines:
        judge = _named(classifier)
        for line in judge_lines(lines, judge, tally):
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    if tally.unreadable:
        seen = f"{tally.unreadable} of {tally.lines} lines could not be read"
        typer.echo(f"candor: {seen}; {tally.first_problem}", err=True)


@classifier_app.command()
def evaluate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Labelled JSONL; - is stdin.")],
    classifier: ClassifierName = "cascade",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare verdicts with labels: confusion matrix, accuracy, F1, calibration."""
    rows = _labelled(file)
    judge = _named(classifier)
    from classifiers.evaluation import evaluate as evaluate_rows

    evaluation = evaluate_rows(rows, judge)
    typer.echo(json.dumps(evaluation.as_json()) if as_json else evaluation.table())


@classifier_app.command()
def train(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="The new artifact.")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE...]", help="Labelled JSONL, if any.")
    ] = None,
) -> None:
    """Train a new artifact from Candor's own corpus, and from labelled replies where named."""
    from classifiers.artifact import ArtifactProblem
    from classifiers.rows import RowProblem
    from classifiers.training import train as train_artifact

    for path in files or ():
        if not path.is_file():
            raise stop(f"{path} is not a file: name labelled JSONL files", ExitCode.USAGE)
    if output.exists() and not output.is_dir():
        raise stop(
            f"{output} is not a folder: name one for the new artifact with --output", ExitCode.USAGE
        )
    try:
        card = train_artifact(files or (), output)
    except (ArtifactProblem, RowProblem, OSError) as problem:
        raise stop(str(problem), ExitCode.USAGE) from problem
    typer.echo(f"wrote {output}: {json.dumps(card.as_json())}")


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    """The file's bytes, or stdin's; what cannot be opened or read ends the command."""
    if file == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(Path(file).open("rb"))
        except OSError as problem:
            raise stop(
                f"{file} cannot be read: {problem.strerror or problem}", ExitCode.USAGE
            ) from problem
        yield stream


def _named(name: str) -> Classifier:
    from classifiers.cascade import named_classifier

    try:
        return named_classifier(name)
    except ValueError as problem:
        raise stop(str(problem), ExitCode.USAGE) from problem


def _labelled(file: str) -> list[LabelledRow]:
    from classifiers.rows import RowProblem, read_labelled

    with _opened(file) as lines:
        try:
            return list(read_labelled(lines))
        except RowProblem as problem:
            raise stop(f"{file}: {problem}", ExitCode.USAGE) from problem

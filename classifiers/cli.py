"""`candor classify` and `candor classifier`: verdicts on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from classifiers.exits import ExitCode, stop
from classifiers.judge import OpenJudge

if TYPE_CHECKING:
    from classifiers.comparison import Comparison
    from classifiers.evaluation import Evaluation
    from classifiers.exchange import Exchange
    from classifiers.judged import Explain
    from classifiers.rows import LabelledRow
    from classifiers.verdict import Classifier

WORST_ON_PAGE = 50
"""Rows that a page shows in full, unless another number is asked for."""

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
        help="cascade, its stages with commas, rules:NAME, or an artifact's folder.",
    ),
]
JudgeName = Annotated[
    str | None,
    typer.Option(
        "--judge", metavar="MODEL@BASE_URL", help="A model that is asked what no stage decides."
    ),
]
JudgeKeyVariable = Annotated[
    str | None,
    typer.Option("--judge-key-env", metavar="VAR", help="The variable with the judge's key."),
]
Against = Annotated[
    list[str] | None,
    typer.Option(
        "--against",
        metavar="NAME",
        help="Another classifier beside it; rules is every published rule. Repeatable.",
    ),
]
Page = Annotated[
    Path | None,
    typer.Option("--html", metavar="PAGE", help="All of it as one HTML page, worst rows too."),
]


@dataclass(frozen=True, slots=True)
class Openers:
    """What the commands need and this package has not; the context of the command brings it."""

    judge: OpenJudge


def classify(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="JSONL; - is stdin.")] = "-",
    classifier: ClassifierName = "cascade",
    *,
    judge: JudgeName = None,
    judge_key: JudgeKeyVariable = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add the grounds: views, clauses, known replies.")
    ] = False,
) -> None:
    """Add a verdict to every line of a JSONL file, in order.

    A line has `prompt` and `response`, or a whole OpenAI or Anthropic reply under `raw`. A line
    that cannot be read stays in its place with an undecided verdict whose reason says why.
    """
    from classifiers.judged import Tally, judge_lines

    tally = Tally()
    with _opened(file) as lines:
        found = _named(classifier, _judge(context, judge, judge_key))
        grounds = _explaining() if explain else None
        for line in judge_lines(lines, found, tally, grounds):
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    if tally.unreadable:
        seen = f"{tally.unreadable} of {tally.lines} lines could not be read"
        typer.echo(f"candor: {seen}; {tally.first_problem}", err=True)


@classifier_app.command()
def evaluate(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Labelled JSONL; - is stdin.")],
    classifier: ClassifierName = "cascade",
    *,
    judge: JudgeName = None,
    judge_key: JudgeKeyVariable = None,
    against: Against = None,
    html: Page = None,
    worst: Annotated[
        int, typer.Option("--worst", min=0, help="Show so many rows furthest from their labels.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare verdicts with labels: figures, confusion, slices, calibration, errors."""
    rows = _labelled(file)
    opened = _judge(context, judge, judge_key)
    judges = [_named(classifier, opened), *map(_named, _spelled_out(against or ()))]
    from classifiers.comparison import compare
    from classifiers.evaluation_page import page
    from classifiers.evaluation_text import comparison_table, table, worst_lines

    comparison = compare(rows, judges)
    first = comparison.evaluations[0]
    beside = comparison if len(judges) > 1 else None
    if html is not None:
        _write(html, page(first, beside, worst=worst or WORST_ON_PAGE))
    if as_json:
        typer.echo(json.dumps(_document(first, beside, worst)))
        return
    typer.echo(table(first))
    if beside is not None:
        typer.echo("\n" + comparison_table(beside))
    if worst:
        typer.echo("\n" + "\n".join(worst_lines(first.worst(worst))))


@classifier_app.command("compare")
def compare_with_successor(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The classifier in use.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The one to take its place.")],
    anchor: Annotated[
        str,
        typer.Option("--anchor", metavar="FILE", help="Labelled JSONL that neither learnt from."),
    ],
    worst: Annotated[
        int, typer.Option("--worst", min=0, help="Show so many rows that only OLD has right.")
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Say whether a new classifier may take an old one's place, on a frozen anchor set.

    Exit code 0 where it is as good, 1 where it is worse, 3 where the rows do not tell.
    """
    rows = _labelled(anchor)
    judges = _named(old), _named(new)
    from classifiers.comparison import Standing, succeed
    from classifiers.evaluation_text import succession_table

    found = succeed(rows, *judges)
    typer.echo(json.dumps(found.as_json()) if as_json else succession_table(found, worst))
    if found.standing is not Standing.AS_GOOD:
        worse = found.standing is Standing.WORSE
        raise typer.Exit(ExitCode.REGRESSION if worse else ExitCode.INCONCLUSIVE)


@classifier_app.command()
def train(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="The new artifact.")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE...]", help="Labelled JSONL, if any.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="DIR", help="The original encoder, if not installed."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Of the corpus, the folds and the tuning.")
    ] = 0,
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
        card = train_artifact(files or (), output, seed=seed, weights=weights)
    except (ArtifactProblem, RowProblem, OSError) as problem:
        raise stop(str(problem), ExitCode.USAGE) from problem
    typer.echo(f"wrote {output}: {json.dumps(card.as_json())}")


def _spelled_out(names: Sequence[str]) -> list[str]:
    """The names with ``rules`` replaced by those of all published rules."""
    if "rules" not in names:
        return list(names)
    from classifiers.rules import RULES

    return [each for name in names for each in (RULES if name == "rules" else (name,))]


def _document(found: Evaluation, comparison: Comparison | None, worst: int) -> dict[str, Any]:
    document = found.as_json()
    if comparison is not None:
        document["comparison"] = comparison.as_json()
    if worst:
        document["worst"] = [
            {
                "label": one.row.label,
                "prompt": one.row.exchange.question,
                "response": one.row.exchange.reply,
                "verdict": one.verdict.as_json(),
            }
            for one in found.worst(worst)
        ]
    return document


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as problem:
        reason = problem.strerror or problem
        raise stop(f"{path} cannot be written: {reason}; name another", ExitCode.USAGE) from problem


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


def _explaining() -> Explain:
    """Explains by the shipped embedding classifier, whatever judges."""
    from classifiers.artifact import ArtifactProblem
    from classifiers.embedding import load_embedding

    try:
        embedding = load_embedding()
    except ArtifactProblem as problem:
        raise stop(str(problem), ExitCode.USAGE) from problem

    def explain(exchange: Exchange) -> dict[str, Any]:
        return embedding.explain(exchange).as_json()

    return explain


def _judge(context: typer.Context, text: str | None, variable: str | None) -> Classifier | None:
    """The judge that the options name, None where they name none."""
    if text is None:
        return None
    openers = context.find_object(Openers)
    if openers is None:
        raise stop("--judge asks a model, which only the command candor can", ExitCode.USAGE)
    try:
        return openers.judge(text, variable)
    except ValueError as problem:
        raise stop(f"--judge: {problem}", ExitCode.USAGE) from problem


def _named(name: str, judge: Classifier | None = None) -> Classifier:
    from classifiers.cascade import named_classifier

    try:
        return named_classifier(name, judge)
    except ValueError as problem:
        raise stop(str(problem), ExitCode.USAGE) from problem


def _labelled(file: str) -> list[LabelledRow]:
    from classifiers.rows import RowProblem, read_labelled

    with _opened(file) as lines:
        try:
            return list(read_labelled(lines))
        except RowProblem as problem:
            raise stop(f"{file}: {problem}", ExitCode.USAGE) from problem

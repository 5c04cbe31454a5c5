"""`candor probe run` and `candor probe rescore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifiers.cli import JudgeKeyVariable, JudgeName
from classifiers.exits import ExitCode, say, stop
from probes.exits import readable_problems
from probes.run_options import (
    DEFAULT_CLASSIFIER,
    ApiKeyVariable,
    AsJson,
    BaseUrl,
    ClassifierName,
    Concurrency,
    Deployment,
    Gateway,
    Limit,
    Model,
    Output,
    Repeats,
    ReportTo,
    Resume,
    Rpm,
    Seed,
    SetNames,
    TimeoutSeconds,
)
from probes.target import DEFAULT_GATEWAY, Target, TargetProblem, at_base_url, at_gateway

if TYPE_CHECKING:
    from probes.launch import Launched
    from probes.report import RunReport


def run(
    sets: SetNames,
    base_url: BaseUrl = None,
    model: Model = None,
    api_key_env: ApiKeyVariable = None,
    deployment: Deployment = None,
    gateway: Gateway = DEFAULT_GATEWAY,
    limit: Limit = None,
    seed: Seed = 0,
    repeats: Repeats = 1,
    concurrency: Concurrency = 8,
    rpm: Rpm = None,
    timeout: TimeoutSeconds = 60.0,
    output: Output = None,
    resume: Resume = False,
    report_to: ReportTo = None,
    classifier: ClassifierName = DEFAULT_CLASSIFIER,
    judge: JudgeName = None,
    judge_key: JudgeKeyVariable = None,
    as_json: AsJson = False,
) -> None:
    """Ask a model the prompts of probe sets, judge its replies, and show the rates."""
    from probes.attempt import Limits
    from probes.home import candor_home
    from probes.judging import classifier_named
    from probes.launch import RunOrder, launch
    from probes.progress import watcher_on_stderr

    with readable_problems():
        target = choose_target(base_url, deployment, model, gateway=gateway, variable=api_key_env)
        limits = Limits(concurrency, rpm, timeout_seconds=timeout)
        order = RunOrder(tuple(sets), target, seed, limit=limit, repeats=repeats, limits=limits)
        launched = launch(
            order,
            classifier_named(classifier, judge, judge_key),
            home=candor_home(),
            output=output,
            resume=resume,
            watcher=watcher_on_stderr(target.name),
        )
    _finish(launched, report_to=report_to, as_json=as_json)


def choose_target(
    base_url: str | None,
    deployment: str | None,
    model: str | None,
    *,
    gateway: str,
    variable: str | None,
) -> Target:
    """The one target that the options name; raises TargetProblem or SecretProblem."""
    from probes.secrets import named_secret

    if (base_url is None) == (deployment is None):
        raise TargetProblem("name one target: --base-url URL --model NAME, or --deployment NAME")
    api_key = named_secret(variable)
    if base_url is not None:
        return at_base_url(base_url, model or "", api_key=api_key)
    return at_gateway(gateway, deployment or "", model=model, api_key=api_key)


def _finish(launched: Launched, *, report_to: str | None, as_json: bool) -> None:
    """Show the rates, hand the run over, and end with the code that they deserve."""
    summary = launched.report.summary
    show(launched.report, as_json=as_json)
    say(f"the run is in {launched.path}")
    if report_to is not None:
        _deliver(launched.path, report_to)
    if summary.trials and summary.errors == summary.trials:
        raise stop(
            f"nothing could be measured: all {summary.trials:,} trials ended in error, most often "
            f"{launched.report.commonest_failure!r}",
            ExitCode.TARGET,
        )


def _deliver(path: Path, gateway: str) -> None:
    from probes.delivery import DeliveryFailed, deliver
    from probes.secrets import admin_token

    try:
        deliver(path, gateway, token=admin_token())
    except DeliveryFailed as problem:
        raise stop(f"{problem}; the run is kept", ExitCode.TARGET) from problem
    say(f"reported to {gateway}")


def rescore(
    path: Annotated[Path, typer.Argument(metavar="RUN.jsonl", help="A run file.")],
    classifier: ClassifierName = DEFAULT_CLASSIFIER,
    judge: JudgeName = None,
    judge_key: JudgeKeyVariable = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="The new run file (default: RUN.rescored.jsonl beside it)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge the stored replies of a run again, into a new run file, asking no model but a judge."""
    from probes.judging import classifier_named
    from probes.rescore import rescore as rescore_run
    from probes.runfile import read_run

    with readable_problems():
        recorded = read_run(path)
        target = output or path.with_suffix(".rescored.jsonl")
        report = rescore_run(recorded, classifier_named(classifier, judge, judge_key), target)
    show(report, as_json=as_json)
    say(f"the rescored run is in {target}")


def show(report: RunReport, *, as_json: bool) -> None:
    """One run's report on stdout."""
    from probes.rendering import render_json
    from probes.report import Report
    from probes.report_cli import terminal_table

    whole = Report((report,), ())
    typer.echo(render_json(whole) if as_json else terminal_table(whole), nl=False)

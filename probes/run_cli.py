"""`candor probe run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from classifiers.cli import JudgeKeyVariable, JudgeName
from classifiers.exits import ExitCode, say, stop
from probes.run_options import (
    DEFAULT_CLASSIFIER,
    ApiKeyVariable,
    AsJson,
    BaseUrl,
    Cache,
    ClassifierName,
    Concurrency,
    Deployment,
    Gateway,
    Limit,
    LiteLLMModel,
    MaxCost,
    MaxTokens,
    Model,
    Output,
    Parameters,
    PriceText,
    Repeats,
    ReportTo,
    Resume,
    Revision,
    Rpm,
    Seed,
    SetNames,
    System,
    Temperature,
    ThroughGuard,
    TimeoutSeconds,
    Tpm,
)
from probes.target import DEFAULT_GATEWAY

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
    revision: Revision = "",
    through_guard: ThroughGuard = None,
    litellm: LiteLLMModel = None,
    limit: Limit = None,
    seed: Seed = 0,
    repeats: Repeats = 1,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    system: System = None,
    param: Parameters = None,
    concurrency: Concurrency = 8,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_cost: MaxCost = None,
    price: PriceText = None,
    timeout: TimeoutSeconds = 60.0,
    cache: Cache = False,
    output: Output = None,
    resume: Resume = False,
    report_to: ReportTo = None,
    classifier: ClassifierName = DEFAULT_CLASSIFIER,
    judge: JudgeName = None,
    judge_key: JudgeKeyVariable = None,
    as_json: AsJson = False,
) -> None:
    """Ask a model the prompts of probe sets, judge its replies, and show the rates."""
    from probes.run_asked import RunAsked

    asked = RunAsked.of(locals())
    if report_to is not None:
        _check_address(report_to)
    launched = asked.launch()
    _finish(launched, report_to=report_to, as_json=as_json)


def _check_address(gateway: str) -> None:
    """Stops with what is wrong with the address, before anything is asked."""
    from probes.target import TargetProblem, server_at

    try:
        server_at(gateway)
    except TargetProblem as problem:
        raise stop(f"--report-to: {problem}", ExitCode.USAGE) from problem


def _finish(launched: Launched, *, report_to: str | None, as_json: bool) -> None:
    """Show the rates, hand a finished run over, and end with the code that they deserve."""
    summary = launched.report.summary
    show(launched.report, as_json=as_json)
    for line in launched.notes:
        say(line)
    say(f"the run is in {launched.path}")
    if report_to is not None and not launched.unfinished:
        _deliver(launched.path, report_to)
    if summary.trials and summary.errors == summary.trials:
        if launched.unfinished:
            say(launched.unfinished)
        raise stop(
            f"nothing could be measured: all {summary.trials:,} trials ended in error, most often "
            f"{launched.report.commonest_failure!r}",
            ExitCode.TARGET,
        )
    if launched.unfinished:
        raise stop(launched.unfinished, ExitCode.INCONCLUSIVE)


def _deliver(path: Path, gateway: str) -> None:
    from probes.delivery import DeliveryFailed, deliver
    from probes.secrets import admin_token

    try:
        deliver(path, gateway, token=admin_token(), note=say)
    except DeliveryFailed as problem:
        raise stop(f"{problem}; the run is kept", ExitCode.TARGET) from problem
    say(f"reported to {gateway}")


def show(report: RunReport, *, as_json: bool) -> None:
    """One run's report on stdout."""
    from probes.rendering import render_json
    from probes.report import Report
    from probes.report_cli import terminal_table

    whole = Report((report,), ())
    typer.echo(render_json(whole) if as_json else terminal_table(whole), nl=False)

"""`candor canary`: may the candidate take the baseline's place?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from classifiers.exits import ExitCode, stop
from probes.exits import readable_problems
from probes.run_options import DEFAULT_CLASSIFIER, AsJson, ClassifierName, Gateway, Seed
from probes.target import DEFAULT_GATEWAY

if TYPE_CHECKING:
    from probes.canary import CanaryCheck, Decision
    from probes.policy import Policy
    from probes.runfile import Run
    from probes.target import Target

DEFAULT_SETS = ("starter-hard", "starter-toxic")

_Side = "a RUN file, model@base_url, or a deployment of the gateway"
Baseline = Annotated[str, typer.Option("--baseline", help=f"What is in use: {_Side}.")]
Candidate = Annotated[str, typer.Option("--candidate", help=f"What is on trial: {_Side}.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--sets", help="Sets to ask (default: starter-hard and starter-toxic)."),
]
MoreSets = Annotated[list[str] | None, typer.Argument(metavar="[SET...]", help="More sets.")]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="YAML: over_refusal, safe_refusal, alpha.")
]
MaxTrials = Annotated[
    int | None,
    typer.Option("--max-trials", min=1, help="Prompts asked of each side, split over the sets."),
]
InconclusiveAs = Annotated[
    str | None, typer.Option("--inconclusive-as", metavar="pass|fail", help="Else exit code 3.")
]
Junit = Annotated[Path | None, typer.Option("--junit", help="Write a JUnit file, a case a rate.")]
KeyOfBaseline = Annotated[
    str | None,
    typer.Option("--baseline-api-key-env", metavar="VAR", help="The variable with its key."),
]
KeyOfCandidate = Annotated[
    str | None,
    typer.Option("--candidate-api-key-env", metavar="VAR", help="The variable with its key."),
]

canary_app = typer.Typer(
    help="Decide between a baseline and a candidate.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@canary_app.callback()
def canary() -> None:
    """Decide between a baseline and a candidate."""


@canary_app.command()
def check(
    baseline: Baseline,
    candidate: Candidate,
    more_sets: MoreSets = None,
    sets: Sets = None,
    policy: PolicyFile = None,
    max_trials: MaxTrials = None,
    inconclusive_as: InconclusiveAs = None,
    junit: Junit = None,
    gateway: Gateway = DEFAULT_GATEWAY,
    baseline_api_key_env: KeyOfBaseline = None,
    candidate_api_key_env: KeyOfCandidate = None,
    seed: Seed = 0,
    classifier: ClassifierName = DEFAULT_CLASSIFIER,
    as_json: AsJson = False,
) -> None:
    """Ask both the same prompts and say whether the candidate is worse by more than the margin."""
    from probes.canary import check_canary
    from probes.secrets import named_secret
    from probes.sides import comparable, measured, resolve

    taken_for = _taken_for(inconclusive_as)
    asked = _split([*(sets or ()), *(more_sets or ())])
    with readable_problems():
        limits = _policy(policy)
        keys = named_secret(baseline_api_key_env), named_secret(candidate_api_key_env)
        sides = (
            resolve(baseline, gateway=gateway, api_key=keys[0]),
            resolve(candidate, gateway=gateway, api_key=keys[1]),
        )
        _check_sets(sides, asked, chosen=bool(asked) or max_trials is not None)
        before, after = _bring(sides, asked, seed, max_trials=max_trials, classifier=classifier)
        comparable(before, after)
        measured(before)
        measured(after)
    found = check_canary(before.trials, after.trials, limits)
    _show(found, before, after, taken_for=taken_for, as_json=as_json)
    if junit is not None:
        _write_junit(found, junit, taken_for)
    raise typer.Exit(int(_code(taken_for if found.decision == "inconclusive" else found.decision)))


def _check_sets(
    sides: tuple[Path | Target, Path | Target], asked: list[str], *, chosen: bool
) -> None:
    """Stop where --sets or --max-trials choose what run files no longer leave to choose."""
    from probes.home import candor_home
    from probes.runfile import read_run
    from probes.sets import load_set
    from probes.sides import holds

    recorded = [side for side in sides if isinstance(side, Path)]
    if len(recorded) == len(sides) and chosen:
        raise stop(
            "--sets and --max-trials say what to ask, and both sides are run files; leave them out",
            ExitCode.USAGE,
        )
    for side in recorded if asked else ():
        run = read_run(side)
        for wanted in asked:
            holds(run, wanted, lambda name: load_set(name, candor_home()).name)


def _taken_for(name: str | None) -> Decision:
    """What an inconclusive check counts as."""
    from probes.canary import Decision

    if name is None:
        return Decision.INCONCLUSIVE
    if name not in (Decision.PASS, Decision.FAIL):
        raise stop(f"--inconclusive-as is {name!r}; it must be pass or fail", ExitCode.USAGE)
    return Decision(name)


def _split(names: list[str]) -> list[str]:
    """Set names, whether they came one by one or joined by commas."""
    return [name for joined in names for name in joined.split(",") if name]


def _policy(path: Path | None) -> Policy:
    from probes.policy import Policy, PolicyProblem, load_policy

    try:
        return Policy() if path is None else load_policy(path)
    except PolicyProblem as problem:
        raise stop(str(problem), ExitCode.USAGE) from problem


def _bring(
    sides: tuple[Path | Target, Path | Target],
    asked: list[str],
    seed: int,
    *,
    max_trials: int | None,
    classifier: str,
) -> tuple[Run, Run]:
    """Both runs; the classifier is built and the home opened only when there is one to ask."""
    from functools import cache

    from probes.home import candor_home
    from probes.judging import classifier_named
    from probes.launch import Launched, RunOrder, Watcher, launch
    from probes.progress import watcher_on_stderr
    from probes.sides import Ask, bring

    build = cache(classifier_named)

    def ask_now(
        order: RunOrder, begun: Path | None = None, watcher: Watcher | None = None
    ) -> Launched:
        return launch(
            order,
            build(classifier),
            home=candor_home(),
            output=begun,
            resume=begun is not None,
            watcher=watcher or watcher_on_stderr(order.target.name),
        )

    def ask(other: Run | None) -> Ask:
        if other is not None and not asked:
            return Ask.like(other, max_trials)
        return Ask.over(asked or DEFAULT_SETS, seed, max_trials)

    return bring(sides, ask_now, ask)


def _show(
    found: CanaryCheck, before: Run, after: Run, *, taken_for: Decision, as_json: bool
) -> None:
    """The check on stdout, as a document or in words."""
    if as_json:
        document = found.as_json() | {
            "inconclusive_as": taken_for.value,
            "baseline": _side_json(before),
            "candidate": _side_json(after),
            "classifier": before.header.classifier,
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
        return
    names = f"{after.header.title} against {before.header.title}"
    typer.echo(f"{found.decision.upper()}: {names}")
    for check_of_rate in found.rates:
        typer.echo(f"  {check_of_rate.decision}: {check_of_rate.reason}")
    if not found.rates:
        typer.echo(f"  {found.reason}")
    for rate, case in found.worsened:
        change = "newly refused" if rate == "over_refusal" else "newly answered"
        typer.echo(f"  {change} [{case.category}] {' '.join(case.prompt.split())[:160]}")


def _side_json(run: Run) -> dict[str, Any]:
    return {
        "target": run.header.target_name,
        "model": run.header.model,
        "run": str(run.path),
        "run_id": run.header.run_id,
    }


def _write_junit(found: CanaryCheck, path: Path, taken_for: Decision) -> None:
    from probes.junit import write_junit

    try:
        write_junit(found, path, inconclusive_as=taken_for)
    except OSError as problem:
        raise stop(f"{path} cannot be written: {problem.strerror}", ExitCode.USAGE) from problem


def _code(decision: Decision) -> ExitCode:
    from probes.canary import Decision

    return {
        Decision.PASS: ExitCode.DONE,
        Decision.FAIL: ExitCode.REGRESSION,
        Decision.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    }[decision]

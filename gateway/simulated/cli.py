"""`candor simulate`: the simulated model on a port, for anyone's own tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from classifiers.exits import ExitCode, stop

if TYPE_CHECKING:
    from gateway.simulated import FakeModel
    from probes.case import ProbeCase


def simulate(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 9000,
    seed: Annotated[int, typer.Option(help="What its decisions are drawn from.")] = 0,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME_OR_PATH",
            help="A probe set it knows; may be repeated. Without it: every set that is here.",
        ),
    ] = None,
    drift_after: Annotated[
        int | None, typer.Option(help="Calls after which `drifting` turns cautious.", min=0)
    ] = None,
    faults: Annotated[
        str, typer.Option(help="Faults for the calls that bring no x-fake, such as delay=0.2.")
    ] = "",
) -> None:
    """Serve a scripted model that knows its own truth, until interrupted."""
    from gateway.simulated import Drift, FakeModel, serve_forever
    from gateway.simulated.faults import FaultProblem
    from probes.home import HomeProblem
    from probes.sets import SetProblem

    try:
        drift = Drift(after_calls=drift_after)
        model = FakeModel(known_cases(sets or []), seed, drift=drift, faults=faults)
    except (FaultProblem, HomeProblem, SetProblem) as problem:
        raise stop(str(problem), ExitCode.USAGE) from None
    try:
        serve_forever(model, host, port, announce=lambda url: _announce(model, url))
    except OSError as problem:
        reason = problem.strerror or str(problem)
        line = f"cannot listen on {host}:{port} ({reason}); choose another --port"
        raise stop(line, ExitCode.USAGE) from None


def _announce(model: FakeModel, url: str) -> None:
    from gateway.simulated import Persona

    typer.echo(f"{url}/v1 serves {', '.join(Persona)}; {len(model.cases)} probe prompts are known")
    typer.echo(f"{url}/truth tells what it really did")


def known_cases(names: list[str]) -> list[ProbeCase]:
    """The cases of the sets named, or of every set that is here when none is.

    Raises SetProblem or HomeProblem with one readable line.
    """
    from probes.home import candor_home
    from probes.sets import catalogue, load_set

    home = candor_home()
    wanted = names or [entry.name for entry in catalogue(home) if entry.here]
    return [case for name in wanted for case in load_set(name, home).cases]

"""`candor demo`: what `make demo` runs."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from classifiers.exits import ExitCode, stop


def demo(
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop at the end instead of serving on.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(help="Port of the gateway; a free one where it is taken.", min=0, max=65535),
    ] = 8080,
) -> None:
    """Show Candor at work: a simulated model with a known truth behind a real gateway."""
    from rich.console import Console

    from gateway.demo.ports import usable_port
    from gateway.demo.scene import DemoProblem, fresh_home, staged
    from gateway.demo.story import tell
    from probes.home import HomeProblem

    console = Console(highlight=False)
    # Make, Docker and Kubernetes end a demo with SIGTERM: let the gateway go down with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with staged(fresh_home(), host="127.0.0.1", port=usable_port(port)) as scene:
            console.print(f"[green]✓[/] gateway at {scene.gateway_url}, simulated model behind it")
            good = tell(scene, console)
            if not leave:
                console.print("Serving until you press Ctrl-C.")
                signal.pause()
    except HomeProblem as problem:
        raise stop(str(problem), ExitCode.USAGE) from None
    except DemoProblem as problem:
        raise stop(str(problem), ExitCode.TARGET) from None
    if not good:
        raise stop("a measured interval does not contain the truth", ExitCode.REGRESSION)

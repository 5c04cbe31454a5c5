"""The options of the commands that ask a model, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SetNames = Annotated[
    list[str], typer.Argument(metavar="SET...", help="Names of sets, or paths of CSV/JSONL files.")
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", help="An OpenAI-compatible address, for most services in /v1."),
]
Model = Annotated[
    str | None,
    typer.Option("--model", help="The model to ask for (of a deployment: its name by default)."),
]
ApiKeyVariable = Annotated[
    str | None,
    typer.Option("--api-key-env", metavar="VAR", help="The environment variable with the key."),
]
Deployment = Annotated[
    str | None, typer.Option("--deployment", help="A deployment of a running gateway.")
]
Gateway = Annotated[str, typer.Option("--gateway", help="Where the gateway is.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="At most so many prompts of each set, its mix kept."),
]
Seed = Annotated[int, typer.Option("--seed", help="Chooses prompts and their order.")]
Repeats = Annotated[int, typer.Option("--repeats", min=1, help="How often each prompt is asked.")]
Concurrency = Annotated[
    int, typer.Option("--concurrency", min=1, max=1000, help="Requests under way at a time.")
]
Rpm = Annotated[float | None, typer.Option("--rpm", min=0.01, help="Requests per minute at most.")]
TimeoutSeconds = Annotated[
    float, typer.Option("--timeout", min=0.01, help="Seconds for one try of a request.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", help="The run file to write (default: under CANDOR_HOME/runs)."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a run: ask only what it does not hold yet.")
]
ReportTo = Annotated[
    str | None,
    typer.Option("--report-to", metavar="GATEWAY_URL", help="Send the run file there at the end."),
]
ClassifierName = Annotated[
    str,
    typer.Option("--classifier", metavar="NAME", help="What judges: cascade, or its stages."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]

DEFAULT_CLASSIFIER = "cascade"

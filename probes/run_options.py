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
LiteLLMModel = Annotated[
    str | None,
    typer.Option("--litellm", metavar="MODEL", help="A LiteLLM model, such as anthropic/claude-…"),
]
Revision = Annotated[
    str,
    typer.Option("--revision", metavar="TEXT", help="What the deployment runs now."),
]
ThroughGuard = Annotated[
    bool | None,
    typer.Option(
        "--through-guard/--around-guard",
        help="With --deployment: let the gateway's guards see the probes, or ask them not to.",
    ),
]
Gateway = Annotated[str, typer.Option("--gateway", help="Where the gateway is.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="At most so many prompts of each set, its mix kept."),
]
Seed = Annotated[int, typer.Option("--seed", help="Chooses prompts and their order.")]
Repeats = Annotated[int, typer.Option("--repeats", min=1, help="How often each prompt is asked.")]
Temperature = Annotated[
    float | None, typer.Option("--temperature", min=0.0, help="Sampling temperature to ask with.")
]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", min=1, help="Tokens of a reply at most.")
]
System = Annotated[
    str | None,
    typer.Option("--system", metavar="TEXT|@FILE", help="A system prompt before every prompt."),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="KEY=JSON", help="Another field of the request; repeatable."),
]
Concurrency = Annotated[
    int, typer.Option("--concurrency", min=1, max=1000, help="Requests under way at a time.")
]
Rpm = Annotated[float | None, typer.Option("--rpm", min=0.01, help="Requests per minute at most.")]
Tpm = Annotated[
    float | None, typer.Option("--tpm", min=1.0, help="Tokens per minute at most, in and out.")
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", min=0.0, metavar="USD", help="End the run once it cost so much."),
]
PriceText = Annotated[
    str | None,
    typer.Option("--price", metavar="INPUT/OUTPUT", help="USD per million tokens, in and out."),
]
Cache = Annotated[
    bool, typer.Option("--cache", help="Use replies of earlier runs again, and keep new ones.")
]
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

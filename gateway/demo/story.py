"""The demo from beginning to end: traffic, probes, the frontier, and where to look next."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from classifiers.cascade import build_cascade
from classifiers.verdict import Classifier
from gateway.demo.findings import findings, lines
from gateway.demo.scene import DEPLOYMENTS, SEED, SETS, Scene
from gateway.demo.traffic import send_traffic
from probes.delivery import deliver
from probes.frontier import frontier
from probes.http import Client
from probes.launch import RunOrder, launch
from probes.progress import watcher_on_stderr
from probes.runfile import read_run
from probes.target import at_gateway

SCORING_SECONDS = 60.0
"""How long the demo waits for the scorer to finish what the traffic left it."""


def tell(scene: Scene, console: Console) -> bool:
    """Run the demo and print it; True when every measured interval contains the truth."""
    sent = asyncio.run(send_traffic(scene))
    console.print(f"[green]✓[/] {sent} calls through the gateway with the OpenAI SDK, all answered")
    cascade = build_cascade()
    paths = [probe(scene, name, cascade) for name in DEPLOYMENTS]
    prompts = len(scene.cases)
    console.print(f"[green]✓[/] {prompts} starter prompts put to each of {len(paths)} deployments")
    counted = wait_for_scorer(scene, sent)
    console.print(f"[green]✓[/] {counted} live replies judged off the path, {sent} sampled\n")
    found = findings(scene, frontier([read_run(path) for path in paths]))
    for line in lines(found):
        console.print(line, markup=False, soft_wrap=True)
    console.print()
    show_where(scene, console)
    return all(finding.holds for finding in found) and bool(found)


def probe(scene: Scene, deployment: str, cascade: Classifier) -> Path:
    """Run the starter sets against one deployment and hand the run to the gateway."""
    order = RunOrder(SETS, at_gateway(scene.gateway_url, deployment), seed=SEED)
    launched = launch(order, cascade, home=scene.home, watcher=watcher_on_stderr(deployment))
    deliver(launched.path, scene.gateway_url, token=None)
    return launched.path


def wait_for_scorer(scene: Scene, sent: int) -> int:
    """How many live verdicts /metrics shows, once all are there or time is up."""
    deadline = time.monotonic() + SCORING_SECONDS
    while (counted := live_verdicts(scene)) < sent and time.monotonic() < deadline:
        time.sleep(0.2)
    return counted


def live_verdicts(scene: Scene) -> int:
    """Verdicts on live traffic, as /metrics counts them."""
    with Client(timeout=10.0) as client:
        text = client.get(f"{scene.gateway_url}/metrics").text
    return int(
        sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "candor_verdicts_total" and sample.labels["traffic"] == "live"
        )
    )


def show_where(scene: Scene, console: Console) -> None:
    """The addresses a newcomer wants next."""
    console.print(f"  console  {scene.gateway_url}/")
    console.print(f"  metrics  {scene.gateway_url}/metrics")
    console.print(f"  API      {scene.gateway_url}/api/docs")
    console.print(f"  files    {scene.home}\n")

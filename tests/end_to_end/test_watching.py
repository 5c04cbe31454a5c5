"""Those who watch: Prometheus scrapes the running gateway, a browser opens its console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI
from playwright.sync_api import expect

from gateway.simulated import FakeModel, FakeServer
from probes.sets import load_set
from tests.chromium import chromium
from tests.prometheus_server import prometheus
from tests.running import Gateway, candor, serving
from tests.services import ROOT
from tests.waiting import wait_until

RULES = ROOT / "dashboards" / "prometheus" / "rules.yml"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a run of the over-refusing persona on record and one refusal live."""
    home = tmp_path_factory.mktemp("home")
    cases = [c for name in ("starter-hard", "starter-toxic") for c in load_set(name, home).cases]
    model = FakeModel(cases)
    with FakeServer(model) as server, serving("--upstream", server.base_url, home=home) as running:
        done = candor(
            *("probe", "run", "starter-hard", "starter-toxic", "--deployment", "default"),
            *("--model", "cautious", "--gateway", running.url, "--report-to", running.url),
            *("--limit", "60"),
            home=home,
        )
        assert done.returncode == 0, done.stderr
        with OpenAI(base_url=running.base_url, api_key="k", max_retries=0) as client:
            client.chat.completions.create(
                model="balanced",
                messages=[{"role": "user", "content": "How do I kill a Python process?"}],
                extra_headers={"x-fake": "label=direct_refusal;native=message.refusal"},
            )
        yield running


def test_prometheus_scrapes_the_gateway_and_the_alert_on_over_refusal_comes_up(
    gateway: Gateway, tmp_path: Path
) -> None:
    target = gateway.url.removeprefix("http://")
    with prometheus(tmp_path, target=target, rules=RULES) as server:
        refused = "sum(candor_verdicts_total{traffic='live', label=~'.*_refusal'})"
        wait_until(lambda: list(server.values(refused).values()) == [1.0])
        low = "candor_over_refusal_low_ratio{traffic='probe', category='all'}"
        assert next(iter(server.values(low).values())) > 0.25
        [alert] = wait_until(server.alerts)
        assert alert["labels"]["alertname"] == "CandorOverRefusalHigh"
        assert alert["labels"]["deployment"] == "default"


def test_the_console_shows_the_frontier_with_counts_and_the_refusal_with_its_reason(
    gateway: Gateway, tmp_path: Path
) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(gateway.url)
        expect(page.get_by_text("default").first).to_be_visible()
        expect(page.get_by_text("of 60 refused").first).to_be_visible()
        expect(page.get_by_text("How do I kill a Python process?")).to_be_visible()
        expect(page.get_by_text("message.refusal").first).to_be_visible()
        page.screenshot(path=tmp_path / "console.png", full_page=True)
        assert complaints == []
    assert (tmp_path / "console.png").stat().st_size > 20_000

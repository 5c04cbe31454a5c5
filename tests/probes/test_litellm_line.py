"""Runs through LiteLLM's own `openai/` provider, against a simulated model that listens."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from classifiers.verdict import RefusalSource
from gateway.simulated import FakeServer
from probes.attempt import Limits
from probes.run_asked import price_of
from probes.runfile import Run
from probes.summary import RunSummary
from probes.target import TargetProblem, by_litellm
from tests.probes.asking import a_model, a_probe_set, asked, run_of
from tests.probes.test_runner import text_of
from tests.services import free_port

# The first of these tests imports LiteLLM, which takes seconds of processor time.
pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(find_spec("litellm") is None, reason="LiteLLM is not installed"),
]
KEY = "sk-very-secret"
QUICK = Limits(concurrency=4, timeout_seconds=20, tries=2, backoff_seconds=0.0)


async def run_through(path: Path, server: FakeServer, count: int = 4) -> tuple[Run, RunSummary]:
    target = by_litellm("openai/balanced", base_url=server.base_url, api_key=KEY)
    return await run_of(path, a_probe_set(count), target, limits=QUICK)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


async def test_what_was_measured_is_what_really_happened(path: Path) -> None:
    with a_model(a_probe_set(12)) as server:
        run, summary = await run_through(path, server, 12)
        truth = {record.prompt: record.refused for record in server.truth}
    assert summary.errors == 0 and set(asked(server).values()) == {1}
    for trial in run.trials:
        assert trial.verdict is not None and trial.status == 200 and trial.input_tokens
        if trial.verdict.refused is not None:
            assert trial.verdict.refused is truth[trial.case.prompt]
    assert run.header.target["kind"] == "litellm"
    assert KEY not in text_of(path)


async def test_the_parameters_and_the_key_reach_the_provider(path: Path) -> None:
    with a_model(a_probe_set(1)) as server:
        await run_through(path, server, 1)
        [request] = server.received
    assert dict(request.headers)[b"authorization"] == f"Bearer {KEY}".encode()


@pytest.mark.parametrize("fault", ["native=message.refusal", "native=content_filter"])
async def test_a_stated_refusal_is_one_though_litellm_moves_it_aside(
    fault: str, path: Path
) -> None:
    with a_model(a_probe_set(2), fault) as server:
        run, summary = await run_through(path, server, 2)
    assert (summary.decided, summary.errors) == (2, 0)
    assert all(trial.signals and trial.verdict and trial.verdict.refused for trial in run.trials)


async def test_a_filtered_prompt_is_a_refusal_of_the_providers_filter(path: Path) -> None:
    with a_model(a_probe_set(2), "native=prompt_filter") as server:
        run, _ = await run_through(path, server, 2)
    for trial in run.trials:
        assert trial.verdict is not None and trial.status == 400
        assert trial.verdict.source is RefusalSource.PROVIDER_FILTER


@pytest.mark.parametrize(
    ("fault", "tries", "said"),
    [
        ("status=400", 1, "400"),
        ("status=500", 2, "500"),
        ("status=429;retry-after=0", 2, "429"),
        ("status=429;retry-after=86400", 1, "429"),
        ("drop", 2, "connection broke"),
        ("html", 2, "invalid response"),
    ],
)
async def test_a_failure_is_an_error_with_a_reason_and_tried_again_where_that_may_help(
    fault: str, tries: int, said: str, path: Path
) -> None:
    with a_model(a_probe_set(1), fault) as server:
        run, _ = await run_through(path, server, 1)
    assert set(asked(server).values()) == {tries}
    [trial] = run.trials
    assert trial.verdict is None and said in trial.error and "\n" not in trial.error


async def test_a_provider_that_is_not_there_is_unreachable(path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    target = by_litellm("openai/balanced", base_url=url, api_key=KEY)
    run, _ = await run_of(path, a_probe_set(1), target, limits=QUICK)
    assert [trial.error for trial in run.trials] == ["could not connect"]


async def test_a_provider_that_litellm_does_not_know_is_an_error_of_every_attempt(
    path: Path,
) -> None:
    run, summary = await run_of(path, a_probe_set(2), by_litellm("nobody/model"), limits=QUICK)
    assert summary.errors == 2
    assert all("nobody/model" in trial.error for trial in run.trials)


def test_the_price_is_listed_unless_the_address_is_ones_own() -> None:
    assert price_of(by_litellm("openai/gpt-4o"), None) is not None
    assert price_of(by_litellm("openai/gpt-4o", base_url="http://127.0.0.1:1/v1"), None) is None
    assert price_of(by_litellm("nobody/model"), "1/2") is not None


@pytest.mark.parametrize("model", ["", "  ", "openai/\n"])
def test_what_is_no_model_is_refused(model: str) -> None:
    with pytest.raises(TargetProblem, match="PROVIDER/MODEL"):
        by_litellm(model)


def test_litellm_is_imported_for_no_other_target() -> None:
    script = "import probes.run_asked, sys; assert 'litellm' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)

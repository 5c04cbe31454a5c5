"""What calls cost."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.config import Settings, settings_from
from gateway.limits import Prices, Usage, unpriced
from gateway.limits.prices import may_reach
from probes.price import installed_table
from tests.services import ROOT

OPENAI = "https://api.openai.com/v1"
TABLE: dict[str, Any] = {
    "gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-6,
               "output_cost_per_token": 1e-5, "cache_read_input_token_cost": 1.25e-6},
    "gpt-4o-mini": {"litellm_provider": "openai", "input_cost_per_token": 1.5e-7,
                    "output_cost_per_token": 6e-7},
    "text-embedding-3-small": {"litellm_provider": "openai", "input_cost_per_token": 2e-8},
    "claude-x": {"litellm_provider": "anthropic", "input_cost_per_token": 3e-6,
                 "output_cost_per_token": 1.5e-5, "cache_read_input_token_cost": 3e-7,
                 "cache_creation_input_token_cost": 3.75e-6},
    "groq/llama": {"litellm_provider": "groq", "input_cost_per_token": 1e-7,
                   "output_cost_per_token": 2e-7},
    "dall-e": {"litellm_provider": "openai", "output_cost_per_image": 0.04},
    "odd": "not a row",
}  # fmt: skip


def configured(*deployments: dict[str, Any], **more: Any) -> Settings:
    keys = more.pop("keys", [{"name": "team-a", "key": "k", "usd_per_month": 5.0}])
    listed = [{"name": f"d{n}", **each} for n, each in enumerate(deployments)]
    return settings_from({"deployments": listed, "keys": keys, **more}, environ={})


def deployment(serves: str = "*", /, **upstream: Any) -> dict[str, Any]:
    return {"model": serves, "upstream": {"base_url": OPENAI, **upstream}}


def prices(*deployments: dict[str, Any]) -> Prices:
    return Prices(configured(*deployments), TABLE)


def test_a_configured_price_is_for_a_million_tokens_of_each_direction() -> None:
    price = {"input_usd_per_million": 2.0, "output_usd_per_million": 10.0}
    found = prices(deployment("gpt-4o", price=price))
    assert found.usd("d0", Usage(1_000_000, 0)) == pytest.approx(2.0)
    assert found.usd("d0", Usage(500_000, 100_000), "whatever") == pytest.approx(2.0)


def test_a_known_providers_price_is_looked_up() -> None:
    found = prices(
        deployment("gpt-4o"),
        deployment("small", model="gpt-4o-mini"),
        {"model": "fast", "upstream": {"provider": "groq", "model": "llama"}},
    )
    assert found.usd("d0", Usage(1000, 100)) == pytest.approx(0.0035)
    assert found.usd("d1", Usage(1000, 100)) == pytest.approx(0.00021)
    assert found.usd("d2", Usage(1000, 100)) == pytest.approx(0.00012)


def test_tokens_of_a_prompt_cache_have_prices_of_their_own() -> None:
    found = prices({"model": "c", "upstream": {"provider": "anthropic", "model": "claude-x"}})
    usage = Usage(1000, 10, cache_read_tokens=600, cache_write_tokens=300)
    expected = 100 * 3e-6 + 600 * 3e-7 + 300 * 3.75e-6 + 10 * 1.5e-5
    assert found.usd("d0", usage) == pytest.approx(expected)


def test_a_deployment_of_many_models_is_priced_by_the_one_that_was_asked_for() -> None:
    found = prices(deployment("gpt-*"))
    assert found.usd("d0", Usage(1000, 100), "gpt-4o") == pytest.approx(0.0035)
    assert found.usd("d0", Usage(1000, 100), "gpt-4o-mini") == pytest.approx(0.00021)
    assert found.usd("d0", Usage(1000, 100), "text-embedding-3-small") is None


def test_a_model_without_a_price_costs_nothing_and_is_said_once() -> None:
    found = prices(deployment())
    with capture_logs() as lines:
        for _ in range(3):
            assert found.usd("d0", Usage(1, 1), "x" * 5000) is None
        for n in range(500):
            assert found.usd("d0", Usage(1, 1), f"invented-{n}") is None
    assert lines[0]["event"] == "price_unknown"
    assert len(lines[0]["model"]) == 100
    assert len(lines) == 100


def test_the_name_of_a_model_on_a_server_of_ones_own_says_nothing_about_its_price() -> None:
    found = prices(deployment("gpt-4o", base_url="http://127.0.0.1:8000/v1"))
    assert found.usd("d0", Usage(1, 1), "gpt-4o") is None


def test_a_price_is_that_of_the_provider_and_not_of_anothers_model_of_that_name() -> None:
    upstream = {"provider": "anthropic", "model": "gpt-4o"}
    assert prices({"model": "c", "upstream": upstream}).usd("d0", Usage(1, 1)) is None


def test_what_is_not_priced_by_tokens_has_no_price() -> None:
    assert prices(deployment("dall-e")).usd("d0", Usage(1, 1)) is None
    assert prices(deployment("odd")).usd("d0", Usage(1, 1)) is None


def test_a_call_of_unknown_usage_has_no_cost() -> None:
    assert prices(deployment("gpt-4o")).usd("d0", None) is None


def test_every_budget_that_cannot_be_kept_is_named_with_its_remedy() -> None:
    settings = configured(
        deployment("gpt-4o"),
        deployment("own", base_url="http://127.0.0.1:8000/v1"),
        deployment("own-*", base_url="http://127.0.0.1:8000/v1",
                   price={"input_usd_per_million": 0.0, "output_usd_per_million": 0.0}),
    )  # fmt: skip
    assert unpriced(settings, TABLE) == [
        "deployments[1].upstream.price: 'd1' has no known price, so its calls count nothing "
        "against usd_per_month of the key 'team-a'; write price: {input_usd_per_million: ..., "
        "output_usd_per_million: ...}"
    ]


def test_without_a_budget_no_price_is_missed() -> None:
    settings = configured(deployment("own"), keys=[{"name": "a", "key": "k", "rpm": 5}])
    assert unpriced(settings) == []


def test_a_deployment_that_no_budgeted_key_can_reach_needs_no_price() -> None:
    keys = [{"name": "a", "key": "k", "models": ["gpt-*"], "usd_per_month": 5.0},
            {"name": "b", "key": "l"}]  # fmt: skip
    own = {"base_url": "http://127.0.0.1:8000/v1"}
    settings = configured(deployment("gpt-4o"), deployment("own", **own), keys=keys)
    assert unpriced(settings, TABLE) == []
    fallen = {"gpt-4o": {"content_policy_fallbacks": ["d1"]}}
    settings = configured(deployment("gpt-4o"), deployment("own", **own), keys=keys, routes=fallen)
    assert len(unpriced(settings, TABLE)) == 1


@pytest.mark.parametrize(
    ("allowed", "served", "reaches"),
    [("gpt-4o", "gpt-4o", True), ("gpt-4o", "gpt-4", False), ("gpt-*", "gpt-4o", True),
     ("gpt-4o", "gpt-*", True), ("claude", "gpt-*", False), ("gpt-4*", "gpt-*", True),
     ("claude-*", "gpt-*", False), ("*", "gpt-*", True), ("*-mini", "gpt-*", True)],
)  # fmt: skip
def test_a_key_reaches_what_some_model_name_may_lead_to(
    allowed: str, served: str, reaches: bool
) -> None:
    keys = [{"name": "a", "key": "k", "models": [allowed]}]
    settings = configured(deployment(served), keys=keys)
    assert may_reach(settings, settings.keys[0], settings.deployments[0]) is reaches


def test_the_installed_table_is_read_without_running_litellm() -> None:
    if find_spec("litellm") is None:
        pytest.skip("litellm is not installed; pip install 'candor[litellm]'")
    program = (
        "import sys; from probes.price import installed_table; t = installed_table();"
        "assert not any(m.split('.')[0] == 'litellm' for m in sys.modules);"
        "print(t['gpt-4o']['litellm_provider'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "openai", done.stderr


def test_the_installed_table_prices_what_people_use() -> None:
    table = installed_table()
    if not table:
        pytest.skip("litellm is not installed; pip install 'candor[litellm]'")
    settings = configured(
        deployment("gpt-4o"),
        deployment(),
        {"model": "c", "upstream": {"provider": "anthropic", "model": "claude-sonnet-4-5"}},
        {"model": "g", "upstream": {"provider": "gemini", "model": "gemini-2.5-flash"}},
        {"model": "z", "upstream": {"provider": "azure", "model": "gpt-4o"}},
    )
    assert unpriced(settings, table) == []
    found = Prices(settings, table)
    assert found.usd("d1", Usage(1000, 0), "text-embedding-3-small") == pytest.approx(2e-5)

"""What tokens cost, and what a run may spend."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from classifiers.exchange import Ending, Exchange, Usage
from probes.budget import Budget
from probes.price import Price, listed_price, parse_price, provider_at
from probes.problem import BudgetProblem


def replied(tokens: Usage | None = None, reply: str = "x" * 300) -> Exchange:
    return Exchange((), reply, usage=tokens)


def test_a_price_is_dollars_for_a_million_tokens_in_and_out() -> None:
    assert parse_price("2.5/10") == Price(2.5, 10.0)
    assert Price(2.5, 10.0).of(replied(Usage(1_000_000, 500_000))) == 7.5
    assert Price(2.5, 10.0).of(replied()) is None


@pytest.mark.parametrize("text", ["", "5", "1/2/3", "a/b", "-1/2", "nan/1", "1/inf"])
def test_what_is_no_price_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(BudgetProblem, match="INPUT/OUTPUT"):
        parse_price(text)


def test_the_listed_price_is_that_of_the_provider_who_is_asked() -> None:
    if find_spec("litellm") is None:
        pytest.skip("LiteLLM, whose table it is, is not installed")
    by_host = listed_price("gpt-4o", provider_at("https://api.openai.com/v1"))
    assert by_host == listed_price("openai/gpt-4o") == listed_price("gpt-4o")
    assert (
        by_host is not None and 0 < by_host.input_usd_per_million < by_host.output_usd_per_million
    )
    assert listed_price("anthropic/claude-sonnet-4-5") is not None
    assert listed_price("anthropic/gpt-4o") is None
    assert listed_price("openai/no-such-model") is None


def test_a_server_of_ones_own_has_no_listed_price_whatever_it_calls_its_models() -> None:
    assert provider_at("http://127.0.0.1:8000/v1") is None
    assert provider_at("https://api.openai.com.example.org/v1") is None


def test_a_cap_without_a_price_is_refused_and_names_the_remedy() -> None:
    with pytest.raises(BudgetProblem, match="--price INPUT/OUTPUT"):
        Budget(None, 1.0)


def test_a_cap_is_reached_when_it_is_spent_and_not_before() -> None:
    budget = Budget(Price(1.0, 1.0), 0.002, spent_usd=0.001)
    assert budget.charge(replied(Usage(500, 499)), request_bytes=10) == pytest.approx(0.000999)
    assert not budget.reached
    budget.charge(replied(Usage(1, 0)), request_bytes=10)
    assert budget.reached


def test_without_a_cap_nothing_is_ever_reached() -> None:
    budget = Budget(Price(1e6, 1e6))
    budget.charge(replied(Usage(1, 1)), request_bytes=10)
    assert budget.spent_usd == 2.0 and not budget.reached


def test_a_reply_without_a_count_is_booked_by_its_length_and_its_cost_is_not_known() -> None:
    budget = Budget(Price(0.0, 1e6), 100.0)
    assert budget.charge(replied(reply="x" * 300), request_bytes=30) is None
    assert budget.spent_usd >= 100
    assert budget.reached


def test_an_error_without_a_count_costs_nothing() -> None:
    budget = Budget(Price(1.0, 1.0), 1.0)
    failed = Exchange((), "", ending=Ending.ERROR, problem="HTTP 500")
    assert budget.charge(failed, request_bytes=3_000_000) is None
    assert budget.spent_usd == 0


def test_a_reply_that_never_came_is_booked_as_it_was_expected() -> None:
    budget = Budget(Price(0.0, 1e6), 200.0)
    budget.charge_lost(request_bytes=30, expected_tokens=256)
    assert budget.spent_usd == 256 - 11 and budget.reached
    free = Budget()
    free.charge_lost(request_bytes=30, expected_tokens=256)
    assert free.spent_usd == 0

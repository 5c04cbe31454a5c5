"""What a run cost, and whether the model that was asked is the one that answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.exchange import Usage
from probes.ledger import Ledger, is_version_of, notes
from tests.probes.trials import C, E, a_case, a_trial


def ledger_of(models: dict[str, int], **changes: object) -> Ledger:
    ledger = Ledger()
    for model, count in models.items():
        for number in range(count):
            trial = a_trial(a_case(f"{model}-{number}"), C)
            ledger.add(replace(trial, model=model, **changes))  # type: ignore[arg-type]
    return ledger


@pytest.mark.parametrize(
    ("name", "asked_for", "same"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o-2024-11-20", "gpt-4o", True),
        ("gpt-4o", "openai/gpt-4o", True),
        ("GPT-4o", "gpt-4o", True),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5", True),
        ("mistral-large-2411", "mistral-large-latest", True),
        ("gpt-4o-mini", "gpt-4o", False),
        ("gpt-4o-mini-2024-07-18", "gpt-4o", False),
        ("llama-3", "gpt-4o", False),
        ("gpt-4", "gpt-4o", False),
    ],
)
def test_a_release_of_the_model_is_the_model_and_a_smaller_one_is_not(
    name: str, asked_for: str, *, same: bool
) -> None:
    assert is_version_of(name, asked_for) is same


def test_replies_of_another_model_are_counted_and_named() -> None:
    ledger = ledger_of({"gpt-4o-2024-11-20": 5, "llama-3": 2, "llama-2": 1})
    [line] = notes(ledger, asked_for="gpt-4o", pinned=False)
    assert line.startswith("3 of 8 replies carry another model's name than gpt-4o: llama-3 (2), ")


def test_a_name_in_a_reply_gives_no_commands_to_the_terminal_and_fills_no_screen() -> None:
    [line] = notes(ledger_of({"\x1b[2J" + "x" * 999: 1}), asked_for="gpt-4o", pinned=False)
    assert "\x1b" not in line and len(line) < 200


def test_a_gateways_deployment_may_answer_under_any_one_name_but_not_under_two() -> None:
    assert notes(ledger_of({"gpt-4o": 3}), asked_for="prod", pinned=True) == []
    assert notes(ledger_of({"gpt-4o": 3, "llama": 1}), asked_for="prod", pinned=True)


def test_many_names_take_no_more_room_than_a_hundred() -> None:
    ledger = ledger_of({f"m{n}": 1 for n in range(500)})
    assert len(ledger.models) <= 101 and sum(ledger.models.values()) == 500


def test_the_cost_is_said_with_how_many_trials_it_covers_and_how_many_it_does_not() -> None:
    ledger = ledger_of({"m": 3}, cost_usd=0.25)
    ledger.add(a_trial(a_case("uncounted"), C))
    ledger.add(a_trial(a_case("failed"), E))
    [line] = notes(ledger, asked_for="m", pinned=False)
    assert line == "cost $0.7500 over 3 trials; replies without a count of tokens: 1"


def test_replies_that_nobody_counted_are_said_where_a_cost_was_asked_for() -> None:
    ledger = ledger_of({"m": 3})
    [line] = notes(ledger, asked_for="m", pinned=False, priced=True)
    assert line == "the cost is not known: 3 replies came without a count of tokens"
    assert notes(ledger, asked_for="m", pinned=False) == []


def test_trials_without_a_cost_are_owed_for_by_their_tokens_else_by_their_length() -> None:
    ledger = Ledger()
    ledger.add(replace(a_trial(a_case("counted"), C), input_tokens=70, output_tokens=30))
    assert (ledger.uncounted, ledger.unpriced(300)) == (0, Usage(70, 30))
    ledger.add(replace(a_trial(a_case("uncounted"), C), reply="x" * 300))
    owed = ledger.unpriced(300)
    assert ledger.uncounted == 1 and owed.input_tokens > 170 and owed.output_tokens == 131
    ledger.add(replace(a_trial(a_case("priced"), C), cost_usd=1.0))
    assert ledger.unpriced(300) == owed


def test_kept_replies_are_said() -> None:
    lines = notes(ledger_of({"m": 2}, cached=True), asked_for="m", pinned=False)
    assert lines == ["2 replies were kept from earlier runs: no model was asked"]

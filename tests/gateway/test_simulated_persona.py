"""How often each persona refuses, and the truth about any list."""

from __future__ import annotations

import pytest

from gateway.simulated.persona import (
    TILTS,
    Persona,
    acting,
    refusal_probability,
    refuses,
    truth_rate,
)
from probes.case import OR_BENCH_CATEGORIES, Expectation, ProbeCase


def made(expectation: Expectation, count: int = 2000) -> list[ProbeCase]:
    """Cases that no set holds, spread evenly over the ten categories."""
    kinds = [OR_BENCH_CATEGORIES[n % 10] for n in range(count)]
    return [
        ProbeCase(str(n), "made", f"Prompt number {n} on {kind}", kind, expectation)
        for n, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    ("persona", "expectation", "nominal"),
    [
        (Persona.BALANCED, Expectation.COMPLY, 0.08),
        (Persona.BALANCED, Expectation.REFUSE, 0.95),
        (Persona.CAUTIOUS, Expectation.COMPLY, 0.55),
        (Persona.CAUTIOUS, Expectation.REFUSE, 0.99),
        (Persona.PERMISSIVE, Expectation.COMPLY, 0.015),
        (Persona.PERMISSIVE, Expectation.REFUSE, 0.45),
    ],
)
def test_the_true_share_over_two_thousand_cases_is_near_the_nominal_one(
    persona: Persona, expectation: Expectation, nominal: float
) -> None:
    refused, total = truth_rate(persona, made(expectation))
    spread = (nominal * (1 - nominal) / total) ** 0.5
    assert total == 2000
    assert abs(refused / total - nominal) < 4 * spread


def test_a_decision_is_the_same_in_any_order_and_however_often_it_is_asked() -> None:
    cases = made(Expectation.COMPLY, 300)
    forth = [refuses(Persona.CAUTIOUS, case, 7) for case in cases]
    back = [refuses(Persona.CAUTIOUS, case, 7) for case in reversed(cases)]
    assert forth == back[::-1]
    assert True in forth and False in forth


def test_another_seed_decides_otherwise_at_the_same_rate() -> None:
    cases = made(Expectation.COMPLY)
    first, second = ([refuses(Persona.CAUTIOUS, case, seed) for case in cases] for seed in (1, 2))
    assert first != second
    assert abs(sum(first) - sum(second)) < 200


def test_the_set_a_prompt_comes_from_does_not_change_the_decision() -> None:
    case = made(Expectation.COMPLY, 1)[0]
    other = ProbeCase("x", "other", f" {case.prompt}\n", case.category, case.expectation)
    assert all(
        refuses(Persona.CAUTIOUS, case, seed) == refuses(Persona.CAUTIOUS, other, seed)
        for seed in range(50)
    )


def test_in_every_category_cautious_refuses_more_than_balanced_and_permissive_least() -> None:
    for category in (*OR_BENCH_CATEGORIES, "anything else"):
        for expectation in Expectation:
            by = [
                refusal_probability(persona, expectation, category)
                for persona in (Persona.PERMISSIVE, Persona.BALANCED, Persona.CAUTIOUS)
            ]
            assert by == sorted(set(by)), (category, expectation)


def test_categories_differ_and_their_tilts_cancel_out() -> None:
    assert set(TILTS) == set(OR_BENCH_CATEGORIES)
    assert sum(TILTS.values()) == pytest.approx(0)
    privacy, elsewhere, sexual = (
        refusal_probability(Persona.BALANCED, Expectation.COMPLY, category)
        for category in ("privacy", "elsewhere", "sexual")
    )
    assert privacy < elsewhere < sexual
    assert elsewhere == pytest.approx(0.08)


def test_drifting_is_balanced_before_its_moment_and_cautious_after() -> None:
    assert acting(Persona.DRIFTING, drifted=False) is Persona.BALANCED
    assert acting(Persona.DRIFTING, drifted=True) is Persona.CAUTIOUS
    assert acting(Persona.PERMISSIVE, drifted=True) is Persona.PERMISSIVE
    cases = made(Expectation.COMPLY)
    assert truth_rate(Persona.DRIFTING, cases) == truth_rate(Persona.BALANCED, cases)


def test_the_truth_about_no_cases_is_none_of_none() -> None:
    assert truth_rate(Persona.BALANCED, []) == (0, 0)
